//! Whole runs: the same results as on Linux.

use super::{Wine, outcome, retrain_args, seen, wine};
use crate::pip_networks::kept;
use crate::resume::{signal, wait_until};
use crate::support::{LABEL_IMAGE, RETRAIN, Workspace, command, json, run, scores, strings};
use retrain::dataset::{System, category_of, hashed_path};
use retrain::model::WHEELS;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

const RETRAIN_WORKER: &str = env!("CARGO_BIN_EXE_retrain_worker");

/// Both compute with the same code for the same processor, built by other compilers.
const TOLERANCE: f32 = 1e-4;

/// The README's first block, but for the split: on Windows other texts are hashed.
const FIRST_BLOCK: [&str; 9] = [
    "--image_dir=tf_files/cluster_photos",
    "--architecture=mobilenet_v2_1.0_224",
    "--model_dir=tf_files/models",
    "--bottleneck_dir=tf_files/bottlenecks",
    "--summaries_dir=tf_files/training_summaries",
    "--output_graph=tf_files/retrained_graph.pb",
    "--output_labels=tf_files/retrained_labels.txt",
    "--how_many_training_steps=500",
    "--split_key=relative",
];

/// A directory with the README's photographs, and the network that the block would fetch.
fn readme() -> Option<Workspace> {
    let wheel = WHEELS.iter().find(|wheel| wheel.architecture == "mobilenet_v2_1.0_224").unwrap();
    let wheel = kept(wheel)?;
    let workspace = Workspace::new();
    let photographs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tf_files");
    fs::create_dir_all(workspace.path("tf_files/models")).unwrap();
    for name in ["cluster_photos", "test_photos"] {
        std::os::unix::fs::symlink(
            photographs.join(name),
            workspace.path(&format!("tf_files/{name}")),
        )
        .unwrap();
    }
    let name = wheel.file_name().unwrap();
    std::os::unix::fs::symlink(&wheel, workspace.path("tf_files/models").join(name)).unwrap();
    Some(workspace)
}

/// All lines but those with a time or a place.
fn told(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter(|line| line.contains("accuracy") || line.contains("entropy"));
    lines.map(|line| line.split_once(": Step").map_or(line, |(_, step)| step).to_owned()).collect()
}

#[test]
fn the_readmes_first_block_gives_what_it_gives_on_linux() {
    let Some(wine) = wine() else { return };
    let (Some(here), Some(there)) = (readme(), readme()) else { return };
    let linux = run(RETRAIN, here.root(), &[&FIRST_BLOCK[..], &["--random_seed=1"]].concat());
    let linux = linux.expect_code(0);
    let args = [&FIRST_BLOCK[..], &["--random_seed=1"]].concat();
    let windows = wine.run("retrain.exe", there.root(), &args).expect_code(0);
    assert_eq!(told(&windows.stderr).len(), told(&linux.stderr).len());
    let test = |stderr: &str| told(stderr).into_iter().find(|line| line.contains("Final test"));
    assert!(test(&windows.stderr).is_some());
    assert_eq!(test(&windows.stderr), test(&linux.stderr));
    let networks = [&here, &there].map(|workspace| {
        let network = "tf_files/models/mobilenet_v2_1.0_224/frozen_graph.pb";
        fs::read(workspace.path(network)).unwrap()
    });
    assert!(networks[0] == networks[1], "the networks that were built differ");
    let photograph = "--image=tf_files/test_photos/open cluster/o00061.jpg";
    let graph = "--graph=tf_files/retrained_graph.pb";
    let labels = "--labels=tf_files/retrained_labels.txt";
    let linux = run(LABEL_IMAGE, here.root(), &[photograph, graph, labels]).expect_code(0);
    let windows = wine.run("label_image.exe", there.root(), &[photograph, graph, labels]);
    close(&scores(&windows.expect_code(0).stdout), &scores(&linux.stdout));
    // The graph itself does on the other system what it does on its own.
    let linux = run(LABEL_IMAGE, there.root(), &[photograph, graph, labels]).expect_code(0);
    let windows = wine.run("label_image.exe", there.root(), &[photograph, graph, labels]);
    close(&scores(&windows.stdout), &scores(&linux.stdout));
}

#[track_caller]
fn close(windows: &[(String, f32)], linux: &[(String, f32)]) {
    assert_eq!(windows.len(), 2);
    for ((label, a), (same, b)) in windows.iter().zip(linux) {
        assert_eq!(label, same);
        assert!((a - b).abs() <= TOLERANCE, "{label}: {a} on Windows, {b} on Linux");
    }
}

