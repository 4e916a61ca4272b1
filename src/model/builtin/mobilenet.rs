//! The graph of MobileNet v1 (Howard et al. 2017, arXiv:1704.04861), node for node as in the
//! published frozen graphs: a 3×3 convolution, thirteen depthwise-separable blocks, average
//! pooling, logits. Every convolution is followed by batch normalisation in its unfused form,
//! y = x·m + (β − μ·m) with m = γ·(σ² + ε)^−½, and by ReLU6.

use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::proto::NodeDef;
use crate::tf::GraphBuilder;

/// The output channels (at width 1) and the stride of each separable block.
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

/// The number of logits, including an unused background class.
pub(super) const LOGITS: usize = 1001;

/// ε of the published batch normalisation.
const EPSILON: f32 = 0.001;

/// A convolution and its place in the network.
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
    /// The number of output channels.
    pub(super) fn channels(&self) -> usize {
        if self.depthwise { self.kernel[2] } else { self.kernel[3] }
    }

    /// The scope of its variables.
    fn variables(&self) -> String {
        format!("MobilenetV1/{}", self.name)
    }

    /// The scope of its ops.
    fn scope(&self) -> String {
        format!("MobilenetV1/MobilenetV1/{}", self.name)
    }

    /// The number of inputs that each output sums.
    pub(super) fn fan_in(&self) -> usize {
        self.kernel[0] * self.kernel[1] * if self.depthwise { 1 } else { self.kernel[2] }
    }
}

/// The convolutions before the logits of a MobileNet of width `width_quarters`/4.
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

/// The constants of a batch normalisation with γ = 1.
pub(super) struct BatchNorm<'a> {
    /// The same for all channels.
    pub(super) beta: f32,
    /// One for each channel.
    pub(super) mean: &'a [f32],
    /// One for each channel.
    pub(super) variance: &'a [f32],
}

/// Builds the graph piece by piece.
pub(super) struct MobilenetBuilder {
    b: GraphBuilder,
    x: String,
}

