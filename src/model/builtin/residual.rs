//! Networks of inverted residual blocks (Sandler et al. 2018, arXiv:1801.04381) with weights from
//! torch: MobileNet v2 and EfficientNet-lite. Convolution, blocks, convolution, mean, classifier.
//!
//! A block widens its input by a 1×1 convolution, convolves each channel by itself, narrows the
//! result by a 1×1 convolution, and adds its input where that has the same form. Every convolution
//! is followed by batch normalisation with its stored statistics, and by ReLU6 unless it narrows.
//! Nodes are named as in slim's published MobileNet v2.

use crate::error::Result;
use crate::model::torch_weights::TorchWeights;
use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::proto::{DataType, GraphDef, TensorProto, shape};
use crate::tf::GraphBuilder;

/// Output channels of the first convolution.
const STEM: usize = 32;
/// Output channels of the last convolution: the number of features.
pub(crate) const FEATURES: usize = 1280;
/// The classes of ImageNet.
pub(crate) const CLASSES: usize = 1000;

/// A network's form, and what its weights are called.
#[derive(Debug)]
pub(crate) struct Network {
    /// The scope of its nodes.
    pub(crate) scope: &'static str,
    /// The mean of the last feature map, [images, [`FEATURES`]].
    pub(crate) features_tensor: &'static str,
    /// The classes before their softmax, [images, [`CLASSES`]].
    pub(crate) logits_tensor: &'static str,
    /// Width and height of its photographs.
    pub(crate) size: i32,
    pub(super) stages: &'static [Stage],
    /// ε of its batch normalisation.
    pub(super) epsilon: f32,
    pub(super) padding: Padding,
    /// What becomes of pixels from −1 to 1 first.
    pub(super) pixels: Option<Affine>,
    /// What torch calls a convolution and its normalisation.
    pub(super) names: fn(Layer) -> [String; 2],
    /// What it calls the classifier.
    pub(super) classifier: &'static str,
}

/// Blocks of one width.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) repeats: usize,
    /// Width and height of the kernel that convolves each channel.
    pub(super) kernel: usize,
    /// Of the first block; the others' is 1.
    pub(super) stride: i64,
    /// How many times a block widens its input.
    pub(super) expansion: usize,
    /// Output channels.
    pub(super) width: usize,
}

/// The padding of convolutions of stride 2; at stride 1 both are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Padding {
    /// TensorFlow's: the last row and column first.
    Same,
    /// torch's: the same on all sides.
    Even,
}

/// x·scale + offset, by channel.
#[derive(Debug)]
pub(super) struct Affine {
    pub(super) scale: [f32; 3],
    pub(super) offset: [f32; 3],
}

/// A convolution's place; blocks are counted from 0.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layer {
    Stem,
    Expand(usize),
    Depthwise(usize),
    Project(usize),
    Head,
}

impl Network {
    /// The frozen graph: input `input`, pixels from −1 to 1.
    pub(in crate::model) fn build(&self, weights: &TorchWeights) -> Result<GraphDef> {
        let mut builder = Builder::new(self, weights);
        builder.convolve(Layer::Stem, "Conv", &Convolution::full(3, 2, STEM))?;
        let mut block = 0;
        for stage in self.stages {
            for repeat in 0..stage.repeats {
                builder.block(block, stage, if repeat == 0 { stage.stride } else { 1 })?;
                block += 1;
            }
        }
        builder.convolve(Layer::Head, "Conv_1", &Convolution::full(1, 1, FEATURES))?;
        builder.classify()?;
        Ok(GraphDef { node: builder.b.take_nodes(), ..GraphDef::default() })
    }
}

/// A convolution's form.
struct Convolution {
    kernel: usize,
    stride: i64,
    /// Output channels; none where each channel is convolved by itself.
    width: Option<usize>,
    has_relu: bool,
}

impl Convolution {
    fn full(kernel: usize, stride: i64, width: usize) -> Self {
        Self { kernel, stride, width: Some(width), has_relu: true }
    }
}

struct Builder<'w> {
    network: &'w Network,
    weights: &'w TorchWeights,
    b: GraphBuilder,
    /// The last tensor, and its form.
    x: String,
    side: i64,
    channels: usize,
}

