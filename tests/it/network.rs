//! The network that images go through in batches: what is folded and freed, what is left alone, and
//! that the result is the published graph's.

use super::loading::load_tensorflow;
use super::support::{Workspace, miniature_dir};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::images::{Photograph, PixelRange, PixelSpec, Reading};
use retrain::inference::{BatchNetwork, DistortedImages};
use retrain::layers::Distortions;
use retrain::model::{Backbone, create_model_graph, create_model_info};
use retrain::proto::DataType::{DT_FLOAT, DT_INT32};
use retrain::proto::{GraphDef, Value};
use retrain::rewrite::{differentiable, fold_batch_norms, free_batch};
use retrain::tf::{Feed, Graph, GraphBuilder, Op, Session, Tensor, Threads};

const SPEC: PixelSpec =
    PixelSpec { width: 6, height: 6, depth: 2, range: PixelRange::Unit, reading: Reading::DEFAULT };
const CHANNELS: usize = 4;

/// How a convolution is normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Norm {
    MultiplyAdd,
    /// Something else reads the product, too.
    MultiplyAddRead,
    Fused,
    /// By the batch's moments, which are not constant.
    FusedTraining,
    Global {
        scaled: bool,
    },
}

fn numbers(rng: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(0.5..1.5)).collect()
}

fn graph_of(b: &mut GraphBuilder) -> GraphDef {
    GraphDef { node: b.take_nodes(), ..GraphDef::default() }
}

fn convolution<'b>(b: &'b mut GraphBuilder, op: &str, inputs: [&str; 2]) -> Op<'b> {
    let conv = b.op(op, "conv").inputs(inputs).float_type().ints_attr("strides", &[1, 1, 1, 1]);
    conv.attr("padding", Value::S(b"SAME".to_vec())).ints_attr("dilations", &[1, 1, 1, 1])
}

/// A convolution of `input`, one image of SPEC, with its normalisation; the result is `output`.
fn layer(op: &str, norm: Norm) -> GraphDef {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut b = GraphBuilder::default();
    let input = b
        .op("Placeholder", "input")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &[1, 6, 6, 2])
        .finish();
    // Both kinds of convolution turn two channels into four.
    let output = if op == "Conv2D" { 4 } else { 2 };
    let stored = b.floats("weights", &[3, 3, 2, output], &numbers(&mut rng, 18 * output as usize));
    let weights = b.op("Identity", "weights/read").input(stored).float_type().finish();
    let conv = convolution(&mut b, op, [&input, &weights]).finish();
    let [mean, variance, beta, gamma] = ["mean", "variance", "beta", "gamma"]
        .map(|n| b.floats(n, &[4], &numbers(&mut rng, CHANNELS)));
    let normalised = match norm {
        Norm::MultiplyAdd | Norm::MultiplyAddRead => {
            // The factor is computed in the graph, as in MobileNet.
            let m = b.op("Rsqrt", "rsqrt").input(variance).float_type().finish();
            let product = b.op("Mul", "mul").inputs([&conv, &m]).float_type().finish();
            let sum = b.op("AddV2", "norm").inputs([&beta, &product]).float_type().finish();
            if norm == Norm::MultiplyAdd {
                sum
            } else {
                b.op("Add", "both").inputs([sum, product]).float_type().finish()
            }
        }
        Norm::Fused | Norm::FusedTraining => {
            let moments = if norm == Norm::Fused {
                [mean, variance]
            } else {
                ["e1", "e2"].map(|n| b.floats(n, &[0], &[]))
            };
            let fused = b
                .op("FusedBatchNormV3", "norm")
                .inputs([conv, gamma, beta])
                .inputs(moments)
                .float_type();
            fused
                .type_attr("U", DT_FLOAT)
                .float_attr("epsilon", 0.1)
                .bool_attr("is_training", norm != Norm::Fused)
                .finish()
        }
        Norm::Global { scaled } => {
            let global = b
                .op("BatchNormWithGlobalNormalization", "norm")
                .inputs([conv, mean, variance, beta, gamma]);
            let global = global.float_type().float_attr("variance_epsilon", 0.1);
            global.bool_attr("scale_after_normalization", scaled).finish()
        }
    };
    b.op("Relu6", "output").input(normalised).float_type().finish();
    // A version that still has BatchNormWithGlobalNormalization.
    let versions = retrain::proto::VersionDef { producer: 8, ..Default::default() };
    GraphDef { versions: Some(versions).into(), ..graph_of(&mut b) }
}