impl MobilenetBuilder {
    /// Starts with the placeholder `input`, [1, size, size, 3].
    pub(super) fn new(size: i64) -> Self {
        let mut b = GraphBuilder::default();
        let input = b.op("Placeholder", "input").type_attr("dtype", DT_FLOAT);
        let x = input.shape_attr("shape", &[1, size, size, 3]).finish();
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

    /// Adds a convolution with its batch normalisation and ReLU6.
    pub(super) fn layer(&mut self, layer: &Layer, weights: &[f32], norm: &BatchNorm<'_>) {
        let convolution = self.convolve(layer, weights);
        let normal = self.normalise(layer, &convolution, norm);
        self.x = self.float_op("Relu6", &format!("{}/Relu6", layer.scope()), [&normal]);
    }

    fn convolve(&mut self, layer: &Layer, weights: &[f32]) -> String {
        let (op, node, kernel) = match layer.depthwise {
            true => ("DepthwiseConv2dNative", "depthwise", "depthwise_weights"),
            false => ("Conv2D", "convolution", "weights"),
        };
        let kernel = format!("{}/{kernel}", layer.variables());
        let kernel = self.variable(&kernel, &layer.kernel.map(|d| d as i64), weights);
        let node = format!("{}/{node}", layer.scope());
        let convolution = self.b.op(op, &node).inputs([&self.x, &kernel]).float_type();
        let convolution = convolution.str_attr("data_format", "NHWC").str_attr("padding", "SAME");
        let convolution = convolution.ints_attr("strides", &[1, layer.stride, layer.stride, 1]);
        let convolution = match layer.depthwise {
            true => convolution,
            false => convolution.bool_attr("use_cudnn_on_gpu", true),
        };
        convolution.finish()
    }

    fn normalise(&mut self, layer: &Layer, x: &str, norm: &BatchNorm<'_>) -> String {
        let (channels, n) = (layer.channels(), [layer.channels() as i64]);
        let variable = |name: &str| format!("{}/BatchNorm/{name}", layer.variables());
        let beta = self.variable(&variable("beta"), &n, &vec![norm.beta; channels]);
        let gamma = self.variable(&variable("gamma"), &n, &vec![1.0; channels]);
        let mean = self.variable(&variable("moving_mean"), &n, norm.mean);
        let variance = self.variable(&variable("moving_variance"), &n, norm.variance);
        let at = |name: &str| format!("{}/BatchNorm/batchnorm/{name}", layer.scope());
        let epsilon = self.b.float(&at("add/y"), EPSILON);
        let sum = self.float_op("Add", &at("add"), [&variance, &epsilon]);
        let rsqrt = self.float_op("Rsqrt", &at("Rsqrt"), [&sum]);
        let m = self.float_op("Mul", &at("mul"), [&rsqrt, &gamma]);
        let scaled = self.float_op("Mul", &at("mul_1"), [x, &m]);
        let offset = self.float_op("Mul", &at("mul_2"), [&mean, &m]);
        let shift = self.float_op("Sub", &at("sub"), [&beta, &offset]);
        self.float_op("Add", &at("add_1"), [&scaled, &shift])
    }

    /// Adds average pooling, logits and predictions as in the published graph. Returns all nodes.
    pub(super) fn finish(mut self, pool: i64, weights: &[f32], biases: &[f32]) -> Vec<NodeDef> {
        let pooled = self.b.op("AvgPool", "MobilenetV1/Logits/AvgPool_1a/AvgPool").input(&self.x);
        let pooled = pooled.float_type().str_attr("data_format", "NHWC");
        let pooled = pooled.str_attr("padding", "VALID").ints_attr("ksize", &[1, pool, pool, 1]);
        let pooled = pooled.ints_attr("strides", &[1, 2, 2, 1]).finish();
        let dropout =
            self.float_op("Identity", "MobilenetV1/Logits/Dropout_1b/Identity", [&pooled]);
        let logits = self.logits(&dropout, weights, biases);
        self.predictions(&logits);
        self.b.take_nodes()
    }

    /// Adds the 1×1 convolution that serves as a dense layer, squeezed to [1, logits].
    fn logits(&mut self, x: &str, weights: &[f32], biases: &[f32]) -> String {
        let scope = "MobilenetV1/Logits/Conv2d_1c_1x1";
        let (inputs, outputs) = ((weights.len() / LOGITS) as i64, LOGITS as i64);
        let weights = self.variable(&format!("{scope}/weights"), &[1, 1, inputs, outputs], weights);
        let biases = self.variable(&format!("{scope}/biases"), &[outputs], biases);
        let node = format!("{scope}/convolution");
        let convolution = self.b.op("Conv2D", &node).inputs([x, &weights]).float_type();
        let convolution = convolution.str_attr("data_format", "NHWC").str_attr("padding", "SAME");
        let convolution = convolution.ints_attr("strides", &[1, 1, 1, 1]);
        let convolution = convolution.bool_attr("use_cudnn_on_gpu", true).finish();
        let node = format!("{scope}/BiasAdd");
        let biased = self.b.op("BiasAdd", &node).inputs([&convolution, &biases]).float_type();
        let biased = biased.str_attr("data_format", "NHWC").finish();
        let squeezed = self.b.op("Squeeze", "MobilenetV1/Logits/SpatialSqueeze").input(&biased);
        squeezed.float_type().ints_attr("squeeze_dims", &[1, 2]).finish()
    }

    fn predictions(&mut self, logits: &str) {
        let shape = self.b.ints("MobilenetV1/Predictions/Reshape/shape", &[-1, LOGITS as i32]);
        let reshape = self.reshape("MobilenetV1/Predictions/Reshape", logits, &shape);
        let softmax = self.float_op("Softmax", "MobilenetV1/Predictions/Softmax", [&reshape]);
        let shape = self.b.ints("MobilenetV1/Predictions/Shape", &[1, LOGITS as i32]);
        self.reshape("MobilenetV1/Predictions/Reshape_1", &softmax, &shape);
    }

    fn reshape(&mut self, name: &str, input: &str, shape: &str) -> String {
        let reshape = self.b.op("Reshape", name).inputs([input, shape]).float_type();
        reshape.type_attr("Tshape", DT_INT32).finish()
    }
}
