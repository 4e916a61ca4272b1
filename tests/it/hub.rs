//! TF-Hub modules and the quantized MobileNet, compared with the scripts' results on real
//! photographs.

use super::events;
use super::peers::{ALIKE, Feeding, REAL, assert_labels_alike};
use super::support::{
    RETRAIN, Workspace, ask_peer, files_under, json as read_json, python, run, shared, strings,
};
use retrain::proto::{self, GraphDef};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// The largest and the mean difference between the numbers in two bottleneck directories with the
/// same files.
fn difference(ours: &Path, golden: &Path) -> (f64, f64) {
    let names = files_under(golden);
    assert_eq!(files_under(ours), names);
    let floats = |path: PathBuf| -> Vec<f64> {
        fs::read_to_string(path).unwrap().split(',').map(|v| v.parse().unwrap()).collect()
    };
    let (mut largest, mut sum, mut count) = (0f64, 0f64, 0usize);
    for name in &names {
        let (ours, golden) = (floats(ours.join(name)), floats(golden.join(name)));
        assert_eq!(ours.len(), golden.len(), "{name}");
        for (ours, golden) in ours.iter().zip(&golden) {
            largest = largest.max((ours - golden).abs());
            sum += (ours - golden).abs();
            count += 1;
        }
    }
    (largest, sum / count as f64)
}

/// Compares names, ops and inputs, but not the order of nodes, which TensorFlow ignores.
fn assert_nodes_are_golden(graph: &Path, golden: &Path) {
    let graph: GraphDef = proto::parse(graph, &fs::read(graph).unwrap()).unwrap();
    let golden = read_json(&golden.join("graph_nodes.json"));
    let mut golden: Vec<(&str, &str, Vec<&str>)> = golden
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (n[0].as_str().unwrap(), n[1].as_str().unwrap(), strings(&n[2])))
        .collect();
    let mut ours: Vec<(&str, &str, Vec<&str>)> = graph
        .node
        .iter()
        .map(|n| (n.name.as_str(), n.op.as_str(), n.input.iter().map(String::as_str).collect()))
        .collect();
    ours.sort();
    golden.sort();
    assert_eq!(ours, golden);
}

/// Expects the golden tags at the golden steps, and a cross-entropy within 5 % of the golden curve
/// (the figure) from step 40 on, after the chaotic first steps.
fn assert_curve_is_golden(summaries: &Path, golden: &Path) {
    let golden = read_json(&golden.join("scalars.json"));
    for set in ["train", "validation"] {
        let ours = events::read(&summaries.join(set));
        let golden = golden[set].as_object().unwrap();
        let mut tags: Vec<&String> = golden.keys().collect();
        tags.sort();
        assert_eq!(ours.scalars.keys().collect::<Vec<_>>(), tags, "{set}");
        for (tag, points) in &ours.scalars {
            let golden: Vec<(i64, f64)> = golden[tag]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| (p[0].as_i64().unwrap(), p[1].as_f64().unwrap()))
                .collect();
            let steps = |points: &[(i64, f64)]| points.iter().map(|p| p.0).collect::<Vec<_>>();
            let points: Vec<(i64, f64)> = points.iter().map(|p| (p.0, f64::from(p.1))).collect();
            assert_eq!(steps(&points), steps(&golden), "{set} {tag}");
            if tag == "cross_entropy_1" && set == "train" {
                for (ours, golden) in points.iter().zip(&golden).filter(|(p, _)| p.0 >= 40) {
                    let off = (ours.1 - golden.1).abs() / golden.1;
                    assert!(off <= 0.05, "step {}: {} instead of {}", ours.0, ours.1, golden.1);
                }
            }
        }
    }
}

/// Runs `retrain` from the shared directory, as for the golden files, on whole batches.
fn golden_run(workspace: &Workspace, steps: u32, flags: &[String]) -> Option<()> {
    let root = shared("")?;
    let at = |flag: &str, name: &str| format!("--{flag}={}", workspace.path(name).display());
    let mut args = vec![
        "--image_dir=data/star_clusters".to_owned(),
        "--train_batch_size=-1".into(),
        "--validation_batch_size=-1".into(),
        "--random_seed=1".into(),
        format!("--how_many_training_steps={steps}"),
        at("output_graph", "graph.pb"),
        at("output_labels", "labels.txt"),
        at("bottleneck_dir", "bottlenecks"),
        at("summaries_dir", "summaries"),
    ];
    args.extend_from_slice(flags);
    run(RETRAIN, &root, &args).expect_code(0).says("Final test accuracy");
    Some(())
}

fn hub_run(module: &str) -> Option<(Workspace, PathBuf)> {
    let golden = shared(&format!("golden/hub_{module}"))?;
    let workspace = Workspace::new();
    let checkpoint = format!("--checkpoint_path={}", workspace.path("checkpoint/head").display());
    let saved_model = format!("--saved_model_dir={}", workspace.path("saved_model").display());
    golden_run(
        &workspace,
        100,
        &[format!("--tfhub_module=hub/{module}/feature_vector"), checkpoint, saved_model],
    )?;
    let labels = fs::read(golden.join("retrained_labels.txt")).unwrap();
    assert_eq!(fs::read(workspace.path("labels.txt")).unwrap(), labels);
    Some((workspace, golden))
}

