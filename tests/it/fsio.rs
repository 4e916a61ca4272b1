//! Files are replaced whole or not at all, and what killed writers leave is cleared.

use super::support::{RETRAIN, Workspace, command, files_under};
use crate::simulate::{Plan, simulate_clusters};
use retrain::fsio;
use std::fs::{self, File};
use std::io::{Error, Read, Write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const OLD: &[u8] = b"what was there before";
const NEW: &[u8] = b"what is to be there";

fn names(dir: &Path) -> Vec<String> {
    let name = |e: std::io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}

fn is_temporary(path: &str) -> bool {
    path.rsplit('/').next().unwrap().starts_with(".retrain-")
}

#[test]
fn a_reader_in_the_midst_of_a_write_finds_the_old_file() {
    let workspace = Workspace::new();
    let path = workspace.path("result");
    for before in [None, Some(OLD)] {
        let look = || assert_eq!(fs::read(&path).ok().as_deref(), before);
        fsio::write_with(&path, |file| {
            look();
            file.write_all(&NEW[..9])?;
            file.sync_all()?;
            look();
            file.write_all(&NEW[9..])?;
            look();
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), NEW);
        fs::write(&path, OLD).unwrap();
    }
    assert_eq!(names(workspace.root()), ["result"]);
}

#[test]
fn a_reader_keeps_the_file_it_has_opened() {
    let workspace = Workspace::new();
    let writers: [fn(&Path); 2] = [
        |path| fsio::write(path, NEW).unwrap(),
        |path| assert_eq!(fsio::write_cache(path, NEW).unwrap().len(), NEW.len() as u64),
    ];
    for write in writers {
        let path = workspace.write("result", OLD);
        let mut reader = File::open(&path).unwrap();
        write(&path);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, OLD, "it was written in place");
        assert_eq!(fs::read(&path).unwrap(), NEW);
        assert_eq!(names(workspace.root()), ["result"]);
    }
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
    let workspace = Workspace::new();
    let path = workspace.write("result", OLD);
    let unchanged = || {
        assert_eq!(fs::read(&path).unwrap(), OLD);
        assert_eq!(names(workspace.root()), ["result"]);
    };
    let error = fsio::write_with(&path, |file| {
        file.write_all(&NEW[..9])?;
        Err(Error::other("no more room"))
    });
    assert_eq!(error.unwrap_err().to_string(), format!("writing {}: no more room", path.display()));
    unchanged();
    let panicked = std::panic::catch_unwind(|| {
        fsio::write_with(&path, |file| {
            file.write_all(&NEW[..9]).unwrap();
            panic!("in the midst of a write");
        })
    });
    assert!(panicked.is_err());
    unchanged();
}

#[test]
fn a_file_that_cannot_get_its_name_is_named_and_removed() {
    let workspace = Workspace::new();
    let path = workspace.path("result");
    let error = fsio::write_with(&path, |file| {
        file.write_all(NEW)?;
        // Between writing and renaming, another takes the name.
        fs::create_dir(&path)
    });
    let message = error.unwrap_err().to_string();
    assert_eq!(message, format!("writing {}: Is a directory (os error 21)", path.display()));
    assert_eq!(files_under(workspace.root()), Vec::<String>::new());
}

#[test]
fn what_is_written_is_shared_like_any_other_file() {
    let workspace = Workspace::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode();
    let other = workspace.write("other", OLD);
    let path = workspace.path("result");
    fsio::write(&path, NEW).unwrap();
    assert_eq!(mode(&path), mode(&other));
}

#[test]
fn places_are_tried_out_before_they_are_needed() {
    let workspace = Workspace::new();
    fsio::check_dir(&workspace.path("a/b")).unwrap();
    assert_eq!(names(workspace.root()), Vec::<String>::new());
    fsio::check_writable(&workspace.path("a/b/result")).unwrap();
    assert!(workspace.path("a/b").is_dir());
    assert_eq!(files_under(workspace.root()), Vec::<String>::new());
    for dir in ["a", "a/b"] {
        assert!(fsio::check_writable(&workspace.path(dir)).is_err(), "{dir} is a directory");
    }
}

#[test]
fn each_result_of_a_run_is_replaced_and_never_written_in_place() {
    let workspace = Workspace::with_photos(20);
    let run = |steps: &str| {
        let args = ["--resume", "--intermediate_store_frequency=5", steps];
        workspace.retrain(&args).expect_code(0);
    };
    run("--how_many_training_steps=10");
    let results = [
        "graph.pb",
        "labels.txt",
        "summaries/retrain.state",
        "bottlenecks/open cluster/o00000.jpg_miniature.txt",
    ];
    let copy = |name: &str| workspace.path(&format!("kept{}", name.replace('/', "_")));
    for name in results {
        fs::hard_link(workspace.path(name), copy(name)).unwrap();
    }
    let before = results.map(|name| fs::read(copy(name)).unwrap());
    let photo = "photos/open cluster/o00000.jpg";
    fs::copy(workspace.path("photos/open cluster/o00001.jpg"), workspace.path(photo)).unwrap();
    run("--how_many_training_steps=12");
    let file = |path: &Path| fs::metadata(path).unwrap().ino();
    for (name, before) in results.iter().zip(before) {
        assert!(fs::read(copy(name)).unwrap() == before, "{name} was written in place");
        assert_ne!(file(&workspace.path(name)), file(&copy(name)), "{name} was not written");
    }
}

