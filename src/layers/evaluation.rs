//! The accuracy of the new layer: the share of a batch whose most probable class is the true one.

use super::decoding::add_cast;
use super::head::{FinalTrainingOps, Truth};
use super::summaries::{Summaries, reduce};
use crate::proto::DataType::{DT_BOOL, DT_FLOAT, DT_INT32, DT_INT64};
use crate::tf::GraphBuilder;

/// The names of the evaluation's nodes.
#[derive(Debug, Clone)]
pub struct EvaluationStep {
    /// The accuracy of a batch, 0 to 1, a float scalar.
    pub accuracy: String,
    /// The class index predicted for each image, int64 `[batch]`.
    pub prediction: String,
}

/// The scripts' `add_evaluation_step`.
pub fn add_evaluation_step(
    b: &mut GraphBuilder,
    summaries: &mut Summaries,
    ops: &FinalTrainingOps,
) -> EvaluationStep {
    let step = b.name_scope("accuracy", |b| {
        let (prediction, correct) = b.name_scope("correct_prediction", |b| {
            let prediction = argmax(b, &ops.final_tensor);
            let truth = match ops.truth {
                Truth::OneHot => argmax(b, &ops.ground_truth_input),
                Truth::Index => ops.ground_truth_input.clone(),
            };
            let equal = b
                .op("Equal", "Equal")
                .inputs([&prediction, &truth])
                .type_attr("T", DT_INT64)
                .finish();
            (prediction, equal)
        });
        let accuracy = b.name_scope("accuracy", |b| {
            let correct = add_cast(b, &correct, DT_BOOL, DT_FLOAT);
            reduce(b, "Mean", &correct, &[0])
        });
        EvaluationStep { accuracy, prediction }
    });
    summaries.scalar(b, "accuracy", &step.accuracy);
    step
}

fn argmax(b: &mut GraphBuilder, input: &str) -> String {
    b.name_scope_named("ArgMax", |b, scope| {
        let dimension = b.int("dimension", 1);
        let argmax =
            b.op_named("ArgMax", scope.to_owned()).inputs([input, &dimension]).float_type();
        argmax.type_attr("Tidx", DT_INT32).type_attr("output_type", DT_INT64).finish()
    })
}