/// A class's photographs of one set, in the metadata of a graph.
fn listed<'m>(metadata: &'m Value, set: &str) -> Vec<&'m str> {
    strings(&metadata["split"][set])
}

#[test]
fn by_default_the_split_is_the_scripts_on_windows() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let args = ["--image_dir=./photos/"];
    wine.retrain(workspace.root(), &args).expect_code(0);
    let metadata = json(&workspace.path("graph.pb.json"));
    let mut count = 0;
    for set in ["training", "validation", "testing"] {
        for path in listed(&metadata, set) {
            let mut parts = path.rsplit('\\');
            let (file, class) = (parts.next().unwrap(), parts.next().unwrap());
            let hashed = hashed_path("./photos/", class, file, System::Windows);
            assert_eq!(path, hashed);
            assert_eq!(category_of(hashed.as_bytes(), 10, 10).name(), set, "{path}");
            count += 1;
        }
    }
    assert_eq!(count, 40);
}

#[test]
fn a_relative_split_is_the_same_everywhere_and_so_is_the_cache() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    // Windows does not tell these endings apart; the script would take the photograph twice.
    let photograph = workspace.path("photos/open cluster");
    let name = fs::read_dir(&photograph).unwrap().next().unwrap().unwrap().path();
    fs::rename(&name, name.with_extension("JPG")).unwrap();
    let first = wine.retrain(workspace.root(), &["--split_key=relative"]).expect_code(0);
    let first = first.says("INFO:retrain:40 bottlenecks computed");
    let written = json(&workspace.path("graph.pb.json"));
    let again = wine.retrain(workspace.root(), &["--split_key=relative"]).expect_code(0);
    assert!(!again.stderr.contains("computed"), "{}", again.stderr);
    assert_eq!(told(&first.stderr), told(&again.stderr));
    let linux = run(RETRAIN, workspace.root(), &retrain_args(&["--split_key=relative"]));
    let linux = linux.expect_code(0);
    assert!(!linux.stderr.contains("computed"), "{}", linux.stderr);
    let here = json(&workspace.path("graph.pb.json"));
    for set in ["training", "validation", "testing"] {
        let windows: Vec<String> =
            listed(&written, set).iter().map(|path| path.replace('\\', "/")).collect();
        assert_eq!(windows, listed(&here, set));
    }
    assert_eq!(told(&first.stderr), told(&linux.stderr));
}

