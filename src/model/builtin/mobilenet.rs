//! The graph of MobileNet v1 (Howard et al. 2017, arXiv:1704.04861), node for node as in the
//! published frozen graphs: 3×3 convolution, thirteen depthwise-separable blocks, average pooling,
//! logits; every convolution followed by batch normalisation in its unfused form, y = x·m + (β −
//! μ·m) with m = γ·(σ² + ε)^−½, and ReLU6.

use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::proto::NodeDef;
use crate::tf::GraphBuilder;

/// Output channels at width 1 and stride of the thirteen separable blocks.
const BLOCKS: [(usize, i64); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// The number of logits, an unused background class among them.
pub(super) const LOGITS: usize = 1001;

/// The node of the pooled features that the logits are made of.
pub(super) const POOLED: &str = "MobilenetV1/Logits/Dropout_1b/Identity";

/// ε of the published batch normalisation.
const EPSILON: f32 = 0.001;

/// A convolution's place in the network.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Its name: `Conv2d_0`, `Conv2d_1_depthwise`, …
    pub(super) name: String,
    /// Kernel height, width, input channels, and output channels (or the depth multiplier, 1).
    pub(super) kernel: [usize; 4],
    /// Whether each channel is convolved by itself.
    pub(super) depthwise: bool,
    stride: i64,
}

impl Layer {
    /// How many channels come out.
    pub(super) fn channels(&self) -> usize {
        if self.depthwise { self.kernel[2] } else { self.kernel[3] }
    }

    /// How many inputs each output is a sum of.
    pub(super) fn fan_in(&self) -> usize {
        self.kernel[0] * self.kernel[1] * if self.depthwise { 1 } else { self.kernel[2] }
    }
}

/// The convolutions of a MobileNet whose width is `numerator`/4, before the logits.
pub(super) fn layers(width_quarters: usize) -> Vec<Layer> {
    let mut channels = 32 * width_quarters / 4;
    let first =
        Layer { name: "Conv2d_0".into(), kernel: [3, 3, 3, channels], depthwise: false, stride: 2 };
    let mut layers = vec![first];
    for (i, (full, stride)) in BLOCKS.iter().enumerate() {
        let name = |kind| format!("Conv2d_{}_{kind}", i + 1);
        let out = full * width_quarters / 4;
        let kernel = [3, 3, channels, 1];
        layers.push(Layer { name: name("depthwise"), kernel, depthwise: true, stride: *stride });
        let kernel = [1, 1, channels, out];
        layers.push(Layer { name: name("pointwise"), kernel, depthwise: false, stride: 1 });
        channels = out;
    }
    layers
}

/// How a convolution's output is normalised.
pub(super) enum Normalisation<'a> {
    /// By known mean and variance of each channel, as the published graphs are.
    Frozen(&'a [f32], &'a [f32]),
    /// By the moments of the batch that is run: for calibration.
    Batch,
}

/// The moments of one layer's output over a batch: names of two tensors, [channels] each.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) mean: String,
    pub(super) variance: String,
}

/// Builds the graph piece by piece.
pub(super) struct MobilenetBuilder {
    b: GraphBuilder,
    x: String,
}

fn dims(kernel: [usize; 4]) -> [i64; 4] {
    kernel.map(|d| d as i64)
}

impl MobilenetBuilder {
    /// Starts with the placeholder `input`, [batch, size, size, 3].
    pub(super) fn new(batch: i64, size: i64) -> Self {
        let mut b = GraphBuilder::default();
        let input = b.op("Placeholder", "input").type_attr("dtype", DT_FLOAT);
        let x = input.shape_attr("shape", &[batch, size, size, 3]).finish();
        Self { b, x }
    }

    /// A frozen variable: a Const and the Identity it is read through.
    fn variable(&mut self, name: &str, dims: &[i64], values: &[f32]) -> String {
        let constant = self.b.floats(name, dims, values);
        let read = self.b.op("Identity", &format!("{name}/read")).input(&constant);
        read.float_type().colocate_with(&constant).finish()
    }

    fn float_op<const N: usize>(&mut self, op: &str, name: &str, inputs: [&str; N]) -> String {
        self.b.op(op, name).inputs(inputs).float_type().finish()
    }

