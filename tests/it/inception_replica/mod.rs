//! The graph of Inception v3 as it was published in December 2015 (`classify_image_graph_def.pb`),
//! node for node, with random weights: for tests and benchmarks. It has learnt nothing.
//!
//! The weights keep the picture alive at any depth. Let x be a layer's input, with variance v·s²
//! over its channels, where s is [`SPREAD`]. A filter's weights are normal with variance 2/fan-in
//! (He et al. 2015, arXiv:1502.01852), less their mean: what all channels have in common then has
//! no effect, and the convolution has variance 2v·s² around 0. With σ² = 2·[`RELU_VARIANCE`], batch
//! normalisation turns that into v/`RELU_VARIANCE`·s² around β = s. At v = `RELU_VARIANCE` this is
//! s², ReLU leaves `RELU_VARIANCE`·s², and every layer is like the one before. Any other v moves
//! towards this one: if x varies less, less is cut off and the variance grows by up to
//! 1/`RELU_VARIANCE`; if it varies more, more is cut off and the variance shrinks.
//!
//! Benchmarks compile these files as a module of their own.

#![allow(clippy::unwrap_used)]

mod blocks;

use blocks::{Block, Convolution, GLOBAL_AVERAGE, Pooling, STEM, Step, blocks};
use image::{ImageFormat, Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use retrain::proto::DataType::{self, DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8};
use retrain::proto::{self, GraphDef, TensorProto, Value};
use retrain::tf::GraphBuilder;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// Width and height of the pixels.
const SIZE: i32 = 299;
/// The number of logits of the published graph, some of them unused.
const LOGITS: usize = 1008;
/// ε of the published batch normalisation.
const EPSILON: f32 = 0.001;
/// s, both the standard deviation and the mean of a layer before its ReLU: about one value in six
/// is cut off. It is less than 1 so that gradient descent on 2048 bottleneck values x is stable at
/// the usual rate η of 0.01: η·|x|²/2 is 1.4, less than 2.
const SPREAD: f32 = 0.3;
/// The variance of max(0, z), where z is normal with mean 1 and variance 1: 2Φ(1) + φ(1) − (Φ(1) +
/// φ(1))².
const RELU_VARIANCE: f32 = 0.751;
/// How much the constants of batch normalisation differ from channel to channel: enough to notice
/// if two are swapped.
const JITTER: f32 = 0.1;
/// The size of the JPEG that is the published graph's default input.
const CONTENTS_BYTES: usize = 2683;

/// Makes the graph; equal seeds give equal graphs.
pub(crate) fn build_inception_v3_2015(seed: u64) -> GraphDef {
    let mut b = GraphBuilder::default();
    let weights = &mut Weights(ChaCha8Rng::seed_from_u64(seed));
    let mut x = add_input(&mut b, default_contents());
    for step in STEM {
        x = add_step(&mut b, weights, &x, &step).remove(0);
    }
    for block in blocks() {
        x = add_block(&mut b, weights, &x, &block);
    }
    add_softmax(&mut b, weights, &x);
    GraphDef { node: b.take_nodes(), ..GraphDef::default() }
}

/// Makes the graph and writes it to `path`.
pub(crate) fn write_inception(path: &Path, seed: u64) {
    path.parent().map(fs::create_dir_all).transpose().unwrap();
    fs::write(path, proto::serialize(&build_inception_v3_2015(seed)).unwrap()).unwrap();
}

/// Random numbers for weights.
struct Weights(ChaCha8Rng);

impl Weights {
    fn normal(&mut self, count: usize, mean: f32, stddev: f32) -> Vec<f32> {
        let mut draw = || -> f32 { StandardNormal.sample(&mut self.0) };
        (0..count).map(|_| mean + stddev * draw()).collect()
    }

    /// Filters, [height, width, input channels, output channels], each of which sums to zero.
    fn filters(&mut self, shape: [usize; 4]) -> Vec<f32> {
        let (fan_in, outputs) = (shape[..3].iter().product::<usize>(), shape[3]);
        let mut filters = self.normal(fan_in * outputs, 0.0, (2.0 / fan_in as f32).sqrt());
        let mut means = vec![0.0; outputs];
        for row in filters.chunks(outputs) {
            means.iter_mut().zip(row).for_each(|(mean, w)| *mean += w / fan_in as f32);
        }
        for row in filters.chunks_mut(outputs) {
            row.iter_mut().zip(&means).for_each(|(w, mean)| *w -= mean);
        }
        filters
    }
}

/// The output of a layer: a tensor [1, height, width, channels].
struct Features {
    name: String,
    channels: usize,
}

/// A small JPEG with a comment that makes it as large as the published one, so that the graph has
/// the published file's size to the byte.
fn default_contents() -> Vec<u8> {
    let picture = RgbImage::from_fn(48, 48, |x, y| Rgb([5 * x as u8, 5 * y as u8, 128]));
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let mut jpeg = jpeg.into_inner();
    // A comment: its marker, its length (which counts its own two bytes), its text.
    let text = CONTENTS_BYTES - jpeg.len() - 4;
    let mut comment = vec![0xff, 0xfe];
    comment.extend((text as u16 + 2).to_be_bytes());
    comment.resize(text + 4, b' ');
    jpeg.splice(2..2, comment);
    jpeg
}

fn add_constant(
    b: &mut GraphBuilder,
    name: &str,
    dtype: DataType,
    dims: &[i64],
    value: TensorProto,
) -> String {
    let tensor =
        TensorProto { dtype: dtype.into(), tensor_shape: Some(proto::shape(dims)).into(), ..value };
    b.op("Const", name).type_attr("dtype", dtype).attr("value", Value::Tensor(tensor)).finish()
}

/// From a JPEG to `Mul`, the pixels.
fn add_input(b: &mut GraphBuilder, contents: Vec<u8>) -> Features {
    let contents = TensorProto { string_val: vec![contents], ..TensorProto::default() };
    let contents = add_constant(b, "DecodeJpeg/contents", DT_STRING, &[], contents);
    let decoded =
        b.op("DecodeJpeg", "DecodeJpeg").input(contents).float_attr("acceptable_fraction", 1.0);
    let decoded =
        decoded.int_attr("channels", 3).bool_attr("fancy_upscaling", true).int_attr("ratio", 1);
    let decoded = decoded.bool_attr("try_recover_truncated", false).finish();
    let cast = b
        .op("Cast", "Cast")
        .input(decoded)
        .type_attr("SrcT", DT_UINT8)
        .type_attr("DstT", DT_FLOAT)
        .finish();
    let axis = TensorProto { int_val: vec![0], ..TensorProto::default() };
    let axis = add_constant(b, "ExpandDims/dim", DT_INT32, &[1], axis);
    let batch = b.op("ExpandDims", "ExpandDims").inputs([cast, axis]).float_type().finish();
    let size = b.ints("ResizeBilinear/size", &[SIZE, SIZE]);
    let resized =
        b.op("ResizeBilinear", "ResizeBilinear").inputs([batch, size]).float_type().finish();
    let mean = b.float("Sub/y", 128.0);
    let offset = b.op("Sub", "Sub").inputs([resized, mean]).float_type().finish();
    let factor = b.float("Mul/y", 1.0 / 128.0);
    Features {
        name: b.op("Mul", "Mul").inputs([offset, factor]).float_type().finish(),
        channels: 3,
    }
}

/// One step; a fork has two results.
fn add_step(
    b: &mut GraphBuilder,
    weights: &mut Weights,
    x: &Features,
    step: &Step,
) -> Vec<Features> {
    match step {
        Step::Convolve(convolution) => vec![add_convolution(b, weights, x, convolution)],
        Step::Pool(pooling) => vec![add_pooling(b, "pool", x, pooling)],
        Step::Fork(tines) => b.name_scope("mixed", |b| {
            tines.iter().map(|convolution| add_convolution(b, weights, x, convolution)).collect()
        }),
    }
}

fn add_branch(
    b: &mut GraphBuilder,
    weights: &mut Weights,
    x: &Features,
    steps: &[Step],
) -> Vec<Features> {
    let Some((first, rest)) = steps.split_first() else { return Vec::new() };
    rest.iter().fold(add_step(b, weights, x, first), |x, step| {
        x.iter().flat_map(|x| add_step(b, weights, x, step)).collect()
    })
}

fn add_block(b: &mut GraphBuilder, weights: &mut Weights, x: &Features, block: &Block) -> Features {
    b.name_scope("mixed", |b| {
        let mut results = Vec::new();
        for steps in block {
            results.extend(match steps[..] {
                [step] => add_step(b, weights, x, &step),
                _ => b.name_scope("tower", |b| add_branch(b, weights, x, steps)),
            });
        }
        b.name_scope_named("join", |b, scope| {
            let axis = b.int("concat_dim", 3);
            let join = b
                .op_named("Concat", scope.into())
                .input(axis)
                .inputs(results.iter().map(|x| x.name.as_str()));
            let join = join.int_attr("N", results.len() as i64).float_type();
            Features { name: join.finish(), channels: results.iter().map(|x| x.channels).sum() }
        })
    })
}

fn add_convolution(
    b: &mut GraphBuilder,
    weights: &mut Weights,
    x: &Features,
    convolution: &Convolution,
) -> Features {
    let Convolution { channels, kernel: [height, width], stride, padding } = *convolution;
    let shape = [height, width, x.channels, channels];
    let filters = weights.filters(shape);
    let mut constants = |mean: f32, stddev: f32| weights.normal(channels, mean, stddev);
    let beta = constants(SPREAD, JITTER * SPREAD);
    // γ has no effect without `scale_after_normalization`.
    let gamma = constants(1.0, JITTER);
    let mean = constants(0.0, JITTER * SPREAD);
    let variance = constants(2.0 * RELU_VARIANCE - EPSILON, JITTER);
    let n = channels as i64;
    b.name_scope_named("conv", |b, scope| {
        let filters = b.floats("conv2d_params", &shape.map(|d| d as i64), &filters);
        let convolved = b.op("Conv2D", "Conv2D").inputs([&x.name, &filters]).float_type();
        let convolved =
            convolved.ints_attr("strides", &[1, stride, stride, 1]).str_attr("padding", padding);
        let convolved = convolved.bool_attr("use_cudnn_on_gpu", true).finish();
        let beta = b.floats("batchnorm/beta", &[n], &beta);
        let gamma = b.floats("batchnorm/gamma", &[n], &gamma);
        let mean = b.floats("batchnorm/moving_mean", &[n], &mean);
        let variance = b.floats("batchnorm/moving_variance", &[n], &variance);
        let normal = b.op("BatchNormWithGlobalNormalization", "batchnorm").float_type();
        let normal = normal
            .inputs([convolved, mean, variance, beta, gamma])
            .float_attr("variance_epsilon", EPSILON);
        let normal = normal.bool_attr("scale_after_normalization", false).finish();
        let checked = add_check(b, &normal, "activation input is not finite.");
        let name = b.op_named("Relu", scope.into()).input(checked).float_type().finish();
        Features { name, channels }
    })
}

fn add_pooling(b: &mut GraphBuilder, name: &str, x: &Features, pooling: &Pooling) -> Features {
    let Pooling { op, size, stride, padding } = *pooling;
    b.name_scope_named(name, |b, scope| {
        let pool = match op {
            // When the graph was made, this op had no attribute for its type.
            "MaxPool" => {
                let checked = add_check(b, &x.name, "MaxPool input is not finite.");
                b.op_named(op, scope.into()).input(checked)
            }
            _ => b.op_named(op, scope.into()).input(&x.name).float_type(),
        };
        let pool = pool
            .ints_attr("ksize", &[1, size, size, 1])
            .ints_attr("strides", &[1, stride, stride, 1]);
        Features { name: pool.str_attr("padding", padding).finish(), channels: x.channels }
    })
}

/// `x`, which waits for a check that all its numbers are finite.
fn add_check(b: &mut GraphBuilder, x: &str, message: &str) -> String {
    let check = b
        .op("CheckNumerics", "CheckNumerics")
        .input(x)
        .float_type()
        .str_attr("message", message)
        .finish();
    b.op("Identity", "control_dependency").inputs([x, &format!("^{check}")]).float_type().finish()
}

/// The bottleneck, `pool_3/_reshape`, and the published classes.
fn add_softmax(b: &mut GraphBuilder, weights: &mut Weights, x: &Features) {
    let pooled = add_pooling(b, "pool_3", x, &GLOBAL_AVERAGE);
    let features = pooled.channels;
    let shape = b.ints("pool_3/_reshape/shape", &[1, features as i32]);
    let bottleneck =
        b.op("Reshape", "pool_3/_reshape").inputs([pooled.name, shape]).float_type().finish();
    let matrix = weights.normal(features * LOGITS, 0.0, (features as f32).recip().sqrt());
    let biases = weights.normal(LOGITS, 0.0, JITTER);
    let matrix = b.floats("softmax/weights", &[features as i64, LOGITS as i64], &matrix);
    let biases = b.floats("softmax/biases", &[LOGITS as i64], &biases);
    let product = b.op("MatMul", "softmax/logits/MatMul").inputs([bottleneck, matrix]).float_type();
    let product = product.bool_attr("transpose_a", false).bool_attr("transpose_b", false).finish();
    let logits = b.op("BiasAdd", "softmax/logits").inputs([product, biases]).float_type().finish();
    b.op("Softmax", "softmax").input(logits).float_type().finish();
}
