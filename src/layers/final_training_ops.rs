//! The new layer that is trained: logits = x·W + b, softmax(logits), the mean cross-entropy
//! −Σ t·ln softmax(logits) over a batch, and one step of gradient descent W ← W − η ∂/∂W.

use super::summaries::{Summaries, reduce, variable_summaries};
use crate::error::{Error, Result};
use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::tf::{Graph, GraphBuilder};

/// What the new layer is to be.
#[derive(Debug, Clone)]
pub struct HeadSpec {
    /// How many classes there are.
    pub class_count: usize,
    /// The name of the softmax node (`--final_tensor_name`).
    pub final_tensor_name: String,
    /// The tensor of the pretrained graph that the layer reads.
    pub bottleneck_tensor: String,
    /// How many numbers a bottleneck has.
    pub bottleneck_tensor_size: usize,
    /// The scope of the layer's nodes.
    pub layer_name: &'static str,
    /// The seed of the initial weights.
    pub seed: u64,
}

/// The scope of the poets generation.
pub const LAYER_NAME: &str = "final_training_ops";

/// The standard deviation of the initial weights (a normal distribution cut off at two of them).
const INITIAL_STDDEV: f32 = 0.001;

/// The nodes of one variable, as TensorFlow's `VariableDef` lists them.
#[derive(Debug, Clone)]
pub struct VariableNames {
    /// The variable itself.
    pub variable: String,
    /// The op that sets it to its initial value.
    pub initializer: String,
    /// The Identity everything reads it through.
    pub snapshot: String,
    /// The initial value.
    pub initial_value: String,
}

/// The names of the new layer's nodes.
#[derive(Debug, Clone)]
pub struct FinalTrainingOps {
    /// Fed with bottlenecks, [batch, size].
    pub bottleneck_input: String,
    /// Fed with the true classes, one-hot, [batch, classes].
    pub ground_truth_input: String,
    /// Weights, then biases.
    pub variables: [VariableNames; 2],
    /// The softmax.
    pub final_tensor: String,
    /// The mean cross-entropy of a batch.
    pub cross_entropy_mean: String,
}

/// The script's `add_final_training_ops`, up to the loss.
///
/// # Errors
/// Where `final_tensor_name` is a node of the pretrained graph already.
pub fn add_final_training_ops(
    b: &mut GraphBuilder,
    summaries: &mut Summaries,
    spec: &HeadSpec,
) -> Result<FinalTrainingOps> {
    let (size, classes) = (spec.bottleneck_tensor_size as i64, spec.class_count as i64);
    let (bottleneck_input, ground_truth_input) = b.name_scope("input", |b| {
        let bottleneck = b.op("PlaceholderWithDefault", "BottleneckInputPlaceholder").input(&spec.bottleneck_tensor);
        let bottleneck = bottleneck.type_attr("dtype", DT_FLOAT).shape_attr("shape", &[-1, size]).finish();
        let truth = b.op("Placeholder", "GroundTruthInput").type_attr("dtype", DT_FLOAT);
        (bottleneck, truth.shape_attr("shape", &[-1, classes]).finish())
    });
    let (weights, biases, logits) = b.name_scope(spec.layer_name, |b| {
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
        let logits = b.name_scope("Wx_plus_b", |b| {
            let product = b.op("MatMul", "MatMul").inputs([&bottleneck_input, &weights.snapshot]).float_type();
            let product = product.bool_attr("transpose_a", false).bool_attr("transpose_b", false).finish();
            let logits = b.op("AddV2", "add").inputs([&product, &biases.snapshot]).float_type().finish();
            summaries.histogram(b, "pre_activations", &logits);
            logits
        });
        (weights, biases, logits)
    });
    let final_tensor = b.op("Softmax", &spec.final_tensor_name).input(&logits).float_type().finish();
    if final_tensor != spec.final_tensor_name {
        let message = format!("'{}' is a node of the pretrained graph; choose another name", spec.final_tensor_name);
        return Err(Error::usage("final_tensor_name", message));
    }
    summaries.histogram(b, "activations", &final_tensor);
    let cross_entropy_mean = b.name_scope("cross_entropy", |b| {
        let losses = softmax_cross_entropy(b, &logits, &ground_truth_input);
        b.name_scope("total", |b| reduce(b, "Mean", &losses, &[0]))
    });
    summaries.scalar(b, "cross_entropy", &cross_entropy_mean);
    let variables = [weights, biases];
    Ok(FinalTrainingOps { bottleneck_input, ground_truth_input, variables, final_tensor, cross_entropy_mean })
}

