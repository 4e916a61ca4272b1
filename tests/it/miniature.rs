//! The built-in backbone: its bytes are fixed, and the moments it ships with are those of its
//! layers over simulated photographs.
//!
//! If they no longer are, because layers, seed or simulator have changed, a test fails, writes the
//! new moments to a file and says where to copy it. That makes a different network: the sum below
//! changes, and users' cached bottlenecks are computed again.

use super::loading::load_tensorflow;
use super::simulate::cluster::{ClusterKind, photograph};
use retrain::model::{Calibration, build_miniature};
use retrain::proto::DataType::DT_INT32;
use retrain::proto::{self, GraphDef};
use retrain::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tensorflow::SessionRunArgs;

const MOMENTS: &str = "src/model/builtin/miniature.moments";
const SIZE: u32 = 128;
const SEED: u64 = 20_171_206;
const PER_KIND: u64 = 32;
const POOLED: &str = "MobilenetV1/Logits/Dropout_1b/Identity";
const LOGIT_WEIGHTS: &str = "MobilenetV1/Logits/Conv2d_1c_1x1/weights";

/// The means and the variances of the channels of one layer.
type Moments = (Vec<f32>, Vec<f32>);

#[test]
fn the_graph_has_the_same_bytes_on_every_machine() {
    let graph = proto::serialize(&build_miniature(Calibration::Shipped).unwrap()).unwrap();
    // Changing this invalidates every cache of its bottlenecks.
    let sum = "63935223b2204336067de53fe90ba100b4bb6dce4288b4d203dcb72af4170a26";
    let digest: String = Sha256::digest(graph).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest, sum);
}

/// Rounding through 27 layers depends on TensorFlow's kernels: the observed difference is 0 on the
/// machine where the file was made, and 6e-6 with other instruction sets. The rest allows for
/// systems whose `exp` and `pow` round differently, which may draw a few different stars.
const TOLERANCE: f32 = 1e-3;

#[test]
fn the_shipped_moments_are_those_of_simulated_photographs() {
    let measured = measure();
    let shipped = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(MOMENTS)).unwrap();
    let difference = largest_difference(&shipped, &measured);
    println!("the moments differ by {difference:e}");
    let same = difference < TOLERANCE;
    if !same {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("miniature.moments");
        let values = measured.iter().flat_map(|(mean, variance)| mean.iter().chain(variance));
        fs::write(&new, values.flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        panic!(
            "the moments differ by {difference}; if they should, copy {} to {MOMENTS}",
            new.display()
        );
    }
}

/// The largest difference between a file's moments and the measured ones: means in standard
/// deviations, variances relative.
fn largest_difference(file: &[u8], measured: &[Moments]) -> f32 {
    let expected = measured.iter().flat_map(|(means, variances)| {
        let means = means.iter().zip(variances).map(|(&mean, v)| (mean, v.sqrt()));
        means.chain(variances.iter().map(|&v| (v, v)))
    });
    let shipped = file.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    if file.len() != 4 * expected.clone().count() {
        return f32::INFINITY;
    }
    // NaN is the largest in the total order.
    let differences = shipped.zip(expected).map(|(s, (value, unit))| ((s - value) / unit).abs());
    differences.max_by(f32::total_cmp).unwrap()
}

/// The moments of each convolution and of the logits, each layer normalised by its own.
fn measure() -> Vec<Moments> {
    load_tensorflow();
    let mut graph_def = build_miniature(Calibration::Pending).unwrap();
    let weights =
        proto::floats(graph_def.require(LOGIT_WEIGHTS).unwrap().tensor_attr("value").unwrap());
    let names = normalise_by_batch(&mut graph_def);
    let graph = Graph::import(&graph_def).unwrap();
    let session = Session::new(&graph, Threads::default()).unwrap();
    let (input, pixels) = (graph.output("input").unwrap(), pixels());
    let mut args = SessionRunArgs::new();
    args.add_feed(&input.operation, input.index, &pixels);
    let mut fetch = |name: &str| args.request_fetch(&graph.operation(name).unwrap(), 0);
    let tokens: Vec<_> =
        names.iter().map(|(mean, variance)| (fetch(mean), fetch(variance))).collect();
    let pooled = fetch(POOLED);
    session.run(&mut args, "measuring moments").unwrap();
    let mut take = |token| args.fetch::<f32>(token).unwrap().to_vec();
    let mut moments: Vec<Moments> =
        tokens.into_iter().map(|(mean, variance)| (take(mean), take(variance))).collect();
    moments.push(logit_moments(&take(pooled), &weights));
    moments
}