#[test]
fn temporary_files_are_cleared_unless_their_writer_lives() {
    let workspace = Workspace::new();
    let dir = workspace.root();
    for name in [".retrain-x", "retrain-x.tmp", ".retrain-x.tmp.txt", "x.tmp", "target"] {
        workspace.write(name, OLD);
    }
    fs::create_dir(workspace.path(".retrain-directory.tmp")).unwrap();
    symlink("target", workspace.path(".retrain-link.tmp")).unwrap();
    let pipe = workspace.path(".retrain-pipe.tmp");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let others = names(dir);
    workspace.write(".retrain-dead.tmp", OLD);
    fsio::write_with(&workspace.path("result"), |file| {
        file.write_all(NEW)?;
        fsio::clear_temporary_files(dir);
        let held = names(dir).into_iter().filter(|name| !others.contains(name)).count();
        assert_eq!(held, 1, "{:?}", names(dir));
        Ok(())
    })
    .unwrap();
    assert_eq!(fs::read(workspace.path("result")).unwrap(), NEW);
    fs::remove_file(workspace.path("result")).unwrap();
    assert_eq!(names(dir), others);
    // Where there is nothing to clear, nothing happens.
    fsio::clear_temporary_files(&workspace.path("nowhere"));
}

#[test]
fn temporary_directories_are_cleared_unless_their_maker_lives() {
    let workspace = Workspace::new();
    workspace.write(".retrain-dead.tmp", "");
    workspace.write(".retrain-dead.dir/module/saved_model.pb", OLD);
    let scratch = fsio::Scratch::new_in(workspace.root()).unwrap();
    fs::write(scratch.path().join("file"), NEW).unwrap();
    fsio::clear_temporary_files(workspace.root());
    assert_eq!(fs::read(scratch.path().join("file")).unwrap(), NEW);
    assert_eq!(names(workspace.root()).len(), 2, "the directory and what holds it");
    drop(scratch);
    assert_eq!(names(workspace.root()), Vec::<String>::new());
}

#[test]
fn writers_are_not_disturbed_by_clearing() {
    let workspace = Workspace::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fsio::clear_temporary_files(workspace.root());
            }
        });
        let writers = [0, 1, 2].map(|writer| {
            let path = workspace.path(&format!("result{writer}"));
            scope.spawn(move || (0..2000).try_for_each(|_| fsio::write_cache(&path, NEW).map(drop)))
        });
        let written = writers.map(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        written.into_iter().for_each(|written| written.unwrap());
    });
    assert_eq!(names(workspace.root()), ["result0", "result1", "result2"]);
}

/// Runs `retrain` until a file grows over so many kilobytes: there it is killed.
fn retrain_until(workspace: &Workspace, kilobytes: u32, args: &[&str]) {
    let whole = workspace.retrain_command(args);
    let script = format!("ulimit -c 0; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
    let mut shell: Command = command("/bin/sh", workspace.root(), &["-c", &script, RETRAIN]);
    // Without a place for the unnamed file that holds the network while training, which would grow
    // over the limit first.
    shell.env("TMPDIR", workspace.path("nowhere"));
    let output = shell.args(whole.get_args()).output().unwrap();
    assert_eq!(output.status.signal(), Some(25), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_a_run_leaves_that_is_killed_while_it_writes_the_next_clears() {
    let clean = Workspace::with_photos(20);
    clean.retrain(&[]).expect_code(0);
    let workspace = Workspace::with_photos(20);
    let left = || {
        files_under(workspace.root()).into_iter().filter(|f| is_temporary(f)).collect::<Vec<_>>()
    };
    retrain_until(&workspace, 4, &[]);
    let half = left();
    assert!(half.len() == 1 && half[0].starts_with("bottlenecks/"), "{half:?}");
    workspace.retrain(&[]).expect_code(0);
    assert_eq!(left(), Vec::<String>::new());
    for name in files_under(clean.root()).iter().filter(|f| !f.starts_with("summaries/")) {
        assert!(
            fs::read(workspace.path(name)).unwrap() == fs::read(clean.path(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn a_run_clears_each_place_that_it_writes_to() {
    let workspace = Workspace::with_photos(20);
    let args = [
        "--resume",
        "--intermediate_store_frequency=5",
        "--intermediate_output_graphs_dir=stored/step_",
        "--output_labels=link/labels.txt",
        "--model_dir=models",
        "--summaries_keep",
    ];
    workspace.write("elsewhere/labels.txt", "");
    symlink("elsewhere", workspace.path("link")).unwrap();
    workspace.retrain(&args).expect_code(0);
    let places = [
        ".",
        "bottlenecks",
        "bottlenecks/open cluster",
        "elsewhere",
        "models",
        "stored",
        "summaries",
        "summaries/run_0001",
    ];
    let leave = || {
        for place in places {
            workspace.write(&format!("{place}/.retrain-killed.tmp"), "half");
        }
    };
    let left = || {
        files_under(workspace.root()).into_iter().filter(|f| is_temporary(f)).collect::<Vec<_>>()
    };
    leave();
    assert_eq!(left().len(), places.len());
    workspace.retrain(&args).expect_code(0);
    assert_eq!(left(), Vec::<String>::new());
    // Without --resume a run has summaries of its own; it clears the others', too.
    leave();
    workspace.retrain(&args[1..]).expect_code(0);
    assert_eq!(left(), Vec::<String>::new());
}

#[test]
fn the_simulator_clears_the_directories_of_its_classes() {
    let workspace = Workspace::with_photos(2);
    let before = files_under(workspace.root());
    let left = workspace.write("photos/open cluster/.retrain-killed.tmp", "half");
    let plan = Plan { per_class: 2, size: 16, ..Plan::new(workspace.path("photos")) };
    simulate_clusters(&plan).unwrap();
    assert!(!left.exists());
    assert_eq!(files_under(workspace.root()), before);
}
