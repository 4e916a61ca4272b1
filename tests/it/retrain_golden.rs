//! The tutorial's command on real photographs and the original MobileNet, compared with the
//! script's results (`../shared/golden/poets_mobilenet_0.25_224`). A single run serves all tests in
//! a process.

use super::events::{self, Events};
use super::support::{
    OUTPUTS, Outcome, RETRAIN, Workspace, files_under, json, run, shared, strings,
};
use regex::Regex;
use retrain::proto::{self, GraphDef};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const GOLDEN: &str = "golden/poets_mobilenet_0.25_224";
const ARCHIVE: &str = "models/mobilenet_v1_0.25_224_frozen.tgz";
/// Steps 1 to 20 are chaotic at this learning rate; by this step their effect is gone.
const SETTLED: i64 = 40;

/// The run that made the golden files, with outputs in `workspace`.
pub(crate) fn tutorial(workspace: &Workspace) -> Option<Outcome> {
    let (root, archive) = (shared("")?, shared(ARCHIVE)?);
    let models = workspace.path("models");
    fs::create_dir_all(&models).unwrap();
    fs::copy(&archive, models.join(archive.file_name().unwrap())).unwrap();
    let mut args: Vec<String> = OUTPUTS
        .iter()
        .map(|output| {
            let (flag, place) = output.split_once('=').unwrap();
            format!("{flag}={}/{place}", workspace.root().display())
        })
        .collect();
    args.push(format!("--model_dir={}", models.display()));
    let flags = [
        // Relative, because the split hashes the path as typed.
        "--image_dir=data/star_clusters",
        "--architecture=mobilenet_0.25_224",
        "--train_batch_size=-1",
        "--validation_batch_size=-1",
        "--how_many_training_steps=200",
        "--print_misclassified_test_images",
        "--random_seed=1",
    ];
    args.extend(flags.map(String::from));
    Some(run(RETRAIN, &root, &args).expect_code(0))
}

struct Tutorial {
    workspace: Workspace,
    outcome: Outcome,
    golden: PathBuf,
}

fn fixture() -> Option<&'static Tutorial> {
    static RUN: OnceLock<Option<Tutorial>> = OnceLock::new();
    let make = || {
        let golden = shared(GOLDEN)?;
        let workspace = Workspace::new();
        let outcome = tutorial(&workspace)?;
        Some(Tutorial { workspace, outcome, golden })
    };
    RUN.get_or_init(make).as_ref()
}

fn floats(path: &Path) -> Vec<f32> {
    fs::read_to_string(path).unwrap().split(',').map(|v| v.parse().unwrap()).collect()
}

fn graph(path: &Path) -> GraphDef {
    proto::parse(path, &fs::read(path).unwrap()).unwrap()
}

#[test]
fn bottlenecks_are_the_scripts() {
    let Some(Tutorial { workspace, golden, .. }) = fixture() else { return };
    let (ours, golden) = (workspace.path("bottlenecks"), golden.join("bottlenecks"));
    let names = files_under(&golden);
    assert_eq!(files_under(&ours), names);
    assert_eq!(names.len(), 138);
    for name in names {
        let (ours, golden) = (floats(&ours.join(&name)), floats(&golden.join(&name)));
        assert_eq!(ours.len(), golden.len(), "{name}");
        for (ours, golden) in ours.iter().zip(&golden) {
            // The issue's figure: TensorFlow 1.15 and 2 sum convolutions in different orders, and
            // decode a few JPEG pixels one grey level apart.
            assert!((ours - golden).abs() <= 2e-3, "{name}: {ours} instead of {golden}");
        }
    }
}