/// Expects TF 1.15 and TF 2 to read checkpoint and SavedModel, and to agree within `tolerance` on a
/// uniform grey image. The checkpoint must have the same variables as `golden`'s, if given.
pub(crate) fn assert_peers_read(
    workspace: &Workspace,
    golden: Option<&Path>,
    size: usize,
    tolerance: f64,
) {
    let request = json!({
        "checkpoint": workspace.path("checkpoint/head"),
        "golden": golden.map(|golden| golden.join("checkpoint/head")),
        "saved_model": workspace.path("saved_model"),
        "value": 0.3,
        "size": size,
    });
    let mut predictions = Vec::new();
    for python in ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"].iter().filter_map(|v| python(v)) {
        let answer = ask_peer(&python, "hub_outputs.py", &request);
        assert_eq!(answer["like_golden"].as_bool(), golden.map(|_| true), "{answer}");
        assert_eq!(
            answer["latest"].as_str().unwrap(),
            workspace.path("checkpoint/head").to_str().unwrap()
        );
        predictions.extend(
            answer["predictions"].as_array().unwrap().iter().map(|p| p[0].as_f64().unwrap()),
        );
    }
    for pair in predictions.windows(2) {
        assert!((pair[0] - pair[1]).abs() < tolerance, "{predictions:?}");
    }
}

/// How to feed a module: with pixels of [0, 1].
const MODULE: Feeding = Feeding { layer: "Placeholder", size: 224, mean: 0, std: 255 };

fn real() -> Vec<PathBuf> {
    REAL.iter().filter_map(|name| shared(&format!("data/star_clusters/{name}"))).collect()
}

#[test]
fn a_plain_module_is_retrained_as_by_the_script() {
    let Some((workspace, golden)) = hub_run("mobilenet_v1_025_224") else { return };
    // The figure: TensorFlow 1.15 and 2 sum convolutions in different orders.
    let (largest, _) = difference(&workspace.path("bottlenecks"), &golden.join("bottlenecks"));
    assert!(largest <= 2e-3, "bottlenecks differ by {largest}");
    assert_nodes_are_golden(&workspace.path("graph.pb"), &golden);
    assert_curve_is_golden(&workspace.path("summaries"), &golden);
    // Same weights, but sums of convolutions in a different order.
    assert_peers_read(&workspace, Some(&golden), 224, 1e-4);
    assert_labels_alike(&workspace, &MODULE, &real(), ALIKE);
}

#[test]
fn a_quantops_module_is_retrained_as_by_the_script() {
    let Some((workspace, golden)) = hub_run("mobilenet_v1_025_224_quantops") else { return };
    // Each activation is rounded to one of 256 levels, so a last bit can change the level, and
    // later layers carry that on. This is the original's own noise: on these 138 photographs,
    // multiplying its pixels by 1 + 1e-6 moves its bottlenecks by up to 0.168, 3.2e-3 on average.
    // Ours differ from the golden ones by up to 0.166, 3.3e-3 on average. The bounds are less than
    // twice that.
    let (largest, mean) = difference(&workspace.path("bottlenecks"), &golden.join("bottlenecks"));
    assert!(
        largest <= 0.3 && mean <= 5e-3,
        "bottlenecks differ by {largest}, on average by {mean}"
    );
    assert_nodes_are_golden(&workspace.path("graph.pb"), &golden);
    assert_curve_is_golden(&workspace.path("summaries"), &golden);
    // One level of a logit, whose range is 1.03 here, is 4e-3, and at most 1e-3 in probability (p(1
    // − p) ≤ 1/4). The bound is two levels.
    assert_peers_read(&workspace, Some(&golden), 224, 2e-3);
    // Unlike a uniform grey, photographs are rounded everywhere: multiplying the pixels by 1 + 1e-6
    // moves TensorFlow 1.15's own scores on all 138 by up to 0.011, 2e-3 on average. The observed
    // difference between ours and TF 2's is 0.004.
    assert_labels_alike(&workspace, &MODULE, &real(), 1.5e-2);
}

#[test]
fn a_quantized_mobilenet_is_retrained_as_by_the_script() {
    let Some(golden) = shared("golden/poets_mobilenet_0.25_224_quantized") else { return };
    let Some(archive) = shared("models/mobilenet_v1_0.25_224_frozen.tgz") else { return };
    let workspace = Workspace::new();
    workspace.write("models/mobilenet_v1_0.25_224_frozen.tgz", fs::read(archive).unwrap());
    let models = format!("--model_dir={}", workspace.path("models").display());
    let architecture = "--architecture=mobilenet_0.25_224_quantized".to_owned();
    if golden_run(&workspace, 50, &[architecture, models]).is_none() {
        return;
    }
    let (largest, _) = difference(&workspace.path("bottlenecks"), &golden.join("bottlenecks"));
    assert!(largest <= 2e-3, "bottlenecks differ by {largest}");
    assert_nodes_are_golden(&workspace.path("graph.pb"), &golden);
    assert_curve_is_golden(&workspace.path("summaries"), &golden);
    let quantized = Feeding { layer: "input", size: 224, mean: 128, std: 128 };
    assert_labels_alike(&workspace, &quantized, &real(), ALIKE);
}

#[test]
fn what_is_no_module_is_named() {
    let workspace = Workspace::with_photos(2);
    let retrain = |module: &str| {
        let module = format!("--tfhub_module={module}");
        run(
            RETRAIN,
            workspace.root(),
            &["--image_dir=photos", &module, "--summaries_dir=s", "--bottleneck_dir=b"],
        )
    };
    retrain("nowhere").expect_code(1).says("nowhere: is not a TF-Hub module");
    workspace.write("empty/saved_model.pb", "");
    retrain("empty").expect_code(1).says("empty: holds no tfhub_module.pb");
    workspace.write("empty/tfhub_module.pb", [8, 2]);
    retrain("empty").expect_code(1).says("format 2");
    workspace.write("empty/tfhub_module.pb", [8, 3]);
    retrain("empty").expect_code(1).says("saved_model.pb: holds no graph with the empty tag set");
    workspace.write("empty/saved_model.pb", "nonsense");
    retrain("empty").expect_code(1).says("saved_model.pb: is not a valid SavedModel");
}