/// Makes each layer use its mean and variance over the images of the run. Returns the names of
/// these tensors.
fn normalise_by_batch(graph: &mut GraphDef) -> Vec<(String, String)> {
    let mut b = GraphBuilder::on(graph);
    let mut names = Vec::new();
    let scopes: Vec<String> = graph
        .node
        .iter()
        .filter_map(|n| n.name.strip_suffix("/mul_1").map(str::to_owned))
        .collect();
    for scope in scopes {
        let x = graph.require(&format!("{scope}/mul_1")).unwrap().input[0].clone();
        let axes = b.ints(&format!("{scope}/axes"), &[0, 1, 2]);
        let mean = add_mean(&mut b, &format!("{scope}/mean"), &x, &axes);
        let squares = b.op("SquaredDifference", &format!("{scope}/squares")).inputs([&x, &mean]);
        let squares = squares.float_type().finish();
        let variance = add_mean(&mut b, &format!("{scope}/variance"), &squares, &axes);
        set_input(graph, &format!("{scope}/mul_2"), &mean);
        set_input(graph, &format!("{scope}/add"), &variance);
        names.push((mean, variance));
    }
    let input = graph.node.iter_mut().find(|n| n.name == "input").unwrap();
    let side = i64::from(SIZE);
    input.set_attr("shape", proto::Value::Shape(proto::shape(&[-1, side, side, 3])));
    graph.node.extend(b.take_nodes());
    names
}

fn add_mean(b: &mut GraphBuilder, name: &str, x: &str, axes: &str) -> String {
    let mean = b.op("Mean", name).inputs([x, axes]).float_type();
    mean.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish()
}

/// Replaces the first input of the named node.
fn set_input(graph: &mut GraphDef, name: &str, input: &str) {
    graph.node.iter_mut().find(|n| n.name == name).unwrap().input[0] = input.into();
}

/// The photographs of both kinds, [photographs, SIZE, SIZE, 3], from −1 to 1.
fn pixels() -> Tensor<f32> {
    let kinds = ClusterKind::ALL;
    let side = u64::from(SIZE);
    let mut pixels = Tensor::new(&[PER_KIND * kinds.len() as u64, side, side, 3]);
    let photographs =
        kinds.iter().flat_map(|&kind| (0..PER_KIND).map(move |i| photograph(kind, SEED, i, SIZE)));
    for (row, photograph) in pixels.chunks_mut((SIZE * SIZE * 3) as usize).zip(photographs) {
        row.iter_mut()
            .zip(photograph.as_raw())
            .for_each(|(p, &v)| *p = (f32::from(v) - 127.5) / 127.5);
    }
    pixels
}

/// The moments of each logit, from the features [photographs, features] and the weights [features,
/// logits].
fn logit_moments(pooled: &[f32], weights: &[f32]) -> Moments {
    let photographs = (2 * PER_KIND) as usize;
    let features = pooled.len() / photographs;
    let logits = weights.len() / features;
    let moments = |logit: usize| {
        let value = |f: &[f32]| -> f32 {
            f.iter().enumerate().map(|(i, x)| x * weights[i * logits + logit]).sum()
        };
        let values: Vec<f32> = pooled.chunks(features).map(value).collect();
        let mean = values.iter().sum::<f32>() / photographs as f32;
        let squares = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>();
        (mean, squares / photographs as f32)
    };
    (0..logits).map(moments).unzip()
}