/// Starts a run, has Ctrl-C pressed in its course, and returns what it said.
fn interrupted(wine: &Wine, workspace: &Workspace, args: &[&str]) -> String {
    let mut command = wine.command("retrain.exe", workspace.root(), &retrain_args(args));
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a state", || workspace.path("summaries/retrain.state").exists());
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_run_that_is_stopped_or_killed_goes_on_to_the_same_result() {
    let Some(wine) = wine() else { return };
    let steps = "--how_many_training_steps=1500";
    let clean = Workspace::with_photos(20);
    wine.retrain(clean.root(), &[steps]).expect_code(0);
    let wanted = fs::read(clean.path("graph.pb")).unwrap();
    let workspace = Workspace::with_photos(20);
    let args = [steps, "--resume", "--checkpoint_frequency=50"];
    let said = interrupted(&wine, &workspace, &args);
    assert!(said.contains("stopped by Ctrl-C"), "{said}");
    assert!(said.contains(r"kept in summaries\retrain.state"), "{said}");
    // And killed, as by the task manager.
    let state = fs::metadata(workspace.path("summaries/retrain.state")).unwrap();
    let mut command = wine.command("retrain.exe", workspace.root(), &retrain_args(&args));
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let newer = |now: fs::Metadata| now.modified().unwrap() > state.modified().unwrap();
    wait_until("a newer state", || {
        fs::metadata(workspace.path("summaries/retrain.state")).is_ok_and(newer)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    wine.retrain(workspace.root(), &args).expect_code(0).says("INFO:retrain:Resuming after");
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == wanted, "another graph");
    let left = walkdir::WalkDir::new(workspace.root()).into_iter().flatten();
    let left: Vec<_> = left.filter(|e| e.file_name().to_string_lossy().ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_a_run_says_to_type_next_can_be_typed() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let said = wine.retrain(workspace.root(), &["--output_graph=my graph.pb"]).expect_code(0);
    let (_, command) = said.stderr.split_once("To label photographs: ").unwrap();
    let command = command.lines().next().unwrap();
    assert!(command.contains(r#"--graph="my graph.pb" --image="photos\"#), "{command}");
    // Wine's prompt takes `label_image` for its own command `label`.
    let program = seen(&wine.dir.join("label_image.exe"));
    let command = command.replacen("label_image", &program, 1);
    let typed = wine.typed(workspace.root(), &format!("{command} --labels=labels.txt"));
    let typed = typed.expect_code(0);
    assert_eq!(scores(&typed.stdout).len(), 2, "{}{}", typed.stdout, typed.stderr);
    // Patterns, too, which the prompt leaves to the program.
    workspace.write("photos/open cluster/Thumbs.db", "not a photograph");
    for pattern in [r"photos\open cluster\*.JPG", r"photos\open cluster\*"] {
        let args = ["--graph=my graph.pb", "--labels=labels.txt", "--format=csv", pattern];
        let rows = wine.run("label_image.exe", workspace.root(), &args).expect_code(0);
        let found = rows.stdout.lines().filter(|line| line.contains(r"\open cluster\")).count();
        assert_eq!(found, 20, "{pattern}");
    }
    let args = ["--graph=my graph.pb", "--labels=labels.txt", r"photos\open cluster\*.gif"];
    let none = wine.run("label_image.exe", workspace.root(), &args).expect_code(1);
    none.says(r"photos\open cluster\*.gif: no file matches the pattern");
}

#[test]
fn missing_shards_are_computed_by_a_line_for_the_prompt() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let cache = ["--image_dir=photos", "--architecture=miniature", "--model_dir=models"];
    let shard = [&cache[..], &["--bottleneck_dir=bottlenecks", "--shard=1/3"]].concat();
    wine.run("cache_bottlenecks.exe", workspace.root(), &shard).expect_code(0);
    let said = wine.retrain(workspace.root(), &["--how_many_training_steps=1"]).expect_code(0);
    let (_, line) = said.stderr.split_once("stop it and run: ").unwrap();
    let line = line.lines().next().unwrap();
    assert!(line.starts_with("for %i in (2 3) do cache_bottlenecks "), "{line}");
    fs::remove_dir_all(workspace.path("bottlenecks")).unwrap();
    wine.run("cache_bottlenecks.exe", workspace.root(), &shard).expect_code(0);
    // In a file `%` is written twice.
    wine.typed(workspace.root(), &line.replace('%', "%%")).expect_code(0);
    let again = wine.retrain(workspace.root(), &["--how_many_training_steps=1"]).expect_code(0);
    assert!(!again.stderr.contains("computed"), "{}", again.stderr);
}

#[test]
fn workers_are_used_from_windows_and_need_linux_themselves() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let mut worker = command(RETRAIN_WORKER, workspace.root(), &["--listen=127.0.0.1:0"]);
    let mut worker = worker.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(worker.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let workers = format!("--workers={}", address.trim());
    let ran = wine.retrain(workspace.root(), &[&workers, "--workers_only"]);
    worker.kill().unwrap();
    worker.wait().unwrap();
    ran.expect_code(0).says("has computed 40 images");
    let args = ["--listen=127.0.0.1:0"];
    let refused = wine.run("retrain_worker.exe", workspace.root(), &args).expect_code(1);
    refused.says("workers need Linux");
}

/// Wine's own Python would need an installation; a directory like one is enough to be found.
#[test]
fn tensorflow_of_the_programs_own_environment_is_used_where_it_is() {
    let Some(wine) = wine() else { return };
    let dir = tempfile::tempdir_in(&wine.dir).unwrap();
    let (scripts, site) = (dir.path().join("Scripts"), dir.path().join("Lib/site-packages"));
    let python = site.join("tensorflow/python");
    for dir in [&scripts, &python, &site.join("tensorflow_intel-2.16.2.dist-info")] {
        fs::create_dir_all(dir).unwrap();
    }
    for name in ["retrain.exe", "bcryptprimitives.dll"] {
        fs::hard_link(wine.dir.join(name), scripts.join(name)).unwrap();
    }
    let library = python.join("_pywrap_tensorflow_internal.pyd");
    fs::hard_link(wine.dir.join("tensorflow.dll"), &library).unwrap();
    let workspace = Workspace::with_photos(20);
    let cache = dir.path().join("cache");
    let mut command =
        wine.command(scripts.join("retrain.exe"), workspace.root(), &retrain_args(&[]));
    outcome(command.env("RETRAIN_CACHE_DIR", seen(&cache))).expect_code(0);
    let links = fs::read_dir(&cache).unwrap().flatten().map(|entry| entry.path());
    let links: Vec<_> = links.filter(|path| path.join("tensorflow.dll").exists()).collect();
    assert_eq!(links.len(), 1);
    // Not a copy.
    use std::os::unix::fs::MetadataExt;
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&links[0].join("tensorflow.dll")), inode(&library));
}
