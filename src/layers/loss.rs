//! The loss: the mean cross-entropy −Σ t·ln softmax(logits) of a batch, as the scripts have it or
//! with class weights and smoothed labels.

use super::head::{FinalTrainingOps, Truth};
use super::summaries::{Summaries, reduce};
use crate::proto::DataType::{DT_FLOAT, DT_INT32, DT_INT64};
use crate::tf::GraphBuilder;

/// The loss.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The mean cross-entropy of a batch.
    pub mean: String,
    /// The gradient of each example's loss with respect to its logits, if TensorFlow's C API cannot
    /// derive it from the mean.
    pub(super) example_gradients: Option<String>,
}

/// How the loss differs from the scripts'.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LossSpec {
    /// How much each class counts; empty for 1 each.
    pub class_weights: Vec<f32>,
    /// ε: labels are (1 − ε)·one-hot + ε/classes.
    pub label_smoothing: f32,
}

impl LossSpec {
    /// Whether the loss is the scripts'.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.class_weights.is_empty() && self.label_smoothing == 0.0
    }
}

/// The mean cross-entropy of a batch, with its summary. A `spec` that is not plain needs
/// [`Truth::OneHot`].
pub fn add_cross_entropy(
    b: &mut GraphBuilder,
    summaries: &mut Summaries,
    ops: &FinalTrainingOps,
    spec: &LossSpec,
) -> Loss {
    let loss = b.name_scope("cross_entropy", |b| match ops.truth {
        Truth::OneHot => {
            let truth = smoothed(b, &ops.ground_truth_input, ops.class_count, spec);
            let losses = softmax_cross_entropy(b, &ops.logits, &truth);
            let losses = weighted(b, &losses, &ops.ground_truth_input, spec);
            let mean = b.name_scope("total", |b| reduce(b, "Mean", &losses, &[0]));
            Loss { mean, example_gradients: None }
        }
        Truth::Index => sparse_softmax_cross_entropy(b, &ops.logits, &ops.ground_truth_input),
    });
    summaries.scalar(b, "cross_entropy", &loss.mean);
    loss
}

/// The labels with a share ε spread over all classes.
fn smoothed(b: &mut GraphBuilder, truth: &str, classes: usize, spec: &LossSpec) -> String {
    let epsilon = spec.label_smoothing;
    if epsilon == 0.0 {
        return truth.to_owned();
    }
    b.name_scope("label_smoothing", |b| {
        let own = b.float("own", 1.0 - epsilon);
        let spread = b.float("spread", epsilon / classes as f32);
        let product = b.op("Mul", "mul").inputs([truth, &own]).float_type().finish();
        b.op("AddV2", "add").inputs([product, spread]).float_type().finish()
    })
}

/// The losses, [batch], each times the weight of its true class.
fn weighted(b: &mut GraphBuilder, losses: &str, truth: &str, spec: &LossSpec) -> String {
    if spec.class_weights.is_empty() {
        return losses.to_owned();
    }
    b.name_scope("class_weights", |b| {
        let dims = [1, spec.class_weights.len() as i64];
        let weights = b.floats("weights", &dims, &spec.class_weights);
        let of_each = b.op("Mul", "mul").inputs([truth, &weights]).float_type().finish();
        let of_each = reduce(b, "Sum", &of_each, &[1]);
        b.op("Mul", "weighted").inputs([losses, &of_each]).float_type().finish()
    })
}

/// `tf.losses.sparse_softmax_cross_entropy`, without the nodes that only handle per-example
/// weights.
fn sparse_softmax_cross_entropy(b: &mut GraphBuilder, logits: &str, labels: &str) -> Loss {
    b.name_scope("sparse_softmax_cross_entropy_loss", |b| {
        let losses = b.name_scope("xentropy", |b| {
            let losses =
                b.op("SparseSoftmaxCrossEntropyWithLogits", "xentropy").inputs([logits, labels]);
            losses.float_type().type_attr("Tlabels", DT_INT64).finish()
        });
        let axes = b.ints("Const", &[0]);
        let mean = b.op("Mean", "value").inputs([&losses, &axes]).type_attr("T", DT_FLOAT);
        let mean = mean.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish();
        Loss { mean, example_gradients: Some(format!("{losses}:1")) }
    })
}

