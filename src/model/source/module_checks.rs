//! Checks of a module before it runs, so that a broken or malicious one ends in a message and not
//! in a crash, exhausted memory or damaged files.

use crate::model::inspect::{MOST_FEATURES, check_part, random_op};
use crate::proto::{GraphDef, InputRef, NodeDef, TensorProto};
use crate::rewrite::needed_nodes;
use crate::text::grouped;
use crate::tf::Graph;

/// Checks that the graph has the tensor that its signature names.
pub(super) fn has_tensor(graph: &GraphDef, tensor: &str) -> Result<(), String> {
    match graph.find(InputRef::parse(tensor).node) {
        Some(_) => Ok(()),
        None => Err(format!("has no tensor '{tensor}', which its signature names")),
    }
}

/// The length of the feature vector `tensor`, computed from `input`.
///
/// # Errors
/// A message without the file, if `tensor` is not a vector that depends only on `input`, or if
/// something in between may not run.
pub(super) fn feature_count(graph: &GraphDef, input: &str, tensor: &str) -> Result<usize, String> {
    let imported = Graph::import(graph).map_err(|e| e.to_string())?;
    let needed = needed_nodes(graph, tensor).map_err(|e| e.to_string())?;
    if !needed.contains(input) {
        return Err("gives features that do not depend on the image".into());
    }
    let output = imported.output(tensor).map_err(|e| e.to_string())?;
    let dtype = output.operation.output_type(output.index as usize);
    if dtype != tensorflow::DataType::Float {
        return Err(format!("gives features of type {dtype:?}; only Float is supported"));
    }
    let size =
        match imported.shape(tensor).as_deref() {
            Some(&[_, size]) if size > MOST_FEATURES => {
                return Err(format!(
                    "gives {} features per image; at most {} are supported",
                    grouped(size),
                    grouped(MOST_FEATURES)
                ));
            }
            Some(&[_, size]) if size > 0 => size as usize,
            _ => return Err(
                "does not give a feature vector of known length; is it a feature_vector module?"
                    .into(),
            ),
        };
    check_part(&imported, graph, input, tensor)?;
    match random_op(graph, input, tensor) {
        Some(random) => Err(format!(
            "gives features that depend on noise: {}; export it for inference, without dropout",
            random.sentence()
        )),
        None => Ok(size),
    }
}

/// Checks that a variable's value has the shape that its node declares.
pub(super) fn is_of_shape(variable: &NodeDef, value: &TensorProto) -> Result<(), String> {
    let Some(wanted) = variable.shape_attr("shape") else { return Ok(()) };
    let is: Vec<i64> = value.tensor_shape.dim.iter().map(|d| d.size).collect();
    if is.len() == wanted.len()
        && is.iter().zip(&wanted).all(|(is, wanted)| *wanted < 0 || is == wanted)
    {
        return Ok(());
    }
    let name = &variable.name;
    Err(format!(
        "holds '{name}' with shape {is:?}, but the graph wants {wanted:?}; the two come from \
         different modules"
    ))
}