fn run(graph: &GraphDef, pixels: &Tensor<f32>) -> Vec<f32> {
    let graph = Graph::import(graph).unwrap();
    let session = Session::new(&graph, Threads { intra_op: 1, inter_op: -1 }).unwrap();
    let feed = Feed { output: &graph.output("input").unwrap(), value: pixels };
    session.run_one::<f32, f32>(feed, &graph.output("output").unwrap(), "running").unwrap().to_vec()
}

fn pixels(count: u64) -> Tensor<f32> {
    let mut pixels = Tensor::new(&[count, 6, 6, 2]);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    // Small enough that Relu6 cuts off only some of them.
    pixels.iter_mut().for_each(|p| *p = rng.random_range(-0.3..0.5));
    pixels
}

fn ops(graph: &GraphDef) -> Vec<&str> {
    graph.node.iter().map(|n| n.op.as_str()).collect()
}

#[test]
fn every_form_of_normalisation_is_folded() {
    load_tensorflow();
    let norms = [
        Norm::MultiplyAdd,
        Norm::Fused,
        Norm::Global { scaled: true },
        Norm::Global { scaled: false },
    ];
    for (op, norm) in
        ["Conv2D", "DepthwiseConv2dNative"].into_iter().flat_map(|op| norms.map(|n| (op, n)))
    {
        let graph = layer(op, norm);
        let folded = fold_batch_norms(&graph, "output");
        // The next step removes unused nodes.
        let folded = free_batch(&folded, "input", "output", &SPEC);
        let mut left = ops(&folded);
        left.sort_unstable();
        let mut expected = ["BiasAdd", "Const", "Const", op, "Placeholder", "Relu6"];
        expected.sort_unstable();
        assert_eq!(left, expected, "{op} {norm:?}");
        let (theirs, ours) = (run(&graph, &pixels(1)), run(&folded, &pixels(1)));
        let varied = theirs.iter().any(|&v| v > 0.1 && v < 5.9);
        assert!(varied, "{op} {norm:?}: a test of nothing but cut-off values");
        // Sums of 18 products, at most 6 in all, in single precision: rounding is below 18 · 6 ·
        // 2⁻²⁴ = 6.4e-6.
        for (t, o) in theirs.iter().zip(&ours) {
            assert!((t - o).abs() < 1e-5, "{op} {norm:?}: {o} instead of {t}");
        }
    }
}

/// The layer with a bias between the convolution and its normalisation.
fn biased(mut graph: GraphDef, keras: bool) -> GraphDef {
    let mut b = GraphBuilder::on(&graph);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let bias = b.floats("bias", &[4], &numbers(&mut rng, CHANNELS));
    let sum = if keras {
        let shape = b.ints("bias/shape", &[1, 1, 1, -1]);
        let bias = b.op("Reshape", "bias/Reshape").inputs([bias, shape]).float_type();
        let bias = bias.type_attr("Tshape", DT_INT32).finish();
        b.op("AddV2", "biased").inputs(["conv", &bias]).float_type().finish()
    } else {
        b.op("BiasAdd", "biased").inputs(["conv", &bias]).float_type().finish()
    };
    let inputs = graph.node.iter_mut().flat_map(|n| &mut n.input);
    inputs.filter(|i| *i == "conv").for_each(|i| i.clone_from(&sum));
    graph.node.extend(b.take_nodes());
    graph
}

#[test]
fn a_bias_before_the_normalisation_is_folded_too() {
    load_tensorflow();
    for (op, norm, keras) in [
        ("Conv2D", Norm::MultiplyAdd, true),
        ("Conv2D", Norm::Fused, false),
        ("DepthwiseConv2dNative", Norm::MultiplyAdd, false),
        ("DepthwiseConv2dNative", Norm::Fused, true),
    ] {
        let graph = biased(layer(op, norm), keras);
        let folded = free_batch(&fold_batch_norms(&graph, "output"), "input", "output", &SPEC);
        let mut left = ops(&folded);
        left.sort_unstable();
        let mut expected = ["BiasAdd", "Const", "Const", op, "Placeholder", "Relu6"];
        expected.sort_unstable();
        assert_eq!(left, expected, "{op} {norm:?}");
        for (theirs, ours) in run(&graph, &pixels(1)).iter().zip(run(&folded, &pixels(1))) {
            assert!((theirs - ours).abs() < 1e-5, "{op} {norm:?}: {ours} instead of {theirs}");
        }
        // The same for training.
        let trained = differentiable(&graph, "input", "output", &SPEC);
        for (theirs, ours) in run(&graph, &pixels(1)).iter().zip(run(&trained, &pixels(1))) {
            assert!((theirs - ours).abs() < 1e-5, "{op} {norm:?}: {ours} instead of {theirs}");
        }
    }
}

