//! Networks for tests of graphs of your own: a builder for small ones, and files of the known ones.

use super::loading::load_tensorflow;
use super::support::{Workspace, miniature_dir, shared};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::proto::DataType::{DT_FLOAT, DT_INT32};
use retrain::proto::{self, GraphDef};
use retrain::tf::GraphBuilder;
use std::fs;
use std::path::PathBuf;

const CHANNELS: i64 = 8;

/// Builds a small network.
pub(crate) struct Net {
    pub(crate) b: GraphBuilder,
    pub(crate) x: String,
    pub(crate) channels: i64,
    rng: ChaCha8Rng,
}

impl Net {
    /// Starts with a placeholder of that shape.
    pub(crate) fn of(shape: &[i64]) -> Self {
        let mut b = GraphBuilder::default();
        let x = b
            .op("Placeholder", "images")
            .type_attr("dtype", DT_FLOAT)
            .shape_attr("shape", shape)
            .finish();
        Self { b, x, channels: 3, rng: ChaCha8Rng::seed_from_u64(5) }
    }

    /// Continues from a tensor of `graph`.
    pub(crate) fn after(graph: &GraphDef, tensor: &str) -> Self {
        let (b, x) = (GraphBuilder::on(graph), tensor.into());
        Self { b, x, channels: CHANNELS, rng: ChaCha8Rng::seed_from_u64(6) }
    }

    /// Convolution, ReLU and the mean over all pixels: `features`, [?, 8] or [?, 1, 1, 8].
    pub(crate) fn features(shape: &[i64], keep_dims: bool) -> Self {
        Self::of(shape).convolved().pooled("features", keep_dims)
    }

    pub(crate) fn weights(&mut self, name: &str, dims: &[i64]) -> String {
        let values: Vec<f32> =
            (0..dims.iter().product()).map(|_| self.rng.random_range(-0.5..0.5)).collect();
        self.b.floats(name, dims, &values)
    }

    /// `op` with a constant: one number, or one per channel.
    pub(crate) fn with(mut self, op: &str, name: &str, c: &[f32]) -> Self {
        let c = self.b.floats(&format!("{name}/y"), &[c.len() as i64], c);
        self.x = self.b.op(op, name).inputs([&self.x, &c]).float_type().finish();
        self
    }

    pub(crate) fn then(mut self, op: &str, name: &str) -> Self {
        self.x = self.b.op(op, name).input(&self.x).float_type().finish();
        self
    }

    pub(crate) fn convolution(mut self, name: &str, size: i64, channels: i64) -> Self {
        let weights =
            self.weights(&format!("{name}/weights"), &[size, size, self.channels, channels]);
        let conv = self.b.op("Conv2D", name).inputs([&self.x, &weights]).float_type();
        self.x = conv.ints_attr("strides", &[1, 2, 2, 1]).str_attr("padding", "SAME").finish();
        self.channels = channels;
        self
    }

    pub(crate) fn convolved(self) -> Self {
        self.convolution("conv", 3, CHANNELS).then("Relu", "relu")
    }

    pub(crate) fn pooled(mut self, name: &str, keep_dims: bool) -> Self {
        let axes = self.b.ints(&format!("{name}/axes"), &[1, 2]);
        let mean = self
            .b
            .op("Mean", name)
            .inputs([&self.x, &axes])
            .float_type()
            .type_attr("Tidx", DT_INT32);
        self.x = mean.bool_attr("keep_dims", keep_dims).finish();
        self
    }

    pub(crate) fn squeezed(mut self, name: &str) -> Self {
        let squeeze = self.b.op("Squeeze", name).input(&self.x).float_type();
        self.x = squeeze.ints_attr("squeeze_dims", &[1, 2]).finish();
        self
    }

    pub(crate) fn reshaped(mut self, name: &str, dims: &[i32]) -> Self {
        let shape = self.b.ints(&format!("{name}/shape"), dims);
        self.x = self.b.op("Reshape", name).inputs([&self.x, &shape]).float_type().finish();
        self
    }

    pub(crate) fn dense(mut self, classes: i64) -> Self {
        let weights = self.weights("dense/weights", &[self.channels, classes]);
        self.x = self.b.op("MatMul", "dense").inputs([&self.x, &weights]).float_type().finish();
        let biases = self.weights("dense/biases", &[classes]);
        self.x = self.b.op("BiasAdd", "logits").inputs([&self.x, &biases]).float_type().finish();
        self
    }

    pub(crate) fn softmax(self) -> Self {
        self.then("Softmax", "classes")
    }

    pub(crate) fn graph(mut self) -> GraphDef {
        GraphDef { node: self.b.take_nodes(), ..GraphDef::default() }
    }
}

/// A network with a dense classifier for images of that shape.
pub(crate) fn classifying(shape: &[i64]) -> Net {
    Net::features(shape, false).dense(5).softmax()
}

pub(crate) fn write(workspace: &Workspace, name: &str, graph: &GraphDef) -> PathBuf {
    workspace.write(name, proto::serialize(graph).unwrap())
}

/// The built-in network's graph, made if necessary.
pub(crate) fn miniature() -> PathBuf {
    load_tensorflow();
    let path = miniature_dir().join("miniature/frozen_graph.pb");
    if !path.is_file() {
        retrain::model::write_miniature(&path).unwrap();
    }
    path
}

/// The published mobilenet_0.25_224, if its archive is present: a workspace with the graph, and its
/// path.
pub(crate) fn published_mobilenet() -> Option<(Workspace, PathBuf)> {
    let archive = shared("models/mobilenet_v1_0.25_224_frozen.tgz")?;
    let workspace = Workspace::new();
    let path = workspace.path("mobilenet_v1_0.25_224/frozen_graph.pb");
    tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(archive).unwrap()))
        .unpack(workspace.root())
        .unwrap();
    Some((workspace, path))
}
