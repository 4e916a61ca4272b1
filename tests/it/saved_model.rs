//! `--saved_model_dir` with `--architecture`, as in TensorFlow 1.7's retrain.py.

use super::support::{Workspace, ask_peer, files_under, golden, python};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// How to feed a run's frozen graph.
pub(crate) struct Fed {
    pub(crate) input: &'static str,
    pub(crate) size: u32,
    pub(crate) mean: f64,
    pub(crate) std: f64,
}

/// Expects both TensorFlows to read `saved_model`, with `image` as the input in its signature, and
/// to get the same results as from the run's frozen graph, within 1e-4.
pub(crate) fn assert_serves(
    workspace: &Workspace,
    image: &str,
    fed: &Fed,
    photographs: &[PathBuf],
) {
    let request = json!({
        "saved_model": workspace.path("saved_model"), "graph": workspace.path("graph.pb"),
        "images": photographs, "input": fed.input, "size": fed.size, "mean": fed.mean,
        "std": fed.std,
    });
    for python in ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"].iter().filter_map(|v| python(v)) {
        let answer = ask_peer(&python, "serving.py", &request);
        assert_eq!(answer["inputs"], json!({ "image": image }));
        assert_eq!(answer["outputs"], json!({ "prediction": "final_result:0" }));
        assert_eq!(answer["method"], "tensorflow/serving/predict");
        let scores = |key: &str| -> Vec<f64> {
            let rows = answer[key].as_array().unwrap().iter();
            rows.flat_map(|row| row.as_array().unwrap())
                .map(|v| Value::as_f64(v).unwrap())
                .collect()
        };
        let (served, frozen) = (scores("served"), scores("frozen"));
        assert_eq!((served.len(), frozen.len()), (2 * photographs.len(), 2 * photographs.len()));
        for (served, frozen) in served.iter().zip(&frozen) {
            assert!((served - frozen).abs() < 1e-4, "{served} instead of {frozen}");
        }
    }
}

#[test]
fn a_frozen_network_is_served_from_its_pixels() {
    let workspace = Workspace::with_photos(20);
    workspace
        .retrain(&["--saved_model_dir=saved_model"])
        .expect_code(0)
        .says("INFO:tensorflow:SavedModel written to: saved_model/saved_model.pb");
    let files = files_under(&workspace.path("saved_model"));
    assert_eq!(
        files,
        [
            "assets/labels.txt",
            "saved_model.pb",
            "variables/variables.data-00000-of-00001",
            "variables/variables.index",
        ]
    );
    let fed = Fed { input: "input", size: 128, mean: 127.5, std: 127.5 };
    let photographs = ["globular cluster/g00003.jpg", "open cluster/o00011.jpg"]
        .map(|name| workspace.path("photos").join(name));
    assert_serves(&workspace, "input:0", &fed, &photographs);
}

#[test]
fn a_saved_model_is_not_replaced_and_that_is_said_before_the_training() {
    let workspace = Workspace::with_photos(20);
    workspace.write("saved_model/kept.txt", "");
    let outcome = workspace.retrain(&["--saved_model_dir=saved_model"]).expect_code(2);
    assert_eq!(
        outcome.stderr,
        "ERROR:retrain:--saved_model_dir: saved_model exists and is not empty, and a SavedModel \
         does not replace another; give another directory, or remove this one first\n"
    );
    assert!(!workspace.path("bottlenecks").exists() && !workspace.path("summaries").exists());
    assert!(Path::new(&workspace.path("saved_model/kept.txt")).exists());
}

#[test]
fn a_checkpoint_path_without_a_module_is_ignored_with_a_warning() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--checkpoint_path=checkpoint/head"]).expect_code(0).says(
        "WARNING:retrain:--checkpoint_path is ignored: only a run with --tfhub_module writes a \
         checkpoint",
    );
    assert!(!workspace.path("checkpoint").exists());
}

/// A picture of each kind that TensorFlow decodes.
const PICTURES: [&str; 9] = [
    "baseline.jpg",
    "cmyk.jpg",
    "grey.jpg",
    "rgb.png",
    "alpha.png",
    "palette.png",
    "still.gif",
    "24.bmp",
    "32.bmp",
];

#[test]
fn encoded_images_of_each_format_are_answered_as_by_label_image() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--saved_model_dir=saved_model"]).expect_code(0);
    let pictures = PICTURES.map(|name| golden("images").join(name));
    let names = pictures.each_ref().map(|path| path.to_str().unwrap());
    let labelled = workspace.label_image(&names).expect_code(0).stdout;
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[1].to_owned(), cells[2].parse::<f64>().unwrap())
    };
    let ours: Vec<(String, f64)> = labelled.lines().map(row).collect();
    let instances = json!([{ "b64": "" }]);
    let body = json!({ "signature_name": "serving_bytes", "instances": instances });
    let request = json!({
        "saved_model": workspace.path("saved_model"),
        "requests": [{ "api": "predict", "body": body }],
        "images": pictures,
    });
    for python in ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"].iter().filter_map(|v| python(v)) {
        let answer = ask_peer(&python, "rest.py", &request);
        for (way, answers) in answer["answers"].as_object().unwrap() {
            let predictions = answers[0]["predictions"].as_array().unwrap();
            assert_eq!((ours.len(), predictions.len()), (PICTURES.len(), PICTURES.len()));
            for ((label, score), theirs) in ours.iter().zip(predictions) {
                assert_eq!(theirs["labels"][0], json!(label), "{way}");
                let difference = (theirs["scores"][0].as_f64().unwrap() - score).abs();
                assert!(difference < 1e-4, "{way}: {score} and {theirs}");
            }
        }
    }
}
