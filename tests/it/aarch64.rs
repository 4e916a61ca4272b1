//! The programs for Linux on aarch64, as qemu runs them: they compute what this machine's programs
//! compute, but for the last bits. `.ci/run` builds them.

use super::support::{
    CACHE_BOTTLENECKS, LABEL_IMAGE, Outcome, Workspace, command, files_under, outcome, shared,
};
use super::workers::{RETRAIN_WORKER, Run, Worker};
use regex::Regex;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// How far printed accuracies, cross entropies and scores may be apart.
const PRINTED: f64 = 1e-4;
/// How far bottlenecks may be apart, relative to the largest number of one: as far as a rewritten
/// network may be from the published one.
const BOTTLENECKS: f64 = 1e-4;

const ONEDNN: &str = "TF_ENABLE_ONEDNN_OPTS";

/// The directory of the programs. With RETRAIN_SHARED the variable must be set; it is empty where
/// they cannot be run.
fn programs() -> Option<PathBuf> {
    let variable = "RETRAIN_PEER_AARCH64";
    let given = std::env::var_os(variable);
    assert!(
        given.is_some() || std::env::var_os("RETRAIN_SHARED").is_none(),
        "with RETRAIN_SHARED, {variable} must be set too"
    );
    let Some(programs) = given.filter(|given| !given.is_empty()) else {
        println!("skipped: {variable} names no programs for aarch64");
        return None;
    };
    Some(programs.into())
}

/// What a command of this machine does, done by the program for aarch64.
fn emulated(programs: &Path, native: &Command) -> Command {
    let program = programs.join(Path::new(native.get_program()).file_name().unwrap());
    let mut emulated = command("qemu-aarch64", native.get_current_dir().unwrap(), &[program]);
    // It finds the library that its build fetched.
    emulated.args(native.get_args()).env_remove("TENSORFLOW_DIR").env_remove("LD_LIBRARY_PATH");
    for (name, value) in native.get_envs().filter(|(name, _)| *name == ONEDNN) {
        emulated.env(name, value.unwrap_or_default());
    }
    emulated
}

/// The same work on this machine and emulated, each in a workspace of its own.
struct Both {
    workspaces: [Workspace; 2],
    programs: PathBuf,
}

impl Both {
    /// With so many photographs of each class of the tree's.
    fn new(per_class: usize) -> Option<Self> {
        let programs = programs()?;
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("tf_files/cluster_photos");
        let workspaces = [Workspace::new(), Workspace::new()];
        for class in fs::read_dir(photos).unwrap().map(|class| class.unwrap().path()) {
            for name in files_under(&class).iter().take(per_class) {
                let path = format!("photos/{}/{name}", class.file_name().unwrap().display());
                for workspace in &workspaces {
                    workspace.write(&path, fs::read(class.join(name)).unwrap());
                }
            }
        }
        Some(Self { workspaces, programs })
    }

    /// Runs a command in both.
    fn run(&self, command: impl Fn(&Workspace) -> Command) -> [Outcome; 2] {
        let [native, other] = self.workspaces.each_ref().map(command);
        let mut commands = [native, emulated(&self.programs, &other)];
        thread::scope(|scope| {
            let runs = commands.each_mut().map(|command| scope.spawn(|| outcome(command)));
            runs.map(|run| run.join().unwrap().expect_code(0))
        })
    }

    /// The bottlenecks agree. Returns how far they are apart.
    #[track_caller]
    fn assert_same_bottlenecks(&self) {
        let dirs = self.workspaces.each_ref().map(|w| w.path("bottlenecks"));
        let [native, other] = dirs.each_ref().map(|dir| files_under(dir));
        assert_eq!(native, other);
        assert!(!native.is_empty());
        let mut worst = 0.0f64;
        for name in native {
            let [native, other] = dirs.each_ref().map(|dir| floats(&dir.join(&name)));
            assert_eq!(native.len(), other.len(), "{name}");
            let largest = native.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
            let apart = native.iter().zip(&other).map(|(a, b)| (a - b).abs() / largest);
            worst = apart.fold(worst, f64::max);
        }
        println!("bottlenecks are {worst:.1e} apart");
        assert!(worst <= BOTTLENECKS, "{worst}");
    }
}

fn floats(path: &Path) -> Vec<f64> {
    fs::read_to_string(path).unwrap().split(',').map(|v| v.parse().unwrap()).collect()
}

/// The accuracies and cross entropies in a log of `retrain`, by what they are called there.
fn logged(outcome: &Outcome) -> Vec<(String, f64)> {
    let line = Regex::new(r"((?:Train|Validation|Final test) accuracy|Cross entropy) = ([0-9.]+)");
    let line = line.unwrap();
    line.captures_iter(&outcome.stderr).map(|c| (c[1].to_owned(), c[2].parse().unwrap())).collect()
}

