//! Fake quantisation of the new layer, for modules prepared for TF-Lite, as `tf.contrib.quantize`
//! adds it to a fully-connected layer. Weights use their current range with 2⁸ − 1 levels,
//! symmetric about zero; logits use a moving average of the batches' ranges, debiased by the number
//! of steps.

use super::summaries::reduce_named;
use super::variable::{VariableNames, add_variable};
use crate::tf::GraphBuilder;

/// The two forms of a quantised layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantForm {
    /// Every run updates the ranges.
    Training,
    /// The ranges are read as training left them.
    Eval,
}

/// How values are quantised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    /// Bits of a quantised value.
    pub(super) num_bits: i64,
    /// Whether the lowest level is left out, which makes the levels symmetric about zero.
    pub(super) narrow_range: bool,
}

pub(super) const WEIGHTS: Levels = Levels { num_bits: 8, narrow_range: true };
const ACTIVATIONS: Levels = Levels { num_bits: 8, narrow_range: false };

/// Ranges before the first batch.
const INITIAL: [f32; 2] = [-6.0, 6.0];
/// 1 − the decay of the moving averages.
const EMA_WEIGHT: f32 = 1.0 - 0.999;

/// Fake-quantises weights of rank 2; the variables of the ranges are added to `ranges`.
pub(super) fn quantize_weights(
    b: &mut GraphBuilder,
    weights: &str,
    form: QuantForm,
    ranges: &mut Vec<VariableNames>,
) -> String {
    b.name_scope("weights_quant", |b| {
        let [min, max] = range_variables(b, ranges);
        let limits = match form {
            QuantForm::Eval => [min.snapshot, max.snapshot],
            QuantForm::Training => {
                let seen = batch_range(b, weights);
                [
                    assign(b, "AssignMinLast", &min.variable, &seen[0]),
                    assign(b, "AssignMaxLast", &max.variable, &seen[1]),
                ]
            }
        };
        fake_quant(b, weights, &limits, WEIGHTS)
    })
}

/// Fake-quantises logits of rank 2; the variables of the ranges are added to `ranges`.
pub(super) fn quantize_activations(
    b: &mut GraphBuilder,
    logits: &str,
    form: QuantForm,
    ranges: &mut Vec<VariableNames>,
) -> String {
    b.name_scope("act_quant", |b| {
        let [min, max] = range_variables(b, ranges);
        let limits = match form {
            QuantForm::Eval => [min.snapshot, max.snapshot],
            QuantForm::Training => {
                let seen = batch_range(b, logits);
                [
                    moving_average(b, "AssignMinEma", &min, &seen[0], ranges),
                    moving_average(b, "AssignMaxEma", &max, &seen[1], ranges),
                ]
            }
        };
        fake_quant(b, logits, &limits, ACTIVATIONS)
    })
}

fn scalar_variable(b: &mut GraphBuilder, name: &str, initial: f32) -> VariableNames {
    let initializer = if initial == 0.0 { "zeros" } else { "Const" };
    let initial = b.float(&format!("{name}/Initializer/{initializer}"), initial);
    add_variable(b, name, &[], initial)
}

fn range_variables(b: &mut GraphBuilder, ranges: &mut Vec<VariableNames>) -> [VariableNames; 2] {
    let [min, max] = [("min", INITIAL[0]), ("max", INITIAL[1])]
        .map(|(name, initial)| scalar_variable(b, name, initial));
    ranges.extend([min.clone(), max.clone()]);
    [min, max]
}

/// The smallest and largest value, widened to include 0.
fn batch_range(b: &mut GraphBuilder, values: &str) -> [String; 2] {
    let min = reduce_named(b, "Min", "BatchMin", values, &[0, 1]);
    let max = reduce_named(b, "Max", "BatchMax", values, &[0, 1]);
    [("Minimum", min), ("Maximum", max)].map(|(op, value)| {
        b.name_scope_named(op, |b, scope| {
            let zero = b.float("y", 0.0);
            b.op_named(op, scope.to_owned()).inputs([value, zero]).float_type().finish()
        })
    })
}

fn assign(b: &mut GraphBuilder, name: &str, variable: &str, value: &str) -> String {
    let assign =
        b.op("Assign", name).inputs([variable, value]).float_type().colocate_with(variable);
    assign.bool_attr("use_locking", false).bool_attr("validate_shape", true).finish()
}

/// `assign_moving_average` with zero debiasing. At step n: a ← a − (a − x)·w, then
/// variable ← a / (1 − (1 − w)ⁿ).
fn moving_average(
    b: &mut GraphBuilder,
    name: &str,
    variable: &VariableNames,
    value: &str,
    ranges: &mut Vec<VariableNames>,
) -> String {
    let [biased, local_step] = ["biased", "local_step"].map(|kept| {
        // Python nests the variable's full name in the current scope.
        scalar_variable(b, &format!("{}/{kept}", variable.variable), 0.0)
    });
    ranges.extend([biased.clone(), local_step.clone()]);
    b.name_scope_named(name, |b, scope| {
        let binary = |b: &mut GraphBuilder, op: &str, name: &str, x: &str, y: &str| {
            b.op(op, name).inputs([x, y]).float_type().finish()
        };
        let decay = b.float("decay", EMA_WEIGHT);
        let difference = binary(b, "Sub", "sub", &biased.snapshot, value);
        let change = binary(b, "Mul", "mul", &difference, &decay);
        let update =
            b.op("AssignSub", "AssignSub").inputs([&biased.variable, &change]).float_type();
        let update = update.bool_attr("use_locking", false).finish();
        let one = b.float("AssignAdd/value", 1.0);
        let step = b.op("AssignAdd", "AssignAdd").inputs([&local_step.variable, &one]).float_type();
        let step = step.bool_attr("use_locking", false).finish();
        let one = b.float("sub_1/x", 1.0);
        let kept = binary(b, "Sub", "sub", &one, &decay);
        let power = binary(b, "Pow", "Pow", &kept, &step);
        let one = b.float("sub_2/x", 1.0);
        let bias = binary(b, "Sub", "sub", &one, &power);
        let debiased = binary(b, "RealDiv", "truediv", &update, &bias);
        let assign = b
            .op_named("Assign", scope.to_owned())
            .inputs([&variable.variable, &debiased])
            .float_type();
        let assign = assign.colocate_with(&variable.variable);
        assign.bool_attr("use_locking", false).bool_attr("validate_shape", true).finish()
    })
}

fn fake_quant(b: &mut GraphBuilder, values: &str, limits: &[String; 2], levels: Levels) -> String {
    let op = b
        .op("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVars")
        .inputs([values, &limits[0], &limits[1]]);
    op.int_attr("num_bits", levels.num_bits).bool_attr("narrow_range", levels.narrow_range).finish()
}