/// `tf.nn.softmax_cross_entropy_with_logits`. It flattens logits and labels to two dimensions and
/// restores the batch's shape, even if they have two already: those nodes are part of the scripts'
/// graph.
fn softmax_cross_entropy(b: &mut GraphBuilder, logits: &str, labels: &str) -> String {
    const RANK: i32 = 2;
    let shape_of = |b: &mut GraphBuilder, input: &str| {
        b.op("Shape", "Shape").input(input).float_type().type_attr("out_type", DT_INT32).finish()
    };
    let rank_minus_one = |b: &mut GraphBuilder, rank: &str| {
        b.name_scope_named("Sub", |b, scope| {
            let one = b.int("y", 1);
            b.op_named("Sub", scope.to_owned())
                .inputs([rank, &one])
                .type_attr("T", DT_INT32)
                .finish()
        })
    };
    let pack = |b: &mut GraphBuilder, name: &str, value: &str| {
        b.op("Pack", name)
            .input(value)
            .int_attr("N", 1)
            .type_attr("T", DT_INT32)
            .int_attr("axis", 0)
            .finish()
    };
    // [−1, last dimension]
    let flat_shape = |b: &mut GraphBuilder, shape: &str, rank: &str| {
        let last = rank_minus_one(b, rank);
        let last_dim = b.name_scope_named("Slice", |b, scope| {
            let begin = pack(b, "begin", &last);
            let size = b.ints("size", &[1]);
            let slice = b.op_named("Slice", scope.to_owned()).inputs([shape, &begin, &size]);
            slice.type_attr("T", DT_INT32).type_attr("Index", DT_INT32).finish()
        });
        b.name_scope_named("concat", |b, scope| {
            let any = b.ints("values_0", &[-1]);
            let axis = b.int("axis", 0);
            let concat = b
                .op_named("ConcatV2", scope.to_owned())
                .inputs([any, last_dim, axis])
                .int_attr("N", 2);
            concat.type_attr("T", DT_INT32).type_attr("Tidx", DT_INT32).finish()
        })
    };
    let reshape = |b: &mut GraphBuilder, input: &str, shape: &str| {
        let reshape = b.op("Reshape", "Reshape").inputs([input, shape]);
        reshape.float_type().type_attr("Tshape", DT_INT32).finish()
    };
    b.name_scope_named("softmax_cross_entropy_with_logits_sg", |b, scope| {
        let labels =
            b.op("StopGradient", "labels_stop_gradient").input(labels).float_type().finish();
        let rank = b.int("Rank", RANK);
        let batch_shape = shape_of(b, logits);
        let logits_rank = b.int("Rank", RANK);
        let logits_shape = shape_of(b, logits);
        let flat = flat_shape(b, &logits_shape, &logits_rank);
        let flat_logits = reshape(b, logits, &flat);
        let labels_rank = b.int("Rank", RANK);
        let labels_shape = shape_of(b, &labels);
        let flat = flat_shape(b, &labels_shape, &labels_rank);
        let flat_labels = reshape(b, &labels, &flat);
        let losses = b.op_named("SoftmaxCrossEntropyWithLogits", scope.to_owned());
        let losses = losses.inputs([flat_logits, flat_labels]).float_type().finish();
        let batch_rank = rank_minus_one(b, &rank);
        let slice = b.name_scope_named("Slice", |b, scope| {
            let begin = b.ints("begin", &[0]);
            let size = pack(b, "size", &batch_rank);
            let slice = b.op_named("Slice", scope.to_owned()).inputs([batch_shape, begin, size]);
            slice.type_attr("T", DT_INT32).type_attr("Index", DT_INT32).finish()
        });
        reshape(b, &losses, &slice)
    })
}
