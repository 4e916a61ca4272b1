//! Summaries for TensorBoard, with the scripts' tags.

use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::tf::GraphBuilder;

/// The summary ops of a graph, in the order they were made (TensorFlow's `summaries` collection).
#[derive(Debug, Default)]
pub struct Summaries {
    /// The names of the summary nodes.
    pub names: Vec<String>,
}

impl Summaries {
    /// `tf.summary.scalar`: the tag is the node's full name.
    pub fn scalar(&mut self, b: &mut GraphBuilder, name: &str, value: &str) {
        self.add(b, "ScalarSummary", name, "tags", value);
    }

    /// `tf.summary.histogram`.
    pub fn histogram(&mut self, b: &mut GraphBuilder, name: &str, values: &str) {
        self.add(b, "HistogramSummary", name, "tag", values);
    }

    fn add(&mut self, b: &mut GraphBuilder, op: &str, name: &str, tag: &str, value: &str) {
        // As in Python, the scope takes the unique name and the node is named after the scope.
        let mut full_name = String::new();
        let tag = b.name_scope_named(name, |b, scope| {
            full_name = scope.to_owned();
            b.string(tag, scope)
        });
        let name = b.op_named(op, full_name).inputs([tag.as_str(), value]).float_type().finish();
        self.names.push(name);
    }

    /// `tf.summary.merge_all`: one node whose output is the serialized Summary with all values.
    pub fn merge_all(&self, b: &mut GraphBuilder) -> String {
        b.name_scope("Merge", |b| {
            b.op("MergeSummary", "MergeSummary")
                .inputs(&self.names)
                .int_attr("N", self.names.len() as i64)
                .finish()
        })
    }
}

/// The script's `variable_summaries`: mean, standard deviation, maximum, minimum and histogram of a
/// variable of the given rank.
pub fn variable_summaries(
    b: &mut GraphBuilder,
    summaries: &mut Summaries,
    variable: &str,
    rank: i32,
) {
    b.name_scope("summaries", |b| {
        let mean = reduce_all(b, "Mean", variable, rank);
        summaries.scalar(b, "mean", &mean);
        let stddev = b.name_scope("stddev", |b| {
            let difference = b.op("Sub", "sub").inputs([variable, &mean]).float_type().finish();
            let square = b.op("Square", "Square").input(difference).float_type().finish();
            let axes: Vec<i32> = (0..rank).collect();
            let mean = reduce(b, "Mean", &square, &axes);
            b.op("Sqrt", "Sqrt").input(mean).float_type().finish()
        });
        summaries.scalar(b, "stddev", &stddev);
        let max = reduce_all(b, "Max", variable, rank);
        summaries.scalar(b, "max", &max);
        let min = reduce_all(b, "Min", variable, rank);
        summaries.scalar(b, "min", &min);
        summaries.histogram(b, "histogram", variable);
    });
}

/// A reduction over constant axes, as TensorFlow's Python makes it for a tensor of known shape.
pub(super) fn reduce(b: &mut GraphBuilder, op: &str, input: &str, axes: &[i32]) -> String {
    reduce_named(b, op, op, input, axes)
}

/// As [`reduce`], with a name for the node.
pub(super) fn reduce_named(
    b: &mut GraphBuilder,
    op: &str,
    name: &str,
    input: &str,
    axes: &[i32],
) -> String {
    let axes = b.ints("Const", axes);
    let reduction = b.op(op, name).inputs([input, &axes]).type_attr("T", DT_FLOAT);
    reduction.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish()
}

/// A reduction over all axes of a variable, whose rank Python looks up through Rank and Range
/// nodes.
fn reduce_all(b: &mut GraphBuilder, op: &str, input: &str, rank: i32) -> String {
    let rank = b.int("Rank", rank);
    let range = b.name_scope_named("range", |b, scope| {
        let start = b.int("start", 0);
        let delta = b.int("delta", 1);
        let name = scope.to_owned();
        b.op_named("Range", name)
            .inputs([start, rank.clone(), delta])
            .type_attr("Tidx", DT_INT32)
            .finish()
    });
    let reduction = b.op(op, op).inputs([input, &range]).type_attr("T", DT_FLOAT);
    reduction.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish()
}
