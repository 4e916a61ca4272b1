//! New values for a graph's constants.

use crate::proto::{GraphDef, Value};
use crate::tf::NamedTensor;

/// Replaces the values of a graph's constants, by name.
pub(in crate::retrain) fn replace_values(graph: &mut GraphDef, values: &[NamedTensor]) {
    for node in graph.node.iter_mut().filter(|n| n.op == "Const") {
        if let Some((_, value)) = values.iter().find(|(name, _)| *name == node.name) {
            node.set_attr("value", Value::Tensor(value.clone()));
        }
    }
}
