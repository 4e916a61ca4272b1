//! The new layer that is trained: logits = x·W + b, softmax(logits), the mean cross-entropy
//! −Σ t·ln softmax(logits) over a batch, and one step of gradient descent W ← W − η ∂/∂W.

use super::quantize::{QuantForm, quantize_activations, quantize_weights};
use super::summaries::{Summaries, reduce, variable_summaries};
use crate::error::{Error, Result};
use crate::model::Generation;
use crate::proto::DataType::{DT_FLOAT, DT_INT32, DT_INT64};
use crate::tf::{Graph, GraphBuilder};

/// What the new layer is to be.
#[derive(Debug, Clone)]
pub struct HeadSpec {
    /// Whose names and whose form of truth it has.
    pub generation: Generation,
    /// How many classes there are.
    pub class_count: usize,
    /// The name of the softmax node (`--final_tensor_name`).
    pub final_tensor_name: String,
    /// The tensor of the pretrained graph that the layer reads.
    pub bottleneck_tensor: String,
    /// How many numbers a bottleneck has.
    pub bottleneck_tensor_size: usize,
    /// Whether weights and logits go through fake quantisation, and in which form.
    pub quantize: Option<QuantForm>,
    /// The seed of the initial weights.
    pub seed: u64,
}

impl HeadSpec {
    /// The scope of the layer's nodes.
    fn layer_name(&self) -> &'static str {
        match self.generation {
            Generation::Poets => "final_training_ops",
            Generation::Hub => "final_retrain_ops",
        }
    }
}

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
    /// Fed with the true classes: one-hot floats `[batch, classes]` (poets), or indices, int64
    /// `[batch]` (hub).
    pub ground_truth_input: String,
    /// Weights, then biases: what is trained.
    pub variables: [VariableNames; 2],
    /// The weights as the logits use them: as they are, or fake-quantised.
    pub weights_in_use: String,
    /// The ranges of the fake quantisation and what their averages keep.
    pub ranges: Vec<VariableNames>,
    /// The logits before any quantisation: what the loss is computed from.
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
/// Where `final_tensor_name` is a node of the pretrained graph already.
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
        let truth = match spec.generation {
            Generation::Poets => {
                truth.type_attr("dtype", DT_FLOAT).shape_attr("shape", &[-1, classes])
            }
            Generation::Hub => truth.type_attr("dtype", DT_INT64).shape_attr("shape", &[-1]),
        };
        (bottleneck, truth.finish())
    });
    let mut ranges = Vec::new();
    let (variables, weights_in_use, logits, activations) = b.name_scope(spec.layer_name(), |b| {
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
        variables,
        weights_in_use,
        ranges,
        logits,
        final_tensor,
    })
}

/// The loss.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The mean cross-entropy of a batch.
    pub mean: String,
    /// The gradient of each example's loss with respect to its logits, where TensorFlow's C API
    /// cannot derive it from the mean.
    example_gradients: Option<String>,
}

/// The mean cross-entropy of a batch, with its summary.
pub fn add_cross_entropy(
    b: &mut GraphBuilder,
    summaries: &mut Summaries,
    ops: &FinalTrainingOps,
    generation: Generation,
) -> Loss {
    let loss = b.name_scope("cross_entropy", |b| match generation {
        Generation::Poets => {
            let losses = softmax_cross_entropy(b, &ops.logits, &ops.ground_truth_input);
            let mean = b.name_scope("total", |b| reduce(b, "Mean", &losses, &[0]));
            Loss { mean, example_gradients: None }
        }
        Generation::Hub => sparse_softmax_cross_entropy(b, &ops.logits, &ops.ground_truth_input),
    });
    summaries.scalar(b, "cross_entropy", &loss.mean);
    loss
}

/// `tf.losses.sparse_softmax_cross_entropy`, of whose nodes those that only look after per-example
/// weights are left out.
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

