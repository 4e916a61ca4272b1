//! Full disks, and outputs that are devices: the error names them, and existing files survive.

use super::support::{LABEL_IMAGE, Outcome, RETRAIN, Workspace, command, files_under};
use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs `retrain` with a limit on file size, in kilobytes, which looks like a full disk.
fn retrain_limited(workspace: &Workspace, kilobytes: u32, args: &[&str]) -> (i32, String) {
    let whole = workspace.retrain_command(args);
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
    let mut shell: Command = command("/bin/sh", workspace.root(), &["-c", &script, RETRAIN]);
    let output = shell.args(whole.get_args()).output().unwrap();
    (output.status.code().expect("ended by a signal"), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disk_is_named_and_a_run_with_room_completes() {
    let clean = Workspace::with_photos(20);
    clean.retrain(&[]).expect_code(0);
    let wanted = fs::read(clean.path("graph.pb")).unwrap();
    let workspace = Workspace::with_photos(20);
    workspace.write("graph.pb", "the graph of yesterday");
    workspace.write("labels.txt", "labels of yesterday\n");
    let mut at = Vec::new();
    // The limits fail everything that is written, from the first text file to the graph.
    for kilobytes in [4, 40, 300, 1500] {
        let args = ["--checkpoint_frequency=1", "--intermediate_store_frequency=5"];
        let (code, stderr) = retrain_limited(&workspace, kilobytes, &args);
        assert_eq!(code, 1, "{kilobytes}: {stderr}");
        let last = stderr.lines().last().unwrap();
        assert!(
            last.starts_with("ERROR:") && last.ends_with(": File too large (os error 27)"),
            "{kilobytes}: {last}"
        );
        let path = last.split("writing ").nth(1).unwrap().split(": ").next().unwrap().to_owned();
        assert!(workspace.path(&path).parent().unwrap().is_dir(), "{path} is no place");
        at.push(path);
        assert_eq!(fs::read(workspace.path("graph.pb")).unwrap(), b"the graph of yesterday");
        assert_eq!(fs::read(workspace.path("labels.txt")).unwrap(), b"labels of yesterday\n");
        assert!(
            files_under(workspace.root()).iter().all(|f| !f.ends_with(".tmp")),
            "temporary files stay behind"
        );
    }
    at.dedup();
    assert!(at.len() >= 2, "all stopped at the same: {at:?}");
    workspace.retrain(&[]).expect_code(0);
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == wanted);
    assert_eq!(
        fs::read(workspace.path("labels.txt")).unwrap(),
        fs::read(clean.path("labels.txt")).unwrap()
    );
}

#[test]
fn devices_are_written_to_and_never_replaced() {
    let workspace = Workspace::with_photos(20);
    // A link, so that a bug would destroy only the link.
    symlink("/dev/full", workspace.path("full")).unwrap();
    let outcome = workspace.retrain(&["--output_labels=full"]).expect_code(1);
    assert!(
        outcome
            .stderr
            .ends_with("ERROR:retrain:writing full: No space left on device (os error 28)\n"),
        "{}",
        outcome.stderr
    );
    assert!(
        workspace.path("full").is_symlink()
            && fs::metadata("/dev/full").unwrap().file_type().is_char_device()
    );
    symlink("/dev/null", workspace.path("null")).unwrap();
    workspace.retrain(&["--output_labels=null"]).expect_code(0);
    assert!(
        workspace.path("null").is_symlink()
            && fs::metadata("/dev/null").unwrap().file_type().is_char_device()
    );
}

#[test]
fn links_stay_links_and_what_they_point_to_is_written() {
    let workspace = Workspace::with_photos(20);
    let target = workspace.write("elsewhere/labels", "old\n");
    symlink("elsewhere/labels", workspace.path("labels.txt")).unwrap();
    symlink("elsewhere/graph", workspace.path("graph.pb")).unwrap();
    workspace.retrain(&[]).expect_code(0);
    assert!(workspace.path("labels.txt").is_symlink() && workspace.path("graph.pb").is_symlink());
    assert_eq!(fs::read_to_string(target).unwrap(), "globular cluster\nopen cluster\n");
    assert!(workspace.path("elsewhere/graph").is_file());
}

#[test]
fn label_image_says_so_where_its_answer_cannot_be_written() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let args =
        ["--graph=graph.pb", "--labels=labels.txt", "--image=photos/open cluster/o00000.jpg"];
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command(LABEL_IMAGE, workspace.root(), &args).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("standard output: No space left on device"), "{stderr}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(LABEL_IMAGE, workspace.root(), &args).stdout(writer).output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr),
        (Some(0), Vec::new()),
        "whoever reads has read enough"
    );
}

#[test]
fn photographs_that_vanish_are_named() {
    let workspace = Workspace::with_photos(20);
    // The photograph was there when the class was listed and is gone when it is read, like a
    // dangling link.
    let photo = workspace.path("photos/open cluster/o00003.jpg");
    workspace.retrain(&[]).expect_code(0);
    fs::remove_file(&photo).unwrap();
    symlink("gone", &photo).unwrap();
    let outcome = workspace.retrain(&[]).expect_code(1);
    outcome.says(
        "photos/open cluster/o00003.jpg (cannot be read (No such file or directory (os error 2)))",
    );
}

/// Starts a run, and removes `what` as soon as the first bottlenecks exist.
fn run_without(workspace: &Workspace, what: &str) -> Outcome {
    let child = workspace
        .retrain_command(&[])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let cached =
        || fs::read_dir(workspace.path("bottlenecks/globular cluster")).map_or(0, Iterator::count);
    while cached() < 10 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::rename(workspace.path(what), workspace.path("away")).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        code: output.status.code().expect("ended by a signal"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[test]
fn what_vanishes_during_the_run_is_named_and_the_next_run_goes_on() {
    let clean = Workspace::with_photos(150);
    clean.retrain(&[]).expect_code(0);
    let workspace = Workspace::with_photos(150);
    let photos = run_without(&workspace, "photos/open cluster").expect_code(1);
    let gone = "(cannot be read (No such file or directory (os error 2)))";
    assert!(
        photos.stderr.lines().any(|l| l.contains("photos/open cluster/o0") && l.ends_with(gone))
    );
    fs::rename(workspace.path("away"), workspace.path("photos/open cluster")).unwrap();
    fs::remove_dir_all(workspace.path("bottlenecks")).unwrap();
    let cache = run_without(&workspace, "bottlenecks").expect_code(1);
    let last = cache.stderr.lines().last().unwrap();
    assert!(last.starts_with("ERROR:retrain:writing bottlenecks/"), "{last}");
    assert!(last.ends_with(".txt: No such file or directory (os error 2)"), "{last}");
    assert!(!workspace.path("graph.pb").exists());
    workspace.retrain(&[]).expect_code(0);
    assert!(
        fs::read(workspace.path("graph.pb")).unwrap() == fs::read(clean.path("graph.pb")).unwrap()
    );
}
