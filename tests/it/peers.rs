//! This crate's outputs, read by the programs they are written for: TensorBoard, TensorFlow 2
//! (RETRAIN_PEER_TF2 names its Python) and TensorFlow 1.15 (RETRAIN_PEER_TF115), on simulated
//! photographs and on the tutorial's.

use super::events;
use super::retrain_golden::tutorial;
use super::support::{Workspace, ask_peer, files_under, python, scores, shared, strings};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const PEERS: [&str; 2] = ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"];

fn peers() -> Vec<PathBuf> {
    PEERS.iter().filter_map(|variable| python(variable)).collect()
}

fn trained() -> Workspace {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--how_many_training_steps=41"]).expect_code(0);
    workspace
}

/// Three of the tutorial's photographs.
pub(crate) const REAL: [&str; 3] =
    ["globular cluster/m13.jpg", "globular cluster/ic4499-dss.jpg", "open cluster/ic2395.jpg"];

/// How label_image feeds an image to a graph.
pub(crate) struct Feeding {
    pub(crate) layer: &'static str,
    pub(crate) size: u32,
    pub(crate) mean: i32,
    pub(crate) std: i32,
}

/// label_image's defaults, for a given size.
const fn by_default(size: u32) -> Feeding {
    Feeding { layer: "input", size, mean: 128, std: 128 }
}

/// The tolerance for scores from two TensorFlows.
pub(crate) const ALIKE: f64 = 1e-4;

/// Asks each peer for the scores of `images`, and compares them with label_image's output, within
/// `tolerance`.
pub(crate) fn assert_labels_alike(
    workspace: &Workspace,
    feeding: &Feeding,
    images: &[PathBuf],
    tolerance: f64,
) {
    let Feeding { layer, size, mean, std } = feeding;
    let request = json!({
        "graph": workspace.path("graph.pb"), "images": images,
        "input": layer, "size": size, "mean": mean, "std": std,
    });
    let flags = [
        format!("--input_layer={layer}"),
        format!("--input_mean={mean}"),
        format!("--input_std={std}"),
        format!("--input_height={size}"),
        format!("--input_width={size}"),
    ];
    let flags = flags.each_ref().map(String::as_str);
    let labels = fs::read_to_string(workspace.path("labels.txt")).unwrap();
    for python in peers() {
        let answer = ask_peer(&python, "classify.py", &request);
        let mut largest = 0f64;
        for (image, theirs) in images.iter().zip(answer["scores"].as_array().unwrap()) {
            let image = format!("--image={}", image.display());
            let outcome = workspace.label_image(&[&flags[..], &[&image]].concat()).expect_code(0);
            let ours = scores(&outcome.stdout);
            assert_eq!(ours.len(), labels.lines().count());
            for (label, score) in ours {
                let class = labels.lines().position(|l| l == label).unwrap();
                let theirs = theirs[class].as_f64().unwrap();
                let difference = (f64::from(score) - theirs).abs();
                // Scores are printed with five digits.
                assert!(difference < tolerance, "{image}: {score} and {theirs} by {answer}");
                largest = largest.max(difference);
            }
        }
        println!("{}: scores agree to {largest:.1e}", answer["version"]);
    }
}

#[test]
fn tensorflow_labels_by_our_graph_as_we_do() {
    let workspace = trained();
    let images = ["globular cluster/g00003.jpg", "open cluster/o00004.jpg"];
    let images = images.map(|name| workspace.path("photos").join(name));
    assert_labels_alike(&workspace, &by_default(128), &images, ALIKE);
}

#[test]
fn tensorflow_labels_real_photographs_by_our_graph_as_we_do() {
    let Some(photos) = shared("data/star_clusters") else { return };
    let workspace = Workspace::new();
    if tutorial(&workspace).is_none() {
        return;
    }
    assert_labels_alike(&workspace, &by_default(224), &REAL.map(|name| photos.join(name)), ALIKE);
}

/// Steps and values. The file holds float32, so the decimals in between are not exact to the last
/// bit.
fn pairs(points: &Value) -> Vec<(i64, f32)> {
    points
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p[0].as_i64().unwrap(), p[1].as_f64().unwrap() as f32))
        .collect()
}

