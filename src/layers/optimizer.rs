//! One step of gradient descent, W ← W − η ∂L/∂W. TensorFlow derives the gradients as far as its C
//! API can.

use super::decoding::add_cast;
use super::head::FinalTrainingOps;
use super::loss::Loss;
use super::quantize;
use super::summaries::reduce;
use crate::error::Result;
use crate::proto::DataType::{DT_FLOAT, DT_INT32, DT_INT64};
use crate::tf::{Graph, GraphBuilder};

/// The script's `train` scope: TensorFlow's gradients of the loss, and the step that applies them.
/// The step waits for `before`, the merged summaries, so that they always show the state before the
/// step (in the scripts the two race). Returns the train step's name.
///
/// `graph` must hold all nodes made so far; the gradients and the step are added to it.
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
            // The C API cannot differentiate fake quantisation.
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
