//! Keras' own networks as backbones: made with random weights by two TensorFlows, saved in each of
//! the ways that people use, and compared with what Keras and TensorFlow compute.
//! RETRAIN_PEER_KERAS_OLD names the Python with TensorFlow 2.16.2 and RETRAIN_PEER_KERAS_NEW the
//! one with the newest.

use super::loading::load_tensorflow;
use super::support::{Workspace, ask_peer, python};
use retrain::images::PixelRange;
use retrain::model::{Backbone, OwnGraph, create_own_graph};
use retrain::proto::{self, GraphDef};
use retrain::rewrite::optimize;
use retrain::text::shell_word;
use retrain::tf::{Feed, Graph, Session, Tensor, Threads};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const PEERS: [&str; 2] = ["RETRAIN_PEER_KERAS_OLD", "RETRAIN_PEER_KERAS_NEW"];
const WAYS: [&str; 3] = ["export", "save", "module"];
/// How many images are compared.
const BATCH: u64 = 2;
/// The largest difference from Keras, relative to the largest feature.
const ALIKE: f32 = 1e-5;
/// The same for the network as it is rewritten for speed.
const REWRITTEN_ALIKE: f32 = 1e-4;

/// What Keras computes for a network, which is saved in `dir`.
fn ask(python: &Path, dir: &Path, network: &str, ways: &[&str]) -> Value {
    let request = json!({ "dir": dir, "network": network, "ways": ways, "include_top": true });
    ask_peer(python, "keras_models.py", &request)
}

/// The numbers of `tensor` for the images that the peer makes, as `backbone` wants its pixels.
fn run(graph: &GraphDef, input: &str, tensor: &str, images: &Tensor<f32>) -> Vec<f32> {
    let graph = Graph::import(graph).unwrap();
    let session = Session::unoptimized(&graph, Threads { intra_op: 2, inter_op: 1 }).unwrap();
    let (input, output) = (graph.output(input).unwrap(), graph.output(tensor).unwrap());
    let feed = Feed { output: &input, value: images };
    session.run_one::<f32, f32>(feed, &output, "a test").unwrap().to_vec()
}

/// The peer's images: its pixels of 0 to 255, or those from −1 to 1.
fn images(side: u64, rescales: bool) -> Tensor<f32> {
    let count = BATCH * side * side * 3;
    let pixel = |i: u64| ((i * 7919 + i / 3 * 104_729) % 256) as f32;
    let pixels = (0..count).map(pixel).map(|p| if rescales { p } else { p / 127.5 - 1.0 });
    Tensor::new(&[BATCH, side, side, 3]).with_values(&pixels.collect::<Vec<f32>>()).unwrap()
}

/// The largest difference, relative to the largest number.
fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0f32, |most, x| most.max(x.abs()));
    assert!(largest > 0.0);
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max) / largest
}

fn features(answer: &Value) -> Vec<f32> {
    let rows = answer["features"].as_array().unwrap().iter();
    let numbers = rows.flat_map(|row| row.as_array().unwrap());
    numbers.map(|x| x.as_f64().unwrap() as f32).collect()
}

fn read(path: &Path, own: OwnGraph) -> Backbone {
    create_own_graph(&OwnGraph { path: path.to_owned(), ..own }, Path::new("")).unwrap()
}

/// Asserts that a saved network gives Keras' features, as it stands and rewritten for speed.
fn assert_like_keras(path: &Path, answer: &Value, rescales: bool) {
    let backbone = read(path, OwnGraph::default());
    let side = answer["size"].as_u64().unwrap_or(224);
    assert_eq!((backbone.pixels.width, backbone.pixels.height), (side as i32, side as i32));
    if rescales {
        let bytes = PixelRange::Multiply { mean: 0.0, std: 1.0 };
        assert_eq!(backbone.pixels.range, bytes, "{}", path.display());
    }
    let (images, theirs) = (images(side, rescales), features(answer));
    let frozen = backbone.frozen().unwrap();
    let (input, bottleneck) = (backbone.input.as_str(), backbone.bottleneck.as_str());
    let plain = difference(&run(&frozen, input, bottleneck, &images), &theirs);
    let fast = optimize(&frozen, input, bottleneck, &backbone.pixels);
    let fast = difference(&run(&fast, input, bottleneck, &images), &theirs);
    println!("{} by {}: {plain:.1e}, {fast:.1e}", path.display(), answer["version"]);
    assert!(plain < ALIKE && fast < REWRITTEN_ALIKE, "{}: {plain} {fast}", path.display());
}