#[test]
fn the_graph_has_the_scripts_nodes() {
    let Some(Tutorial { workspace, golden, .. }) = fixture() else { return };
    let ours = graph(&workspace.path("graph.pb"));
    let golden = json(&golden.join("graph_nodes.json"));
    let golden: Vec<(&str, &str, Vec<&str>)> = golden
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (n[0].as_str().unwrap(), n[1].as_str().unwrap(), strings(&n[2])))
        .collect();
    let ours: Vec<(&str, &str, Vec<&str>)> = ours
        .node
        .iter()
        .map(|n| (n.name.as_str(), n.op.as_str(), n.input.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(ours, golden);
}

#[test]
fn the_pretrained_part_of_the_graph_is_untouched() {
    let Some(Tutorial { workspace, .. }) = fixture() else { return };
    let published = graph(&workspace.path("models/mobilenet_v1_0.25_224/frozen_graph.pb"));
    let ours = graph(&workspace.path("graph.pb"));
    let kept =
        ours.node.iter().filter(|n| published.find(&n.name).is_some_and(|p| p == *n)).count();
    let added: Vec<&str> =
        ours.node.iter().map(|n| n.name.as_str()).filter(|n| published.find(n).is_none()).collect();
    assert_eq!(kept + added.len(), ours.node.len(), "a published node was changed");
    assert_eq!(
        added,
        [
            "input_1/BottleneckInputPlaceholder",
            "final_training_ops/weights/final_weights",
            "final_training_ops/weights/final_weights/read",
            "final_training_ops/biases/final_biases",
            "final_training_ops/biases/final_biases/read",
            "final_training_ops/Wx_plus_b/MatMul",
            "final_training_ops/Wx_plus_b/add",
            "final_result"
        ]
    );
    assert_eq!(ours.versions, published.versions);
}

#[test]
fn labels_are_the_scripts() {
    let Some(Tutorial { workspace, golden, .. }) = fixture() else { return };
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    assert_eq!(read(workspace.path("labels.txt")), read(golden.join("retrained_labels.txt")));
}

/// The scalars in scalars.json for one set: steps and values of each tag.
fn golden_scalars(golden: &Value) -> BTreeMap<&str, Vec<(i64, f64)>> {
    let points = |points: &Value| -> Vec<(i64, f64)> {
        points
            .as_array()
            .unwrap()
            .iter()
            .map(|p| (p[0].as_i64().unwrap(), p[1].as_f64().unwrap()))
            .collect()
    };
    golden.as_object().unwrap().iter().map(|(tag, list)| (tag.as_str(), points(list))).collect()
}

fn sets() -> Option<[(Events, &'static str, Value); 2]> {
    let Tutorial { workspace, golden, .. } = fixture()?;
    let golden = json(&golden.join("scalars.json"));
    let set = |set: &'static str| {
        (events::read(&workspace.path("summaries").join(set)), set, golden[set].clone())
    };
    Some(["train", "validation"].map(set))
}

#[test]
fn scalars_have_the_scripts_tags_at_the_scripts_steps() {
    let Some(sets) = sets() else { return };
    for (ours, set, golden) in sets {
        let golden = golden_scalars(&golden);
        assert_eq!(
            ours.scalars.keys().collect::<Vec<_>>(),
            golden.keys().collect::<Vec<_>>(),
            "{set}"
        );
        for (tag, points) in &ours.scalars {
            let steps = |points: &[(i64, f64)]| points.iter().map(|p| p.0).collect::<Vec<_>>();
            assert_eq!(
                points.iter().map(|p| p.0).collect::<Vec<_>>(),
                steps(&golden[tag.as_str()]),
                "{set}: {tag}"
            );
        }
    }
}

#[test]
fn the_curves_are_the_scripts() {
    let Some(sets) = sets() else { return };
    for (ours, set, golden) in sets {
        let golden = golden_scalars(&golden);
        let pairs = |tag: &str| {
            let pairs =
                ours.scalars[tag].iter().zip(&golden[tag]).map(|(o, g)| (o.0, f64::from(o.1), g.1));
            pairs.filter(|p| p.0 >= SETTLED).collect::<Vec<_>>()
        };
        for (step, ours, golden) in pairs("cross_entropy_1") {
            // The script's own spread over seeds is 1 % here; the issue allows 5.
            assert!(
                (ours / golden - 1.0).abs() < 0.05,
                "{set}, step {step}: {ours} instead of {golden}"
            );
        }
        // One borderline photograph may fall on either side.
        let one_image = 1.0 / if set == "train" { 118.0 } else { 12.0 } + 1e-6;
        for (step, ours, golden) in pairs("accuracy_1") {
            assert!(
                (ours - golden).abs() <= one_image,
                "{set}, step {step}: {ours} instead of {golden}"
            );
        }
        let last = *pairs("accuracy_1").last().unwrap();
        assert_eq!((last.0, last.1), (199, 1.0), "{set}");
    }
}

#[test]
fn events_hold_what_the_scripts_hold() {
    let Some(Tutorial { workspace, golden, .. }) = fixture() else { return };
    for set in ["train", "validation"] {
        let ours = events::read(&workspace.path("summaries").join(set));
        let golden = events::read(&golden.join("summaries").join(set));
        assert_eq!(ours.order, golden.order, "{set}");
        assert_eq!(ours.tags(), golden.tags(), "{set}");
        for (tag, histograms) in &ours.histograms {
            let outline = |list: &[(i64, proto::HistogramProto)]| {
                list.iter().map(|h| (h.0, h.1.num)).collect::<Vec<_>>()
            };
            assert_eq!(outline(histograms), outline(&golden.histograms[tag]), "{set}: {tag}");
        }
        // The state before the step, when nothing is learnt yet.
        if set == "train" {
            assert_eq!(ours.scalars["final_training_ops/biases/summaries/max_1"][0], (0, 0.0));
        }
    }
}

/// Names, ops and inputs of the training graph in a directory's events, sorted, without the
/// intended differences: the script's gradients come from Python and ours from C++, and our step
/// waits for the summaries.
fn training_graph(dir: &Path) -> Vec<(String, String, Vec<String>)> {
    let graph = events::read(dir).graph.unwrap();
    let own = |name: &str| name.starts_with("train/gradients/") || name == "^Merge/MergeSummary";
    let node = |n: &proto::NodeDef| {
        (
            n.name.clone(),
            n.op.clone(),
            n.input.iter().filter(|i| !own(i)).cloned().collect::<Vec<_>>(),
        )
    };
    let mut nodes: Vec<_> = graph.node.iter().filter(|n| !own(&n.name)).map(node).collect();
    nodes.sort();
    nodes
}

#[test]
fn the_training_graph_has_the_scripts_nodes() {
    let Some(Tutorial { workspace, golden, .. }) = fixture() else { return };
    let [ours, golden] = [workspace.path("summaries/train"), golden.join("summaries/train")]
        .map(|d| training_graph(&d));
    type Node = (String, String, Vec<String>);
    let only =
        |a: &[Node], b: &[Node]| a.iter().filter(|n| !b.contains(n)).cloned().collect::<Vec<_>>();
    assert_eq!((only(&ours, &golden), only(&golden, &ours)), (vec![], vec![]));
    assert!(ours.len() > 600);
}

/// A log with times and figures masked; the number of digits after the point stays.
fn masked(log: &str) -> Vec<String> {
    let time = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?").unwrap();
    let figure = Regex::new(r"= \d+\.(\d+)").unwrap();
    let mask = |line: &str| {
        let line = time.replace(line, "<time>");
        figure
            .replace(&line, |f: &regex::Captures<'_>| format!("= #.{}", "#".repeat(f[1].len())))
            .into_owned()
    };
    log.lines().map(mask).collect()
}

#[test]
fn the_log_is_the_scripts_but_for_times_and_figures() {
    let Some(Tutorial { outcome, golden, .. }) = fixture() else { return };
    let ours = outcome
        .stderr
        .lines()
        .filter(|l| l.contains(":tensorflow:"))
        .collect::<Vec<_>>()
        .join("\n");
    let golden = fs::read_to_string(golden.join("log.txt")).unwrap();
    let (ours, golden) = (masked(&ours), masked(&golden));
    let alike = ours.iter().zip(&golden).take_while(|(ours, golden)| ours == golden).count();
    assert_eq!(ours[alike..], golden[alike..], "after {alike} lines that are alike");
    assert_eq!(outcome.stdout, "");
    // All other lines are our own.
    for line in outcome.stderr.lines() {
        assert!(line.contains(":tensorflow:") || line.starts_with("INFO:retrain:"), "{line}");
    }
}

#[test]
fn the_scripts_bottleneck_files_are_taken_as_they_are() {
    let Some(golden) = shared(&format!("{GOLDEN}/bottlenecks")) else { return };
    let workspace = Workspace::new();
    let written = |name: &str| {
        let path = workspace.path("bottlenecks").join(name);
        (fs::metadata(&path).unwrap().modified().unwrap(), fs::read(&path).unwrap())
    };
    let names = files_under(&golden);
    for name in &names {
        workspace.write(&format!("bottlenecks/{name}"), fs::read(golden.join(name)).unwrap());
    }
    let before: Vec<_> = names.iter().map(|n| written(n)).collect();
    let Some(outcome) = tutorial(&workspace) else { return };
    assert!(!outcome.stderr.contains("Invalid float"), "{}", outcome.stderr);
    assert_eq!(files_under(&workspace.path("bottlenecks")), names);
    for (name, before) in names.iter().zip(before) {
        assert!(written(name) == before, "{name} was written again");
    }
}
