//! The new layer's arithmetic, step by step, against TensorFlow 1.15 under Python.

use super::loading::load_tensorflow;
use super::support::{golden, json, shared};
use retrain::layers::{
    FinalTrainingOps, HeadSpec, Loss, LossSpec, StepSpec, Summaries, Truth, add_cross_entropy,
    add_evaluation_step, add_final_training_ops, add_train_step,
};
use retrain::proto::{DataType, GraphDef};
use retrain::tf::{self, Graph, GraphBuilder, Session, Tensor, Threads};
use serde_json::Value;
use std::path::Path;
use tensorflow::{Output, SessionRunArgs};

/// The tolerance that the issue gives for the golden file. (The arithmetic is the same; the order
/// of summation in a matrix product is not.)
const TOLERANCE: f32 = 1e-5;

fn floats(list: &Value) -> Vec<f32> {
    match list {
        Value::Array(items) => items.iter().flat_map(floats).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

fn assert_close(what: &str, ours: &[f32], golden: &[f32]) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    for (i, (ours, golden)) in ours.iter().zip(golden).enumerate() {
        assert!(
            (ours - golden).abs() <= TOLERANCE,
            "{what}, element {i}: {ours} instead of {golden}"
        );
    }
}

struct Layer {
    session: Session,
    graph: Graph,
    ops: FinalTrainingOps,
    loss: Loss,
    accuracy: String,
    merged: String,
    train_step: String,
}

/// The layer on a graph with only a placeholder for bottlenecks.
fn build(size: usize, class_count: usize, learning_rate: f32) -> Layer {
    load_tensorflow();
    let mut b = GraphBuilder::default();
    let bottleneck = b.op("Placeholder", "bottleneck").type_attr("dtype", DataType::DT_FLOAT);
    let bottleneck = bottleneck.shape_attr("shape", &[-1, size as i64]).finish();
    let mut graph =
        Graph::import(&GraphDef { node: b.take_nodes(), ..GraphDef::default() }).unwrap();
    let mut summaries = Summaries::default();
    let spec = HeadSpec {
        scope: "final_training_ops",
        truth: Truth::OneHot,
        class_count,
        final_tensor_name: "final_result".into(),
        bottleneck_tensor: bottleneck,
        bottleneck_tensor_size: size,
        quantize: None,
        seed: 1,
    };
    let ops = add_final_training_ops(&mut b, &mut summaries, &spec).unwrap();
    let loss = add_cross_entropy(&mut b, &mut summaries, &ops, &LossSpec::default());
    let step = add_evaluation_step(&mut b, &mut summaries, &ops);
    let merged = summaries.merge_all(&mut b);
    graph.extend(&b.take_nodes()).unwrap();
    let descent = StepSpec::gradient_descent(learning_rate);
    let train = add_train_step(&mut b, &mut graph, &ops, &loss, descent, &merged).unwrap();
    let train_step = train.train_step;
    let session = Session::new(&graph, Threads { intra_op: 1, inter_op: 1 }).unwrap();
    Layer { session, graph, ops, loss, accuracy: step.accuracy, merged, train_step }
}

impl Layer {
    fn output(&self, name: &str) -> Output {
        self.graph.output(name).unwrap()
    }

    /// Sets a variable by feeding the initial value to its initializer.
    fn set(&self, variable: usize, value: &Tensor<f32>) {
        let names = &self.ops.variables[variable];
        let (initial, initializer) = (self.output(&names.initial_value), &names.initializer);
        let mut args = SessionRunArgs::new();
        args.add_feed(&initial.operation, initial.index, value);
        args.add_target(&self.graph.operation(initializer).unwrap());
        self.session.run(&mut args, "setting a variable").unwrap();
    }

    fn get(&self, variable: usize) -> Vec<f32> {
        let output = self.output(&self.ops.variables[variable].snapshot);
        self.session.fetch::<f32>(&output, "reading a variable").unwrap().to_vec()
    }

    /// Runs the train step, then measures cross-entropy and accuracy on the same batch.
    fn step(&self, bottlenecks: &Tensor<f32>, truth: &Tensor<f32>) -> [f32; 2] {
        let (x, t) =
            (self.output(&self.ops.bottleneck_input), self.output(&self.ops.ground_truth_input));
        let mut training = SessionRunArgs::new();
        training.add_feed(&x.operation, x.index, bottlenecks);
        training.add_feed(&t.operation, t.index, truth);
        training.add_target(&self.graph.operation(&self.train_step).unwrap());
        self.session.run(&mut training, "training").unwrap();
        let mut args = SessionRunArgs::new();
        args.add_feed(&x.operation, x.index, bottlenecks);
        args.add_feed(&t.operation, t.index, truth);
        let fetched = [&self.loss.mean, &self.accuracy].map(|name| {
            let output = self.output(name);
            args.request_fetch(&output.operation, output.index)
        });
        self.session.run(&mut args, "measuring").unwrap();
        fetched.map(|token| args.fetch::<f32>(token).unwrap()[0])
    }
}

fn assert_trains_as(golden: &Path) {
    let golden = json(golden);
    let weights = floats(&golden["initial_weights"]);
    let labels: Vec<usize> =
        golden["labels"].as_array().unwrap().iter().map(|l| l.as_u64().unwrap() as usize).collect();
    let (images, size) = (labels.len(), golden["initial_weights"].as_array().unwrap().len());
    let classes = weights.len() / size;
    let layer = build(size, classes, floats(&golden["learning_rate"])[0]);
    let tensor = |dims: [usize; 2], values: &[f32]| {
        Tensor::new(&dims.map(|d| d as u64)).with_values(values).unwrap()
    };
    let bottlenecks = tensor([images, size], &floats(&golden["bottlenecks"]));
    let one_hot: Vec<f32> = labels
        .iter()
        .flat_map(|&l| (0..classes).map(move |c| if c == l { 1.0 } else { 0.0 }))
        .collect();
    let truth = tensor([images, classes], &one_hot);
    layer.set(0, &tensor([size, classes], &weights));
    layer.set(1, &Tensor::new(&[classes as u64]));
    let steps = golden["steps"].as_u64().unwrap();
    let curves: Vec<[f32; 2]> = (0..steps).map(|_| layer.step(&bottlenecks, &truth)).collect();
    let curve = |i: usize| curves.iter().map(|c| c[i]).collect::<Vec<_>>();
    assert_close("cross entropy", &curve(0), &floats(&golden["cross_entropy"]));
    assert_close("accuracy", &curve(1), &floats(&golden["accuracy"]));
    assert_close("weights", &layer.get(0), &floats(&golden["final_weights"]));
    assert_close("biases", &layer.get(1), &floats(&golden["final_biases"]));
}

#[test]
fn fifty_steps_of_the_new_layer_are_tensorflows() {
    assert_trains_as(&golden("layers/head_training.json"));
}

#[test]
fn the_committed_golden_training_is_the_shared_one() {
    let Some(original) = shared("golden/head_training.json") else { return };
    assert_eq!(json(&original), json(&golden("layers/head_training.json")));
}

#[test]
fn initial_weights_are_a_truncated_normal_and_biases_zero() {
    let layer = build(1001, 20, 0.01);
    let initializers: Vec<_> = layer
        .ops
        .variables
        .iter()
        .map(|v| layer.graph.operation(&v.initializer).unwrap())
        .collect();
    layer.session.run_targets(&initializers, "initializing").unwrap();
    let weights = layer.get(0);
    let n = weights.len() as f32;
    assert_eq!(weights.len(), 20_020);
    assert!(weights.iter().all(|w| w.abs() <= 0.002), "cut off at two standard deviations");
    let mean = weights.iter().sum::<f32>() / n;
    let deviation = (weights.iter().map(|w| (w - mean).powi(2)).sum::<f32>() / n).sqrt();
    // A normal distribution truncated at two standard deviations has 0.8796 of its deviation. Over
    // 20,020 draws the estimate scatters by 0.5 %, and the mean by 6e-6; the bounds are six times
    // that.
    assert!((deviation / 0.000_879_6 - 1.0).abs() < 0.03, "{deviation}");
    assert!(mean.abs() < 4e-5, "{mean}");
    assert!(layer.get(1).iter().all(|b| *b == 0.0));
}

#[test]
fn summaries_show_the_state_before_the_step() {
    let layer = build(2, 2, 1.0);
    layer.set(0, &Tensor::new(&[2, 2]).with_values(&[1.0, 2.0, 3.0, 4.0]).unwrap());
    layer.set(1, &Tensor::new(&[2]));
    let (x, t) =
        (layer.output(&layer.ops.bottleneck_input), layer.output(&layer.ops.ground_truth_input));
    let bottlenecks = Tensor::new(&[1, 2]).with_values(&[1.0f32, 1.0]).unwrap();
    let truth = Tensor::new(&[1, 2]).with_values(&[1.0f32, 0.0]).unwrap();
    let mut args = SessionRunArgs::new();
    args.add_feed(&x.operation, x.index, &bottlenecks);
    args.add_feed(&t.operation, t.index, &truth);
    let merged = layer.output(&layer.merged);
    let token = args.request_fetch(&merged.operation, merged.index);
    args.add_target(&layer.graph.operation(&layer.train_step).unwrap());
    layer.session.run(&mut args, "training").unwrap();
    let bytes = args.fetch::<tf::Bytes>(token).unwrap()[0].0.clone();
    let summary: retrain::proto::Summary =
        retrain::proto::parse(Path::new("summary"), &bytes).unwrap();
    let scalar = |tag: &str| {
        summary
            .value
            .iter()
            .find(|v| v.tag == tag)
            .unwrap_or_else(|| panic!("no {tag}"))
            .simple_value
    };
    assert_eq!(scalar("final_training_ops/weights/summaries/max_1"), 4.0);
    assert_ne!(layer.get(0)[3], 4.0, "the step was made");
}