#[test]
fn tensorboard_shows_our_events() {
    let Some(python) = python(PEERS[0]) else { return };
    let workspace = trained();
    for set in ["train", "validation"] {
        let dir = workspace.path("summaries").join(set);
        let ours = events::read(&dir);
        let theirs = ask_peer(&python, "events.py", &json!({ "dir": dir }));
        let scalars = theirs["scalars"].as_object().unwrap();
        assert_eq!((scalars.len(), ours.scalars.len()), (10, 10));
        for (tag, points) in &ours.scalars {
            assert_eq!(pairs(&scalars[tag]), *points, "{set}: {tag}");
        }
        let histograms = theirs["histograms"].as_object().unwrap();
        assert_eq!((histograms.len(), ours.histograms.len()), (4, 4));
        for (tag, list) in &ours.histograms {
            let ours: Vec<_> = list.iter().map(|h| (h.0, h.1.num as f32)).collect();
            assert_eq!(pairs(&histograms[tag]), ours, "{set}: {tag}");
            assert!(
                histograms[tag].as_array().unwrap().iter().all(|h| h[1] == h[2]),
                "counts add up"
            );
        }
        if set == "train" {
            let graph = ours.graph.unwrap();
            let nodes: Vec<&str> = graph.node.iter().map(|n| n.name.as_str()).collect();
            assert_eq!(strings(&theirs["graph"]), nodes);
            assert_eq!(strings(&theirs["meta_graph"]), nodes);
            let collections = ["summaries", "train_op", "trainable_variables", "variables"];
            assert_eq!(strings(&theirs["collections"]), collections);
        } else {
            assert!(theirs["graph"].is_null() && theirs["meta_graph"].is_null());
        }
    }
}

#[test]
fn tensorflow_goes_on_training_with_our_meta_graph() {
    let workspace = trained();
    let class = |i: usize| if i.is_multiple_of(2) { [1.0, 0.0] } else { [0.0, 1.0] };
    let bottleneck = |i: usize| {
        (0..1001).map(|k| ((i * 31 + k * 17) % 7) as f32 / 7.0 - 0.5).collect::<Vec<_>>()
    };
    let request = json!({
        "events": events::events_file(&workspace.path("summaries/train")),
        "bottlenecks": (0..6).map(bottleneck).collect::<Vec<_>>(),
        "truth": (0..6).map(class).collect::<Vec<_>>(),
        "steps": 8,
    });
    for python in peers() {
        let answer = ask_peer(&python, "train.py", &request);
        let losses: Vec<f64> = answer["cross_entropy"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        assert!((losses[0] - 2f64.ln()).abs() < 0.05, "{answer}");
        assert!(
            losses.windows(2).all(|pair| pair[1] < pair[0]),
            "each step of gradient descent helps: {answer}"
        );
    }
}

/// Asks each peer to read bottleneck files as the script does and print the numbers again.
fn assert_read_alike(files: &[PathBuf]) {
    for python in peers() {
        // numpy 2 and numpy 1.18 print alike, so both are asked.
        let answer = ask_peer(&python, "bottlenecks.py", &json!({ "files": files }));
        for (file, text) in files.iter().zip(strings(&answer["texts"])) {
            assert!(fs::read_to_string(file).unwrap() == text, "{}", file.display());
        }
    }
}

fn all_files(dir: &Path) -> Vec<PathBuf> {
    files_under(dir).iter().map(|name| dir.join(name)).collect()
}

#[test]
fn the_script_reads_our_bottleneck_files() {
    let workspace = trained();
    let files = all_files(&workspace.path("bottlenecks"));
    assert_eq!(files.len(), 40);
    assert_read_alike(&files);
}

#[test]
fn the_script_reads_our_bottleneck_files_of_real_photographs() {
    let workspace = Workspace::new();
    if shared("data").is_none() || tutorial(&workspace).is_none() {
        return;
    }
    let files = all_files(&workspace.path("bottlenecks"));
    assert_eq!(files.len(), 138);
    assert_read_alike(&files);
}
