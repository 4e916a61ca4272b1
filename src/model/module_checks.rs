//! What a module must be before it is run: broken ones, and those made to do harm, are to end in a message, not in
//! TensorFlow's memory or on the disk.

use crate::proto::{GraphDef, InputRef, NodeDef, TensorProto};
use crate::tf::{Graph, needed_nodes};

/// Pixels on a side: the largest networks for images take less than 1000.
const LARGEST_SIDE: i64 = 16_384;
/// Numbers in a feature vector: the largest networks give some 100,000 where nothing is pooled.
const MOST_FEATURES: i64 = 1 << 20;
/// Numbers in a constant, which may be written as one number for all: a file of 2 GiB holds no more floats.
const LARGEST_CONSTANT: i64 = 1 << 29;
/// Parts of the names of ops that touch files or more; features of images need none of them.
const FORBIDDEN: [&str; 9] =
    ["File", "Reader", "Save", "Restore", "Checkpoint", "PyFunc", "Dataset", "Rpc", "SummaryWriter"];

/// Height and width, where they are what an image can have.
pub(super) fn image_size(height: i64, width: i64) -> Result<(i32, i32), String> {
    let side = |side: i64| i32::try_from(side).ok().filter(|_| (1..=LARGEST_SIDE).contains(&side));
    match (side(height), side(width)) {
        (Some(height), Some(width)) => Ok((height, width)),
        _ => Err(format!("expects images of {width} × {height} pixels, which is absurd")),
    }
}

/// That the graph has the tensor that its signature names.
pub(super) fn has_tensor(graph: &GraphDef, tensor: &str) -> Result<(), String> {
    match graph.find(InputRef::parse(tensor).node) {
        Some(_) => Ok(()),
        None => Err(format!("has no tensor '{tensor}', which its signature names")),
    }
}

/// The length of the feature vector `tensor` of a graph that is fed at `input`.
pub(super) fn feature_count(graph: &GraphDef, input: &str, tensor: &str) -> Result<usize, String> {
    let imported = Graph::import(graph).map_err(|e| e.to_string())?;
    let needed = needed_nodes(graph, tensor).map_err(|e| e.to_string())?;
    if !needed.contains(input) {
        return Err("gives features that do not depend on the image".into());
    }
    let forbidden = |n: &&NodeDef| FORBIDDEN.iter().any(|part| n.op.contains(part)) && needed.contains(n.name.as_str());
    if let Some(node) = graph.node.iter().find(forbidden) {
        return Err(format!("runs the op {} ('{}'), which no feature needs and which may do harm", node.op, node.name));
    }
    let output = imported.output(tensor).map_err(|e| e.to_string())?;
    let dtype = output.operation.output_type(output.index as usize);
    if dtype != tensorflow::DataType::Float {
        return Err(format!("gives features of the type {dtype:?}; only Float is supported"));
    }
    let size = match imported.shape(tensor).as_deref() {
        Some(&[_, size]) if size > MOST_FEATURES => {
            return Err(format!("gives {size} features an image, which is absurd"));
        }
        Some(&[_, size]) if size > 0 => size as usize,
        _ => return Err("does not give a feature vector of known length; is it a feature_vector module?".into()),
    };
    if let Some(node) = graph.node.iter().find(|n| needed.contains(n.name.as_str()) && is_absurd_constant(n)) {
        return Err(format!(
            "holds the constant '{}' of more than {LARGEST_CONSTANT} numbers, which is absurd",
            node.name
        ));
    }
    Ok(size)
}

fn is_absurd_constant(node: &NodeDef) -> bool {
    let Ok(tensor) = node.tensor_attr("value") else { return false };
    let count = tensor.tensor_shape.dim.iter().try_fold(1i64, |count, dim| count.checked_mul(dim.size));
    count.is_none_or(|count| count > LARGEST_CONSTANT)
}

/// That a variable's value has the shape that its node says.
pub(super) fn is_of_shape(variable: &NodeDef, value: &TensorProto) -> Result<(), String> {
    let Some(wanted) = variable.shape_attr("shape") else { return Ok(()) };
    let is: Vec<i64> = value.tensor_shape.dim.iter().map(|d| d.size).collect();
    if is.len() == wanted.len() && is.iter().zip(&wanted).all(|(is, wanted)| *wanted < 0 || is == wanted) {
        return Ok(());
    }
    let name = &variable.name;
    Err(format!("holds '{name}' of the shape {is:?}, but the graph wants {wanted:?}; the two are not of one module"))
}