fn truncated_normal(b: &mut GraphBuilder, dims: &[i32], seed: u64) -> String {
    // The op takes the seed in two halves, of which not both may be zero: that would ask for a random one.
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

/// `tf.Variable`: VariableV2, Assign, and the `read` that everything else uses.
fn add_variable(b: &mut GraphBuilder, name: &str, dims: &[i64], initial_value: String) -> VariableNames {
    b.name_scope_named(name, |b, scope| {
        let variable = b.op_named("VariableV2", scope.to_owned()).type_attr("dtype", DT_FLOAT);
        let variable =
            variable.shape_attr("shape", dims).str_attr("container", "").str_attr("shared_name", "").finish();
        let assign = b.op("Assign", "Assign").inputs([&variable, &initial_value]).float_type().colocate_with(&variable);
        let initializer = assign.bool_attr("use_locking", true).bool_attr("validate_shape", true).finish();
        let snapshot = b.op("Identity", "read").input(&variable).float_type().colocate_with(&variable).finish();
        VariableNames { variable, initializer, snapshot, initial_value }
    })
}

/// `tf.nn.softmax_cross_entropy_with_logits`: it flattens logits and labels to two dimensions and restores the
/// batch's shape, whatever their rank; the nodes for that are part of the scripts' graph.
fn softmax_cross_entropy(b: &mut GraphBuilder, logits: &str, labels: &str) -> String {
    const RANK: i32 = 2;
    let shape_of = |b: &mut GraphBuilder, input: &str| {
        b.op("Shape", "Shape").input(input).float_type().type_attr("out_type", DT_INT32).finish()
    };
    let rank_minus_one = |b: &mut GraphBuilder, rank: &str| {
        b.name_scope_named("Sub", |b, scope| {
            let one = b.int("y", 1);
            b.op_named("Sub", scope.to_owned()).inputs([rank, &one]).type_attr("T", DT_INT32).finish()
        })
    };
    let pack = |b: &mut GraphBuilder, name: &str, value: &str| {
        b.op("Pack", name).input(value).int_attr("N", 1).type_attr("T", DT_INT32).int_attr("axis", 0).finish()
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
            let concat = b.op_named("ConcatV2", scope.to_owned()).inputs([any, last_dim, axis]).int_attr("N", 2);
            concat.type_attr("T", DT_INT32).type_attr("Tidx", DT_INT32).finish()
        })
    };
    let reshape = |b: &mut GraphBuilder, input: &str, shape: &str| {
        let reshape = b.op("Reshape", "Reshape").inputs([input, shape]);
        reshape.float_type().type_attr("Tshape", DT_INT32).finish()
    };
    b.name_scope_named("softmax_cross_entropy_with_logits_sg", |b, scope| {
        let labels = b.op("StopGradient", "labels_stop_gradient").input(labels).float_type().finish();
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

/// The script's `train` scope: TensorFlow's gradients of the loss, and the step that applies them. The step waits
/// for `before`, the merged summaries, so that what they show is always the state before the step (in the scripts
/// the two race). Returns the train step's name.
///
/// `graph` must hold all nodes made so far; it is extended by the gradients and the step.
pub fn add_gradient_descent(
    b: &mut GraphBuilder,
    graph: &mut Graph,
    ops: &FinalTrainingOps,
    learning_rate: f32,
    before: &str,
) -> Result<String> {
    b.name_scope_named("train", |b, scope| {
        let prefix = format!("{scope}/gradients");
        let read = ops.variables.each_ref().map(|v| v.snapshot.as_str());
        let gradients = graph.add_gradients(&prefix, &ops.cross_entropy_mean, &read)?;
        let inside = format!("{prefix}/");
        graph.graph_def()?.node.into_iter().filter(|n| n.name.starts_with(&inside)).for_each(|n| b.adopt(n));
        let gradients_made = b.take_nodes();
        let step = b.name_scope_named("GradientDescent", |b, scope| {
            let rate = b.float("learning_rate", learning_rate);
            let mut updates = Vec::new();
            for (variable, gradient) in ops.variables.iter().zip(&gradients) {
                let name = format!("update_{}/ApplyGradientDescent", variable.variable);
                let update = b.op("ApplyGradientDescent", &name).inputs([&variable.variable, &rate, gradient]);
                let update = update.input(format!("^{before}")).colocate_with(&variable.variable);
                updates.push(format!("^{}", update.float_type().bool_attr("use_locking", false).finish()));
            }
            // The script's order: biases first.
            updates.reverse();
            b.op_named("NoOp", scope.to_owned()).inputs(updates).finish()
        });
        let step_nodes = b.take_nodes();
        graph.extend(&step_nodes)?;
        gradients_made.into_iter().chain(step_nodes).for_each(|n| b.adopt(n));
        Ok(step)
    })
}