#[test]
fn what_is_not_a_constant_of_its_own_is_left_alone() {
    load_tensorflow();
    for norm in [Norm::MultiplyAddRead, Norm::FusedTraining] {
        let graph = layer("Conv2D", norm);
        assert_eq!(fold_batch_norms(&graph, "output"), graph, "{norm:?}");
    }
    // The convolution's own values are wanted.
    let graph = layer("Conv2D", Norm::MultiplyAdd);
    assert_eq!(fold_batch_norms(&graph, "conv"), graph);
}

/// `output` = `input` reshaped to `shape`; with `shape_read`, another node reads the shape, too.
fn reshaping(shape: &[i32], shape_read: bool) -> GraphDef {
    let mut b = GraphBuilder::default();
    let before = b
        .op("Placeholder", "file")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &[1, 6, 6, 2])
        .finish();
    let input = b.op("Identity", "input").input(before).float_type().finish();
    let shape = b.ints("shape", shape);
    let input = if shape_read {
        let ones = b.int("one", 1);
        let filled = b.op("Fill", "filled").inputs([&shape, &ones]).type_attr("T", DT_INT32);
        let filled = filled.type_attr("index_type", DT_INT32).finish();
        b.op("Identity", "later").input(&input).input(format!("^{filled}")).float_type().finish()
    } else {
        input
    };
    let reshaped = b.op("Reshape", "output").inputs([input, shape]).float_type();
    reshaped.type_attr("Tshape", DT_INT32).finish();
    graph_of(&mut b)
}

#[test]
fn a_fixed_batch_of_one_is_freed() {
    load_tensorflow();
    let graph = free_batch(&reshaping(&[1, 72], false), "input:0", "output:0", &SPEC);
    assert_eq!(
        ops(&graph),
        ["Placeholder", "Const", "Reshape"],
        "what comes before the input goes"
    );
    assert_eq!(graph.find("input").unwrap().shape_attr("shape").unwrap(), [-1, 6, 6, 2]);
    assert_eq!(run(&graph, &pixels(3)), pixels(3).to_vec());
    // Shapes that mean something else, or that have another reader.
    for (shape, read) in
        [(&[2, 36][..], false), (&[1, -1], false), (&[72], false), (&[1, 72], true)]
    {
        let graph = free_batch(&reshaping(shape, read), "input", "output", &SPEC);
        let before = reshaping(shape, read);
        assert_eq!(graph.find("shape"), before.find("shape"), "{shape:?}");
    }
}

/// The built-in backbone.
fn miniature() -> Backbone {
    load_tensorflow();
    create_model_graph(&create_model_info("miniature").unwrap(), &miniature_dir()).unwrap()
}

#[test]
fn a_network_that_cannot_be_batched_is_run_image_by_image() {
    let batched = |shape: &[i32]| {
        let mut b = GraphBuilder::default();
        b.op("Softmax", "softmax").input("output").float_type().finish();
        let mut graph_def = reshaping(shape, false);
        graph_def.node.extend(b.take_nodes());
        let (input, bottleneck) = ("input".into(), "softmax".into());
        let backbone = Backbone {
            graph_def,
            input,
            bottleneck,
            bottleneck_size: 72,
            pixels: SPEC,
            ..miniature()
        };
        let network = BatchNetwork::new(&backbone, &pixels(1)).unwrap();
        let of_three = network.run(&pixels(3)).unwrap();
        for (values, image) in of_three.chunks(72).zip(pixels(3).chunks(72)) {
            let total: f32 = image.iter().map(|p| p.exp()).sum();
            for (value, pixel) in values.iter().zip(image) {
                // The sum of 72 numbers near 1 in single precision: a relative error of 72 · 2⁻²⁴
                // in numbers near 1/72.
                assert!((value - pixel.exp() / total).abs() < 1e-7, "{shape:?}: {value}");
            }
        }
        network.is_batched()
    };
    assert!(batched(&[1, 72]));
    // A softmax over all pixels of all images.
    assert!(!batched(&[1, -1]));
}