fn truncated_normal(b: &mut GraphBuilder, dims: &[i32], seed: u64) -> String {
    // The op takes the seed in two halves, of which not both may be zero: that would ask for a
    // random one.
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
pub(super) fn add_variable(
    b: &mut GraphBuilder,
    name: &str,
    dims: &[i64],
    initial_value: String,
) -> VariableNames {
    b.name_scope_named(name, |b, scope| {
        let variable = b.op_named("VariableV2", scope.to_owned()).type_attr("dtype", DT_FLOAT);
        let variable = variable
            .shape_attr("shape", dims)
            .str_attr("container", "")
            .str_attr("shared_name", "")
            .finish();
        let assign = b
            .op("Assign", "Assign")
            .inputs([&variable, &initial_value])
            .float_type()
            .colocate_with(&variable);
        let initializer =
            assign.bool_attr("use_locking", true).bool_attr("validate_shape", true).finish();
        let snapshot = b
            .op("Identity", "read")
            .input(&variable)
            .float_type()
            .colocate_with(&variable)
            .finish();
        VariableNames { variable, initializer, snapshot, initial_value }
    })
}

/// `tf.nn.softmax_cross_entropy_with_logits`: it flattens logits and labels to two dimensions and
/// restores the batch's shape, whatever their rank; the nodes for that are part of the scripts'
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

/// The script's `train` scope: TensorFlow's gradients of the loss, and the step that applies them.
/// The step waits for `before`, the merged summaries, so that what they show is always the state
/// before the step (in the scripts the two race). Returns the train step's name.
///
/// `graph` must hold all nodes made so far; it is extended by the gradients and the step.
pub fn add_gradient_descent(
    b: &mut GraphBuilder,
    graph: &mut Graph,
    ops: &FinalTrainingOps,
    loss: &Loss,
    learning_rate: f32,
    before: &str,
) -> Result<String> {
    b.name_scope_named("train", |b, scope| {
        let [weights, biases] = &ops.variables;
        let variables = [ops.weights_in_use.as_str(), &biases.snapshot];
        let prefix = format!("{scope}/gradients");
        let differentiated = match &loss.example_gradients {
            None => loss.mean.clone(),
            Some(example_gradients) => {
                let surrogate =
                    add_surrogate(b, &ops.logits, example_gradients, &ops.ground_truth_input);
                let own = b.take_nodes();
                graph.extend(&own)?;
                own.into_iter().for_each(|n| b.adopt(n));
                surrogate
            }
        };
        let mut gradients = graph.add_gradients(&prefix, &differentiated, &variables)?;
        let inside = format!("{prefix}/");
        graph
            .graph_def()?
            .node
            .into_iter()
            .filter(|n| n.name.starts_with(&inside))
            .for_each(|n| b.adopt(n));
        let made = b.take_nodes();
        if ops.weights_in_use != weights.snapshot {
            // The C API knows no gradient of fake quantisation.
            gradients[0] = fake_quant_gradient(b, ops, &gradients[0]);
        }
        let step = b.name_scope_named("GradientDescent", |b, scope| {
            let rate = b.float("learning_rate", learning_rate);
            let mut updates = Vec::new();
            for (variable, gradient) in ops.variables.iter().zip(&gradients) {
                let name = format!("update_{}/ApplyGradientDescent", variable.variable);
                let update = b.op("ApplyGradientDescent", &name).inputs([
                    &variable.variable,
                    &rate,
                    gradient,
                ]);
                let update = update.input(format!("^{before}")).colocate_with(&variable.variable);
                updates.push(format!(
                    "^{}",
                    update.float_type().bool_attr("use_locking", false).finish()
                ));
            }
            // The script's order: biases first.
            updates.reverse();
            b.op_named("NoOp", scope.to_owned()).inputs(updates).finish()
        });
        let step_nodes = b.take_nodes();
        graph.extend(&step_nodes)?;
        made.into_iter().chain(step_nodes).for_each(|n| b.adopt(n));
        Ok(step)
    })
}

/// TensorFlow's C API has no gradient of SparseSoftmaxCrossEntropyWithLogits, though the op itself
/// computes it. This adds Σ logits · stop_gradient(g / n), with g the examples' gradients and n
/// their number: the gradient of that with respect to the logits is g / n, that of the mean loss.
fn add_surrogate(
    b: &mut GraphBuilder,
    logits: &str,
    example_gradients: &str,
    labels: &str,
) -> String {
    b.name_scope("surrogate", |b| {
        let size = b
            .op("Size", "Size")
            .input(labels)
            .type_attr("T", DT_INT64)
            .type_attr("out_type", DT_INT32)
            .finish();
        let size = super::decoding::add_cast(b, &size, DT_INT32, DT_FLOAT);
        let gradient =
            b.op("RealDiv", "truediv").inputs([example_gradients, &size]).float_type().finish();
        let gradient = b.op("StopGradient", "StopGradient").input(gradient).float_type().finish();
        let product = b.op("Mul", "mul").inputs([logits, &gradient]).float_type().finish();
        reduce(b, "Sum", &product, &[0, 1])
    })
}

/// The gradient through the weights' fake quantisation, under the name TensorFlow's Python gives
/// it.
fn fake_quant_gradient(b: &mut GraphBuilder, ops: &FinalTrainingOps, gradient: &str) -> String {
    let (scope, form) = (&ops.weights_in_use, super::quantize::WEIGHTS);
    let quant = scope.rsplit_once('/').map_or("", |(scope, _)| scope);
    let name = format!("gradients/{scope}_grad/FakeQuantWithMinMaxVarsGradient");
    let inputs = [
        gradient,
        &ops.variables[0].snapshot,
        &format!("{quant}/AssignMinLast"),
        &format!("{quant}/AssignMaxLast"),
    ];
    let op = b.op("FakeQuantWithMinMaxVarsGradient", &name).inputs(inputs);
    op.int_attr("num_bits", form.num_bits).bool_attr("narrow_range", form.narrow_range).finish()
}