    /// Convolution, batch normalisation (γ = 1, β = `beta`) and ReLU6. Returns the batch's moments
    /// where asked for.
    pub(super) fn layer(
        &mut self,
        layer: &Layer,
        weights: &[f32],
        beta: f32,
        by: &Normalisation<'_>,
    ) -> Option<Moments> {
        let (variables, scope) = (
            format!("MobilenetV1/{}", layer.name),
            format!("MobilenetV1/MobilenetV1/{}", layer.name),
        );
        let (op, node, kernel) = match layer.depthwise {
            true => ("DepthwiseConv2dNative", "depthwise", "depthwise_weights"),
            false => ("Conv2D", "convolution", "weights"),
        };
        let kernel = self.variable(&format!("{variables}/{kernel}"), &dims(layer.kernel), weights);
        let convolution = self
            .b
            .op(op, &format!("{scope}/{node}"))
            .inputs([self.x.as_str(), &kernel])
            .float_type();
        let convolution = convolution.str_attr("data_format", "NHWC").str_attr("padding", "SAME");
        let convolution = convolution.ints_attr("strides", &[1, layer.stride, layer.stride, 1]);
        let convolution = if layer.depthwise {
            convolution
        } else {
            convolution.bool_attr("use_cudnn_on_gpu", true)
        };
        let convolution = convolution.finish();
        let (channels, n) = (layer.channels(), layer.channels() as i64);
        let beta =
            self.variable(&format!("{variables}/BatchNorm/beta"), &[n], &vec![beta; channels]);
        let gamma =
            self.variable(&format!("{variables}/BatchNorm/gamma"), &[n], &vec![1.0; channels]);
        let (mean, variance, moments) = match by {
            Normalisation::Frozen(mean, variance) => (
                self.variable(&format!("{variables}/BatchNorm/moving_mean"), &[n], mean),
                self.variable(&format!("{variables}/BatchNorm/moving_variance"), &[n], variance),
                None,
            ),
            Normalisation::Batch => {
                let m = self.moments(&variables, &convolution);
                (m.mean.clone(), m.variance.clone(), Some(m))
            }
        };
        let at = |name: &str| format!("{scope}/BatchNorm/batchnorm/{name}");
        let epsilon = self.b.float(&at("add/y"), EPSILON);
        let sum = self.float_op("Add", &at("add"), [&variance, &epsilon]);
        let rsqrt = self.float_op("Rsqrt", &at("Rsqrt"), [&sum]);
        let m = self.float_op("Mul", &at("mul"), [&rsqrt, &gamma]);
        let scaled = self.float_op("Mul", &at("mul_1"), [&convolution, &m]);
        let offset = self.float_op("Mul", &at("mul_2"), [&mean, &m]);
        let shift = self.float_op("Sub", &at("sub"), [&beta, &offset]);
        let normal = self.float_op("Add", &at("add_1"), [&scaled, &shift]);
        self.x = self.float_op("Relu6", &format!("{scope}/Relu6"), [&normal]);
        moments
    }

    fn moments(&mut self, variables: &str, x: &str) -> Moments {
        let axes = self.b.ints(&format!("{variables}/axes"), &[0, 1, 2]);
        let mean = self.mean(&format!("{variables}/mean"), x, &axes);
        let difference =
            self.float_op("SquaredDifference", &format!("{variables}/difference"), [x, &mean]);
        let variance = self.mean(&format!("{variables}/variance"), &difference, &axes);
        Moments { mean, variance }
    }

    fn mean(&mut self, name: &str, x: &str, axes: &str) -> String {
        let mean = self.b.op("Mean", name).inputs([x, axes]).float_type();
        mean.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish()
    }

    /// Average pooling, logits, and the predictions of the published graph. Returns all nodes.
    pub(super) fn finish(
        mut self,
        pool: i64,
        batch: i32,
        weights: &[f32],
        biases: &[f32],
    ) -> Vec<NodeDef> {
        let pooled = self
            .b
            .op("AvgPool", "MobilenetV1/Logits/AvgPool_1a/AvgPool")
            .input(&self.x)
            .float_type();
        let pooled = pooled.str_attr("data_format", "NHWC").str_attr("padding", "VALID");
        let pooled = pooled
            .ints_attr("ksize", &[1, pool, pool, 1])
            .ints_attr("strides", &[1, 2, 2, 1])
            .finish();
        let dropout = self.float_op("Identity", POOLED, [&pooled]);
        let logits = "MobilenetV1/Logits/Conv2d_1c_1x1";
        let (inputs, outputs) = ((weights.len() / LOGITS) as i64, LOGITS as i64);
        let weights =
            self.variable(&format!("{logits}/weights"), &[1, 1, inputs, outputs], weights);
        let biases = self.variable(&format!("{logits}/biases"), &[outputs], biases);
        let convolution = self
            .b
            .op("Conv2D", &format!("{logits}/convolution"))
            .inputs([&dropout, &weights])
            .float_type();
        let convolution = convolution.str_attr("data_format", "NHWC").str_attr("padding", "SAME");
        let convolution = convolution
            .ints_attr("strides", &[1, 1, 1, 1])
            .bool_attr("use_cudnn_on_gpu", true)
            .finish();
        let biased = self
            .b
            .op("BiasAdd", &format!("{logits}/BiasAdd"))
            .inputs([&convolution, &biases])
            .float_type();
        let biased = biased.str_attr("data_format", "NHWC").finish();
        let squeeze =
            self.b.op("Squeeze", "MobilenetV1/Logits/SpatialSqueeze").input(&biased).float_type();
        let squeeze = squeeze.ints_attr("squeeze_dims", &[1, 2]).finish();
        let shape = self.b.ints("MobilenetV1/Predictions/Reshape/shape", &[-1, LOGITS as i32]);
        let reshape = self.reshape("MobilenetV1/Predictions/Reshape", &squeeze, &shape);
        let softmax = self.float_op("Softmax", "MobilenetV1/Predictions/Softmax", [&reshape]);
        let shape = self.b.ints("MobilenetV1/Predictions/Shape", &[batch, LOGITS as i32]);
        self.reshape("MobilenetV1/Predictions/Reshape_1", &softmax, &shape);
        self.b.take_nodes()
    }

    fn reshape(&mut self, name: &str, input: &str, shape: &str) -> String {
        let reshape = self.b.op("Reshape", name).inputs([input, shape]).float_type();
        reshape.type_attr("Tshape", DT_INT32).finish()
    }
}