/// The labels and scores that `label_image` printed as JSON, by photograph and label.
fn labelled(outcome: &Outcome) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for line in outcome.stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let [labels, scores] = ["labels", "scores"].map(|key| row[key].as_array().unwrap());
        for (label, score) in labels.iter().zip(scores) {
            all.push((format!("{} {label}", row["path"]), score.as_f64().unwrap()));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[track_caller]
fn assert_same_numbers([native, emulated]: [Vec<(String, f64)>; 2], at_least: usize) {
    assert!(native.len() >= at_least, "{native:?}");
    assert_eq!(native.len(), emulated.len(), "{native:?}\n{emulated:?}");
    for (native, emulated) in native.iter().zip(&emulated) {
        assert_eq!(native.0, emulated.0);
        assert!((native.1 - emulated.1).abs() <= PRINTED, "{native:?} {emulated:?}");
    }
}

#[test]
fn training_and_labelling_give_the_same_numbers() {
    let Some(both) = Both::new(usize::MAX) else { return };
    let flags = ["--model_dir=models", "--eval_step_interval=5", "--logging_verbosity=DEBUG"];
    let retrained = both.run(|workspace| workspace.retrain_command(&flags));
    println!("{}", retrained[1].stderr);
    assert_same_numbers(retrained.each_ref().map(logged), 10);
    both.assert_same_bottlenecks();

    let labels = both.run(|workspace| {
        let mut args: Vec<_> =
            ["--graph=graph.pb", "--labels=labels.txt", "--format=json"].map(String::from).into();
        for number in 0..5 {
            args.push(format!("photos/globular cluster/g{number:05}.jpg"));
            args.push(format!("photos/open cluster/o{number:05}.jpg"));
        }
        command(LABEL_IMAGE, workspace.root(), &args)
    });
    assert_same_numbers(labels.each_ref().map(labelled), 20);

    // Either reads the other's cache, and the built-in network is the same file.
    let [native, other] = &both.workspaces;
    let mut swapped =
        [other.retrain_command(&flags), emulated(&both.programs, &native.retrain_command(&flags))];
    for again in swapped.each_mut().map(outcome) {
        assert!(!again.expect_code(0).stderr.contains("computed in"));
    }
    let [a, b] = both.workspaces.each_ref().map(|w| w.path("models/miniature/frozen_graph.pb"));
    assert!(fs::read(a).unwrap() == fs::read(b).unwrap());
}

/// With oneDNN, which TensorFlow uses by itself on some processors: it has other ops.
#[test]
fn a_mobilenet_gives_the_same_bottlenecks() {
    let Some(archive) = shared("models/mobilenet_v1_0.25_128_frozen.tgz") else { return };
    let Some(both) = Both::new(3) else { return };
    both.run(|workspace| {
        let name = format!("models/{}", archive.file_name().unwrap().to_str().unwrap());
        workspace.write(&name, fs::read(&archive).unwrap());
        let args = [
            "--image_dir=photos",
            "--architecture=mobilenet_0.25_128",
            "--model_dir=models",
            "--bottleneck_dir=bottlenecks",
        ];
        let mut command = command(CACHE_BOTTLENECKS, workspace.root(), &args);
        command.env(ONEDNN, "1");
        command
    });
    both.assert_same_bottlenecks();
}

#[test]
fn machines_of_both_kinds_work_together() {
    let Some(both) = Both::new(10) else { return };
    let [native, other] = &both.workspaces;
    Run::start(native, "bottlenecks", &[]).end(0);
    let worker = Worker::start();
    let workers = format!("--workers={}", worker.address);
    let client = other.retrain_command(&["--noreport", &workers, "--workers_only"]);
    outcome(&mut emulated(&both.programs, &client))
        .expect_code(0)
        .says("worker 127.0.0.1:")
        .says(" on aarch64+")
        .says("its answers differ from this machine's in the last bits");
    both.assert_same_bottlenecks();
}

/// What computes on x86-64 is made of ops that TensorFlow on aarch64 only has with oneDNN.
#[test]
fn a_worker_without_the_ops_of_the_network_is_refused_with_what_to_do() {
    let Some(programs) = programs() else { return };
    let worker = command(RETRAIN_WORKER, Path::new("."), &["--listen=127.0.0.1:0"]);
    let mut worker = emulated(&programs, &worker);
    worker.env(ONEDNN, "0");
    let worker = Worker::of(worker);
    let workspace = Workspace::with_photos(10);
    let workers = format!("--workers={}", worker.address);
    Run::start(&workspace, "theirs", &[&workers, "--workers_only"])
        .until("cannot be used: its TensorFlow lacks this network's fused ops; set TF_ENABLE_");
}