impl<'w> Builder<'w> {
    fn new(network: &'w Network, weights: &'w TorchWeights) -> Self {
        let mut b = GraphBuilder::default();
        let side = i64::from(network.size);
        let input = b.op("Placeholder", "input").type_attr("dtype", DT_FLOAT);
        let x = input.shape_attr("shape", &[-1, side, side, 3]).finish();
        let mut builder = Self { network, weights, b, x, side, channels: 3 };
        if let Some(Affine { scale, offset }) = &network.pixels {
            builder.by_channel("Mul", "Pixels/mul", scale);
            builder.by_channel("Add", "Pixels/add", offset);
        }
        builder
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.network.scope)
    }

    fn float_op<const N: usize>(&mut self, op: &str, name: &str, inputs: [&str; N]) -> String {
        let name = self.name(name);
        self.b.op(op, &name).inputs(inputs).float_type().finish()
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let name = self.name(name);
        let dims: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        self.b.floats(&name, &dims, values)
    }

    fn by_channel(&mut self, op: &str, name: &str, values: &[f32; 3]) {
        let constant = self.floats(&format!("{name}/y"), &[3], values);
        let x = self.x.clone();
        self.x = self.float_op(op, name, [&x, &constant]);
    }

    fn block(&mut self, block: usize, stage: &Stage, stride: i64) -> Result<()> {
        let scope = match block {
            0 => "expanded_conv".to_owned(),
            _ => format!("expanded_conv_{block}"),
        };
        let (shortcut, channels) = (self.x.clone(), self.channels);
        if stage.expansion > 1 {
            let wide = Convolution::full(1, 1, channels * stage.expansion);
            self.convolve(Layer::Expand(block), &format!("{scope}/expand"), &wide)?;
        }
        let each = Convolution { kernel: stage.kernel, stride, width: None, has_relu: true };
        self.convolve(Layer::Depthwise(block), &format!("{scope}/depthwise"), &each)?;
        let narrow = Convolution { has_relu: false, ..Convolution::full(1, 1, stage.width) };
        self.convolve(Layer::Project(block), &format!("{scope}/project"), &narrow)?;
        if stride == 1 && channels == self.channels {
            let x = self.x.clone();
            self.x = self.float_op("Add", &format!("{scope}/add"), [&x, &shortcut]);
        }
        Ok(())
    }

    /// Convolution, batch normalisation, and ReLU6 where there is one.
    fn convolve(&mut self, layer: Layer, scope: &str, form: &Convolution) -> Result<()> {
        let [convolution, normalisation] = (self.network.names)(layer);
        let padding = match (form.stride, self.network.padding) {
            (2.., Padding::Even) => {
                self.pad(scope, form.kernel / 2);
                "VALID"
            }
            _ => "SAME",
        };
        let kernel = self.kernel(scope, &format!("{convolution}.weight"), form)?;
        let (op, node) = match form.width {
            Some(_) => ("Conv2D", "Conv2D"),
            None => ("DepthwiseConv2dNative", "depthwise"),
        };
        let name = self.name(&format!("{scope}/{node}"));
        let op = self.b.op(op, &name).inputs([&self.x, &kernel]).float_type();
        let op = op.str_attr("data_format", "NHWC").str_attr("padding", padding);
        self.x = op.ints_attr("strides", &[1, form.stride, form.stride, 1]).finish();
        self.side = (self.side + form.stride - 1) / form.stride;
        self.channels = form.width.unwrap_or(self.channels);
        self.normalise(scope, &normalisation)?;
        if form.has_relu {
            let x = self.x.clone();
            self.x = self.float_op("Relu6", &format!("{scope}/Relu6"), [&x]);
        }
        Ok(())
    }

    /// The kernel, from torch's [outputs, inputs, height, width] to TensorFlow's [height, width,
    /// inputs, outputs].
    fn kernel(&mut self, scope: &str, tensor: &str, form: &Convolution) -> Result<String> {
        let (side, channels) = (form.kernel, self.channels);
        match form.width {
            Some(width) => {
                let dims = [width, channels, side, side];
                let values = self.weights.read(tensor, dims, [2, 3, 1, 0])?;
                let dims = [side, side, channels, width];
                Ok(self.floats(&format!("{scope}/weights"), &dims, &values))
            }
            None => {
                let dims = [channels, 1, side, side];
                let values = self.weights.read(tensor, dims, [2, 3, 0, 1])?;
                let dims = [side, side, channels, 1];
                Ok(self.floats(&format!("{scope}/depthwise_weights"), &dims, &values))
            }
        }
    }

    /// `margin` rows and columns of zeros on each side.
    fn pad(&mut self, scope: &str, margin: usize) {
        let margin = margin as i32;
        let margins = [0, 0, margin, margin, margin, margin, 0, 0];
        let margins = TensorProto {
            dtype: DT_INT32.into(),
            tensor_shape: Some(shape(&[4, 2])).into(),
            tensor_content: margins.iter().flat_map(|m: &i32| m.to_le_bytes()).collect(),
            ..TensorProto::default()
        };
        let name = self.name(&format!("{scope}/Pad"));
        let margins = self.b.tensor(&format!("{name}/paddings"), margins);
        let pad = self.b.op("Pad", &name).inputs([&self.x, &margins]).float_type();
        self.x = pad.type_attr("Tpaddings", DT_INT32).finish();
    }

    fn normalise(&mut self, scope: &str, tensor: &str) -> Result<()> {
        let channels = self.channels;
        let mut inputs = vec![self.x.clone()];
        for (ours, torchs) in [
            ("gamma", "weight"),
            ("beta", "bias"),
            ("moving_mean", "running_mean"),
            ("moving_variance", "running_var"),
        ] {
            let values = self.weights.read(&format!("{tensor}.{torchs}"), [channels], [0])?;
            inputs.push(self.floats(&format!("{scope}/BatchNorm/{ours}"), &[channels], &values));
        }
        let name = self.name(&format!("{scope}/BatchNorm/FusedBatchNormV3"));
        let norm = self.b.op("FusedBatchNormV3", &name).inputs(inputs).float_type();
        let norm = norm.type_attr("U", DataType::DT_FLOAT).str_attr("data_format", "NHWC");
        let norm = norm.float_attr("epsilon", self.network.epsilon);
        self.x = norm.bool_attr("is_training", false).finish();
        Ok(())
    }

    /// The mean of the feature map, the logits, and the predictions.
    fn classify(&mut self) -> Result<()> {
        let name = self.name("Logits/AvgPool_1a/AvgPool");
        let pooled = self.b.op("AvgPool", &name).input(&self.x).float_type();
        let pooled = pooled.str_attr("data_format", "NHWC").str_attr("padding", "VALID");
        let pooled = pooled.ints_attr("ksize", &[1, self.side, self.side, 1]);
        let pooled = pooled.ints_attr("strides", &[1, 1, 1, 1]).finish();
        let features = self.reshape("Logits/Features", &pooled, FEATURES);
        let tensor = |what| format!("{}.{what}", self.network.classifier);
        let weights = self.weights.read(&tensor("weight"), [CLASSES, FEATURES], [1, 0])?;
        let biases = self.weights.read(&tensor("bias"), [CLASSES], [0])?;
        let weights = self.floats("Logits/weights", &[FEATURES, CLASSES], &weights);
        let biases = self.floats("Logits/biases", &[CLASSES], &biases);
        let product = self.float_op("MatMul", "Logits/MatMul", [&features, &weights]);
        let logits = self.float_op("BiasAdd", "Logits/BiasAdd", [&product, &biases]);
        let logits = self.reshape("Predictions/Reshape", &logits, CLASSES);
        self.float_op("Softmax", "Predictions/Softmax", [&logits]);
        Ok(())
    }

    /// To [images, size].
    fn reshape(&mut self, name: &str, x: &str, size: usize) -> String {
        let name = self.name(name);
        let shape = self.b.ints(&format!("{name}/shape"), &[-1, size as i32]);
        let reshape = self.b.op("Reshape", &name).inputs([x, &shape]).float_type();
        reshape.type_attr("Tshape", DT_INT32).finish()
    }
}