/// Asserts that a signature's output equals, to the bit, that of the graph that TensorFlow freezes.
fn assert_frozen_alike(dir: &Path, answer: &Value, rescales: bool) {
    let own = OwnGraph { bottleneck_tensor: Some("output_0".into()), ..OwnGraph::default() };
    let ours = read(&dir.join(WAYS[0]), own);
    let images = images(answer["size"].as_u64().unwrap_or(224), rescales);
    let mine = run(&ours.frozen().unwrap(), &ours.input, &ours.bottleneck, &images);
    let path = dir.join("frozen.pb");
    let theirs: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    let input = theirs.node.iter().find(|n| n.op == "Placeholder").unwrap().name.clone();
    let output = answer["output"].as_str().unwrap();
    let equal = mine == run(&theirs, &input, output, &images);
    assert!(equal, "{}: other numbers than TensorFlow's frozen graph", dir.display());
}

/// Saves a network in every way with each peer, and compares.
fn compare(network: &str, rescales: bool) {
    for python in PEERS.iter().filter_map(|variable| python(variable)) {
        load_tensorflow();
        let workspace = Workspace::new();
        let dir = workspace.path(network);
        let answer = ask(&python, &dir, network, &WAYS);
        WAYS.iter().for_each(|way| assert_like_keras(&dir.join(way), &answer, rescales));
        assert_frozen_alike(&dir, &answer, rescales);
    }
}

#[test]
fn mobilenet_v2_gives_keras_features() {
    compare("MobileNetV2", false);
}

#[test]
fn mobilenet_v3_small_gives_keras_features() {
    compare("MobileNetV3Small", true);
}

#[test]
fn efficientnet_v2_b0_gives_keras_features() {
    compare("EfficientNetV2B0", true);
}

#[test]
fn resnet_50_gives_keras_features() {
    compare("ResNet50", false);
}

#[test]
fn augmentation_that_keras_exports_switched_on_is_left_out() {
    for python in PEERS.iter().filter_map(|variable| python(variable)) {
        load_tensorflow();
        let workspace = Workspace::new();
        let answer = ask(&python, &workspace.path("net"), "augmented", &WAYS[..1]);
        assert_like_keras(&workspace.path("net/export"), &answer, false);
        // A random crop changes the size, so it cannot be left out.
        ask(&python, &workspace.path("cropped"), "cropped", &WAYS[..1]);
        let path = workspace.path("cropped/export");
        let error =
            create_own_graph(&OwnGraph { path, ..OwnGraph::default() }, Path::new("")).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("depends on noise: ") && error.contains("random_crop"), "{error}");
    }
}

#[test]
fn the_command_that_is_named_for_a_file_of_keras_exports_it() {
    for python in PEERS.iter().filter_map(|variable| python(variable)) {
        load_tensorflow();
        let workspace = Workspace::new();
        let answer = ask(&python, &workspace.path("it's"), "small", &["keras", "h5"]);
        for file in ["it's/model.keras", "it's/model.h5"] {
            let own = OwnGraph { path: workspace.path(file), ..OwnGraph::default() };
            let message = create_own_graph(&own, Path::new("")).unwrap_err().to_string();
            let command = message.lines().nth(1).unwrap().trim();
            let command = command.strip_prefix("python ").unwrap_or_else(|| panic!("{message}"));
            let command = format!("{} {command}", shell_word(python.to_str().unwrap()));
            let output = Command::new("sh").args(["-ec", &command]).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command}\n{stderr}");
            let word = message.rsplit_once("architecture=").unwrap().1.trim_end_matches('`');
            let dir = workspace.path("it's/model");
            assert_eq!(word, shell_word(dir.to_str().unwrap()));
            assert_like_keras(&dir, &answer, false);
            fs::remove_dir_all(dir).unwrap();
        }
    }
}