/// `output` = `input` and numbers that are new in each run, 128 of them around 72 pixels, or one
/// for each pixel.
fn random(op: &str) -> Backbone {
    let mut b = GraphBuilder::default();
    let input = b.op("Placeholder", "input").type_attr("dtype", DT_FLOAT);
    let input = input.shape_attr("shape", &[1, 6, 6, 2]).finish();
    let (noisy, size) = if op == "ExtractGlimpse" {
        let side = b.ints("size", &[8, 8]);
        let offsets = b.floats("offsets", &[1, 2], &[0.0; 2]);
        (b.op(op, "noisy").inputs([input, side, offsets]).finish(), 128)
    } else {
        let shape = b.ints("noise/shape", &[1, 6, 6, 2]);
        let noise = b.op(op, "noise").input(shape).type_attr("dtype", DT_FLOAT);
        let noise = noise.type_attr("T", DT_INT32).finish();
        (b.op("AddV2", "noisy").inputs([input, noise]).float_type().finish(), 72)
    };
    let shape = b.ints("output/shape", &[1, size]);
    let reshaped = b.op("Reshape", "output").inputs([noisy, shape]).float_type();
    reshaped.type_attr("Tshape", DT_INT32).finish();
    Backbone {
        graph_def: graph_of(&mut b),
        input: "input".into(),
        bottleneck: "output".into(),
        bottleneck_size: size as usize,
        pixels: SPEC,
        ..miniature()
    }
}

#[test]
fn a_network_that_is_random_is_told_from_one_that_cannot_be_batched() {
    let why = "the same image gives different bottlenecks each time; freeze the graph for \
        inference, without dropout";
    let error = BatchNetwork::new(&random("RandomStandardNormal"), &pixels(1)).unwrap_err();
    let expected = format!("graph node 'noise': is random (RandomStandardNormal): {why}");
    assert_eq!(error.to_string(), expected);
    // An op that nobody knows to be random: what is beyond the image is noise.
    let error = BatchNetwork::new(&random("ExtractGlimpse"), &pixels(1)).unwrap_err();
    assert_eq!(error.to_string(), format!("graph node 'output': is random: {why}"));
    // The noise of a seed is the same each time.
    let mut seeded = random("RandomStandardNormal");
    let noise = seeded.graph_def.node.iter_mut().find(|n| n.name == "noise").unwrap();
    noise.op = "StatelessRandomNormal".into();
    noise.input.push("seed".into());
    noise.set_attr("Tseed", Value::Type(DT_INT32.into()));
    let mut b = GraphBuilder::on(&seeded.graph_def);
    b.ints("seed", &[1, 2]);
    seeded.graph_def.node.extend(b.take_nodes());
    BatchNetwork::new(&seeded, &pixels(1)).unwrap();
}

const FLIP: Distortions = Distortions {
    flip_left_right: true,
    random_crop: 10,
    random_scale: 10,
    random_brightness: 10,
    seed: 4,
    ..Distortions::NONE
};

#[test]
fn kept_pixels_change_nothing_but_memory() {
    let workspace = Workspace::with_photos(4);
    let mut paths: Vec<_> =
        walkdir::WalkDir::new(workspace.path("photos")).into_iter().map(|e| e.unwrap()).collect();
    paths.retain(|e| e.file_type().is_file());
    let photographs: Vec<_> = paths.iter().map(|e| Photograph::file(e.path())).collect();
    let photographs: Vec<&Photograph> = photographs.iter().collect();
    let backbone = miniature();
    // Eight photographs of 96 × 96 × 3 bytes. With thirteen rows the last piece is incomplete.
    let photo = 96 * 96 * 3;
    let rows = [0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1, 5, 5];
    let outcome = |budget: usize| {
        let mut images = DistortedImages::new(&backbone, &FLIP, &photographs, 0, budget).unwrap();
        let mut bottlenecks = vec![0.0; 2 * rows.len() * 1001];
        for step in bottlenecks.chunks_mut(rows.len() * 1001) {
            images.get_distorted_bottlenecks(&rows, step).unwrap();
        }
        (bottlenecks, images.bytes_kept())
    };
    let (all, kept) = outcome(usize::MAX);
    assert_eq!(kept, 8 * photo);
    assert!(all.chunks(1001).all(|row| row.iter().any(|&v| v != 0.0)), "every row is filled");
    let mut seen: Vec<_> = all.chunks(1001).collect();
    seen.sort_by(|a, b| a.partial_cmp(b).unwrap());
    seen.dedup();
    assert_eq!(seen.len(), 2 * rows.len(), "no image is distorted twice in the same way");
    let (some, kept) = outcome(3 * photo + 1);
    assert!(all == some && kept <= 3 * photo, "{kept}");
    let (none, kept) = outcome(0);
    assert!(all == none && kept == 0, "{kept}");
}
