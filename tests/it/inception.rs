//! Inception v3 of 2015: the builder against the description of the original graph, and the whole way on it.

use super::support::{
    LABEL_IMAGE, RETRAIN, Workspace, ask_peer, json as read_json, python, run, scores, shared, strings,
};
use flate2::{Compression, write::GzEncoder};
use retrain::model::write_inception;
use retrain::proto::{self, GraphDef};
use serde_json::json;
use std::fs::{self, File};

#[test]
fn the_builder_makes_the_original_nodes() {
    let workspace = Workspace::new();
    let path = workspace.path("classify_image_graph_def.pb");
    write_inception(&path, 1).unwrap();
    let graph: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    assert!(graph.versions.is_none());
    let Some(spec) = shared("spec/inception_2015_nodes.json") else { return };
    let spec = read_json(&spec);
    let spec: Vec<(&str, &str, Vec<&str>)> = spec["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (n["name"].as_str().unwrap(), n["op"].as_str().unwrap(), strings(&n["inputs"])))
        .collect();
    let ours: Vec<(&str, &str, Vec<&str>)> = graph
        .node
        .iter()
        .map(|n| (n.name.as_str(), n.op.as_str(), n.input.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(ours.len(), 1004);
    assert_eq!(ours, spec);
}

#[test]
fn the_default_architecture_goes_the_whole_way() {
    let workspace = Workspace::with_photos(4);
    let graph = workspace.path("classify_image_graph_def.pb");
    write_inception(&graph, 1).unwrap();
    fs::create_dir(workspace.path("models")).unwrap();
    let archive = File::create(workspace.path("models/inception-2015-12-05.tgz")).unwrap();
    let mut tar = tar::Builder::new(GzEncoder::new(archive, Compression::fast()));
    tar.append_path_with_name(&graph, "classify_image_graph_def.pb").unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    let flags = ["--image_dir=photos", "--model_dir=models", "--how_many_training_steps=20", "--random_seed=1"];
    let outputs = ["--output_graph=graph.pb", "--output_labels=labels.txt", "--bottleneck_dir=b", "--summaries_dir=s"];
    run(RETRAIN, workspace.root(), &[flags, outputs].concat()).expect_code(0);
    let image = workspace.path("photos/open cluster/o00001.jpg");
    let args =
        ["--graph=graph.pb", "--labels=labels.txt", "--input_layer=Mul", "--input_height=299", "--input_width=299"];
    let image_flag = format!("--image={}", image.display());
    let outcome = run(LABEL_IMAGE, workspace.root(), &[&args[..], &[&image_flag]].concat()).expect_code(0);
    let ours = scores(&outcome.stdout);
    assert_eq!(ours.len(), 2);
    let request = json!({ "graph": workspace.path("graph.pb"), "size": 299, "images": [image], "input": "Mul" });
    for python in ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"].iter().filter_map(|v| python(v)) {
        let answer = ask_peer(&python, "classify.py", &request);
        for (label, score) in &ours {
            let class = usize::from(label == "open cluster");
            let theirs = answer["scores"][0][class].as_f64().unwrap();
            // The figure; five digits are printed.
            assert!((f64::from(*score) - theirs).abs() < 1e-4, "{label}: {score} and {answer}");
        }
    }
}
