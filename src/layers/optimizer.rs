//! One training step: gradient descent, W ← W − η(∂L/∂W + λW), or Adam. TensorFlow derives the
//! gradients as far as its C API can.

use super::adam::{Trained, add_adam};
use super::decoding::add_cast;
use super::head::FinalTrainingOps;
use super::loss::Loss;
use super::quantize;
use super::summaries::reduce;
use super::variable::VariableNames;
use crate::error::Result;
use crate::proto::DataType::{DT_FLOAT, DT_INT32, DT_INT64};
use crate::tf::{Graph, GraphBuilder};

/// How a step follows from the gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSpec {
    /// The rule.
    pub rule: StepRule,
    /// η
    pub learning_rate: f32,
    /// λ, for the weights; the biases have no penalty.
    pub weight_decay: f32,
}

impl StepSpec {
    /// The scripts' gradient descent.
    #[must_use]
    pub fn gradient_descent(learning_rate: f32) -> Self {
        Self { rule: StepRule::GradientDescent, learning_rate, weight_decay: 0.0 }
    }
}

/// How a step follows from the gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepRule {
    /// The scripts' GradientDescentOptimizer.
    GradientDescent,
    /// AdamOptimizer, with the weight decay of AdamW.
    Adam,
}

/// The names of the step's nodes.
#[derive(Debug, Clone)]
pub struct TrainStep {
    /// The node to run.
    pub train_step: String,
    /// The optimizer's own variables.
    pub variables: Vec<VariableNames>,
}

/// The script's `train` scope: TensorFlow's gradients of the loss, and the step that applies them.
/// The step waits for `before`, the merged summaries, so that they always show the state before the
/// step (in the scripts the two race).
///
/// `graph` must hold all nodes made so far; the gradients and the step are added to it.
pub fn add_train_step(
    b: &mut GraphBuilder,
    graph: &mut Graph,
    ops: &FinalTrainingOps,
    loss: &Loss,
    spec: StepSpec,
    before: &str,
) -> Result<TrainStep> {
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
            // The C API cannot differentiate fake quantisation.
            gradients[0] = fake_quant_gradient(b, ops, &gradients[0]);
        }
        let step = match spec.rule {
            StepRule::GradientDescent => descend(b, ops, &gradients, spec, before),
            StepRule::Adam => adam(b, ops, &gradients, spec, before),
        };
        let step_nodes = b.take_nodes();
        graph.extend(&step_nodes)?;
        made.into_iter().chain(step_nodes).for_each(|n| b.adopt(n));
        Ok(step)
    })
}

/// The script's GradientDescentOptimizer.
fn descend(
    b: &mut GraphBuilder,
    ops: &FinalTrainingOps,
    gradients: &[String],
    spec: StepSpec,
    before: &str,
) -> TrainStep {
    let gradients = decayed(b, ops, gradients, spec.weight_decay);
    let train_step = b.name_scope_named("GradientDescent", |b, scope| {
        let rate = b.float("learning_rate", spec.learning_rate);
        let mut updates = Vec::new();
        for (variable, gradient) in ops.variables.iter().zip(&gradients) {
            let name = format!("update_{}/ApplyGradientDescent", variable.variable);
            let update = b.op("ApplyGradientDescent", &name);
            let update = update.inputs([&variable.variable, &rate, gradient]);
            let update = update.input(format!("^{before}")).colocate_with(&variable.variable);
            let update = update.float_type().bool_attr("use_locking", false).finish();
            updates.push(format!("^{update}"));
        }
        // The script's order: biases first.
        updates.reverse();
        b.op_named("NoOp", scope.to_owned()).inputs(updates).finish()
    });
    TrainStep { train_step, variables: Vec::new() }
}

/// The gradients of weights and biases, with λW added to that of the weights.
fn decayed(
    b: &mut GraphBuilder,
    ops: &FinalTrainingOps,
    gradients: &[String],
    weight_decay: f32,
) -> Vec<String> {
    let mut gradients = gradients.to_vec();
    if weight_decay != 0.0 {
        gradients[0] = b.name_scope("weight_decay", |b| {
            let decay = b.float("weight_decay", weight_decay);
            let weights = &ops.variables[0].snapshot;
            let penalty = b.op("Mul", "mul").inputs([weights, &decay]).float_type().finish();
            b.op("AddV2", "add").inputs([&gradients[0], &penalty]).float_type().finish()
        });
    }
    gradients
}

fn adam(
    b: &mut GraphBuilder,
    ops: &FinalTrainingOps,
    gradients: &[String],
    spec: StepSpec,
    before: &str,
) -> TrainStep {
    let learning_rate = b.float("learning_rate", spec.learning_rate);
    let trained = |i: usize, dims: Vec<i64>, weight_decay: f32| Trained {
        names: ops.variables[i].clone(),
        dims,
        gradient: gradients[i].clone(),
        learning_rate: learning_rate.clone(),
        weight_decay,
    };
    let classes = ops.class_count as i64;
    let weights = trained(0, vec![ops.bottleneck_size as i64, classes], spec.weight_decay);
    let step = add_adam(b, &[weights, trained(1, vec![classes], 0.0)], &[before]);
    TrainStep { train_step: step.train_step, variables: step.variables }
}

/// A stand-in for the mean loss with the same gradient: TensorFlow's C API cannot differentiate
/// SparseSoftmaxCrossEntropyWithLogits, though the op outputs the gradients g of its n examples.
/// The gradient of Σ logits · stop_gradient(g / n) with respect to the logits is g / n, the mean
/// loss's.
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
        let size = add_cast(b, &size, DT_INT32, DT_FLOAT);
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
    let (scope, form) = (&ops.weights_in_use, quantize::WEIGHTS);
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
