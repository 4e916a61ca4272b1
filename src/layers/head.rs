//! The new layer that is trained: logits = x·W + b, and softmax(logits).

use super::quantize::{QuantForm, quantize_activations, quantize_weights};
use super::summaries::{Summaries, variable_summaries};
use super::variable::{VariableNames, add_variable};
use crate::error::{Error, Result};
use crate::proto::DataType::{DT_FLOAT, DT_INT32, DT_INT64};
use crate::tf::GraphBuilder;

/// How a batch's true classes are fed, which decides the form of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// One-hot floats, `[batch, classes]`: `softmax_cross_entropy_with_logits`.
    OneHot,
    /// Class indices, int64 `[batch]`: `sparse_softmax_cross_entropy`.
    Index,
}

/// The description of the new layer.
#[derive(Debug, Clone)]
pub struct HeadSpec {
    /// The scope of the layer's nodes.
    pub scope: &'static str,
    /// How the true classes are fed.
    pub truth: Truth,
    /// The number of classes.
    pub class_count: usize,
    /// The name of the softmax node (the setting `final_tensor_name`).
    pub final_tensor_name: String,
    /// The tensor of the pretrained graph that the layer reads.
    pub bottleneck_tensor: String,
    /// The length of a bottleneck.
    pub bottleneck_tensor_size: usize,
    /// The form of fake quantisation for weights and logits, if any.
    pub quantize: Option<QuantForm>,
    /// The seed of the initial weights.
    pub seed: u64,
}

/// The standard deviation of the initial weights: a normal distribution, cut off at 2 σ.
const INITIAL_STDDEV: f32 = 0.001;

/// The names of the new layer's nodes.
#[derive(Debug, Clone)]
pub struct FinalTrainingOps {
    /// Fed with bottlenecks, [batch, size].
    pub bottleneck_input: String,
    /// Fed with the true classes, in the form given by `truth`.
    pub ground_truth_input: String,
    /// How the true classes are fed.
    pub truth: Truth,
    /// The number of classes.
    pub class_count: usize,
    /// The length of a bottleneck.
    pub bottleneck_size: usize,
    /// The trained variables: weights, then biases.
    pub variables: [VariableNames; 2],
    /// The weights the logits are computed from: plain or fake-quantised.
    pub weights_in_use: String,
    /// The ranges of the fake quantisation and the state of their moving averages.
    pub ranges: Vec<VariableNames>,
    /// The logits before any quantisation; the loss is computed from them.
    pub logits: String,
    /// The softmax.
    pub final_tensor: String,
}

impl FinalTrainingOps {
    /// All variables of the layer.
    pub fn all_variables(&self) -> impl Iterator<Item = &VariableNames> {
        self.variables.iter().chain(&self.ranges)
    }
}

/// The scripts' `add_final_training_ops` (poets) and `add_final_retrain_ops` (hub), up to the
/// softmax.
///
/// # Errors
/// If the pretrained graph already has a node named `final_tensor_name`.
pub fn add_final_training_ops(
    b: &mut GraphBuilder,
    summaries: &mut Summaries,
    spec: &HeadSpec,
) -> Result<FinalTrainingOps> {
    let (size, classes) = (spec.bottleneck_tensor_size as i64, spec.class_count as i64);
    let (bottleneck_input, ground_truth_input) = b.name_scope("input", |b| {
        let bottleneck = b
            .op("PlaceholderWithDefault", "BottleneckInputPlaceholder")
            .input(&spec.bottleneck_tensor);
        let bottleneck =
            bottleneck.type_attr("dtype", DT_FLOAT).shape_attr("shape", &[-1, size]).finish();
        let truth = b.op("Placeholder", "GroundTruthInput");
        let truth = match spec.truth {
            Truth::OneHot => truth.type_attr("dtype", DT_FLOAT).shape_attr("shape", &[-1, classes]),
            Truth::Index => truth.type_attr("dtype", DT_INT64).shape_attr("shape", &[-1]),
        };
        (bottleneck, truth.finish())
    });
    let mut ranges = Vec::new();
    let (variables, weights_in_use, logits, activations) = b.name_scope(spec.scope, |b| {
        let weights = b.name_scope("weights", |b| {
            let initial = truncated_normal(b, &[size as i32, classes as i32], spec.seed);
            let names = add_variable(b, "final_weights", &[size, classes], initial);
            variable_summaries(b, summaries, &names.snapshot, 2);
            names
        });
        let biases = b.name_scope("biases", |b| {
            let zeros = b.zeros("zeros", &[classes]);
            let names = add_variable(b, "final_biases", &[classes], zeros);
            variable_summaries(b, summaries, &names.snapshot, 1);
            names
        });
        b.name_scope("Wx_plus_b", |b| {
            let used = match spec.quantize {
                Some(form) => quantize_weights(b, &weights.snapshot, form, &mut ranges),
                None => weights.snapshot.clone(),
            };
            let product = b.op("MatMul", "MatMul").inputs([&bottleneck_input, &used]).float_type();
            let product =
                product.bool_attr("transpose_a", false).bool_attr("transpose_b", false).finish();
            let logits =
                b.op("AddV2", "add").inputs([&product, &biases.snapshot]).float_type().finish();
            let activations = match spec.quantize {
                Some(form) => quantize_activations(b, &logits, form, &mut ranges),
                None => logits.clone(),
            };
            summaries.histogram(b, "pre_activations", &activations);
            ([weights, biases], used, logits, activations)
        })
    });
    let final_tensor =
        b.op("Softmax", &spec.final_tensor_name).input(&activations).float_type().finish();
    if final_tensor != spec.final_tensor_name {
        let message = format!(
            "'{}' is a node of the pretrained graph; choose another name",
            spec.final_tensor_name
        );
        return Err(Error::usage("final_tensor_name", message));
    }
    summaries.histogram(b, "activations", &final_tensor);
    Ok(FinalTrainingOps {
        bottleneck_input,
        ground_truth_input,
        truth: spec.truth,
        class_count: spec.class_count,
        bottleneck_size: spec.bottleneck_tensor_size,
        variables,
        weights_in_use,
        ranges,
        logits,
        final_tensor,
    })
}

fn truncated_normal(b: &mut GraphBuilder, dims: &[i32], seed: u64) -> String {
    // The op takes the seed in two halves. If both were 0, TensorFlow would choose a seed itself.
    let seeds = [(seed >> 32) as i64, (seed & 0xffff_ffff) as i64];
    let seeds = if seeds == [0, 0] { [0x9e37, 0x79b9] } else { seeds };
    b.name_scope_named("truncated_normal", |b, scope| {
        let shape = b.ints("shape", dims);
        let mean = b.float("mean", 0.0);
        let stddev = b.float("stddev", INITIAL_STDDEV);
        let normal = b.op("TruncatedNormal", "TruncatedNormal").input(shape);
        let normal = normal.type_attr("T", DT_INT32).type_attr("dtype", DT_FLOAT);
        let normal = normal.int_attr("seed", seeds[0]).int_attr("seed2", seeds[1]).finish();
        let scaled = b.op("Mul", "mul").inputs([normal, stddev]).float_type().finish();
        b.op_named("Add", scope.to_owned()).inputs([scaled, mean]).float_type().finish()
    })
}
