//! Checks of an unfamiliar graph before it runs, so that a broken or malicious one ends in a
//! message and not in a crash, exhausted memory or damaged files.

use super::functions::check_functions;
use super::view::data_inputs;
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, TensorProto, Value};
use crate::text::grouped;
use crate::tf::Graph;
use std::collections::{HashMap, HashSet};

/// The most pixels on a side. The largest image networks take fewer than 1000.
const LARGEST_SIDE: i64 = 16_384;
/// The most numbers in a bottleneck. The largest networks give some 100,000 without pooling.
pub(in crate::model) const MOST_FEATURES: i64 = 1 << 20;
/// The most numbers in a constant: as many floats as a file of 2 GiB can hold. (A constant may
/// claim more, because equal numbers are stored once.)
const LARGEST_CONSTANT: i64 = 1 << 29;
/// The most numbers that a layer computes for one image.
const LARGEST_LAYER: i64 = 1 << 29;
/// Parts of the names of ops that access files or the network, or run code. No image network needs
/// them.
const FORBIDDEN: [&str; 9] = [
    "File",
    "Reader",
    "Save",
    "Restore",
    "Checkpoint",
    "PyFunc",
    "Dataset",
    "Rpc",
    "SummaryWriter",
];

/// Checks the height and width of images.
///
/// # Errors
/// A message without the file.
pub(crate) fn image_size(height: i64, width: i64) -> Result<(i32, i32), String> {
    let side = |side: i64| i32::try_from(side).ok().filter(|_| (1..=LARGEST_SIDE).contains(&side));
    match (side(height), side(width)) {
        (Some(height), Some(width)) => Ok((height, width)),
        _ => Err(format!(
            "expects images of {width} × {height} pixels; sides of 1 to {} pixels are supported",
            grouped(LARGEST_SIDE)
        )),
    }
}

/// Checks a graph before TensorFlow imports it, which may already compute with constants to infer
/// shapes.
///
/// # Errors
/// A message without the file.
pub(crate) fn check_graph(graph: &GraphDef) -> Result<(), String> {
    check_functions(graph)?;
    check_constants(graph)?;
    check_windows(graph)?;
    check_enlarging(graph)
}

/// Checks the size of constants: of each, and the total of those stored in short form, whose size
/// the file does not bound.
fn check_constants(graph: &GraphDef) -> Result<(), String> {
    let mut all = 0i64;
    for node in &graph.node {
        let Ok(tensor) = node.tensor_attr("value") else { continue };
        let dims = &tensor.tensor_shape.dim;
        let count = dims.iter().try_fold(1i64, |count, dim| count.checked_mul(dim.size));
        let shorthand = if tensor.tensor_content.is_empty() { count } else { Some(0) };
        let sum = shorthand.and_then(|count| all.checked_add(count.max(0)));
        match (count, sum) {
            (Some(count), Some(sum)) if count.max(sum) <= LARGEST_CONSTANT => all = sum,
            _ => {
                let others = if all > 0 { " together with others" } else { "" };
                return Err(format!(
                    "holds the constant '{}', which{others} has more than the {} numbers supported",
                    node.name,
                    grouped(LARGEST_CONSTANT)
                ));
            }
        }
    }
    Ok(())
}

/// Checks that windows are no larger than images: pooling takes a step for each position in its
/// window, even outside the image.
fn check_windows(graph: &GraphDef) -> Result<(), String> {
    for node in &graph.node {
        for key in ["ksize", "strides", "dilations"] {
            let Some(Value::List(list)) = node.attr_value(key) else { continue };
            if let Some(size) = list.i.iter().find(|&&i| i > LARGEST_SIDE) {
                return Err(format!(
                    "holds the node '{}' with {key} of {size}; at most {} is supported",
                    node.name,
                    grouped(LARGEST_SIDE)
                ));
            }
        }
    }
    Ok(())
}

/// Ops that make a large tensor from a few numbers.
const ENLARGING: [&str; 4] = ["Fill", "BroadcastTo", "Tile", "Range"];

/// Checks that no constant asks for too large a tensor.
fn check_enlarging(graph: &GraphDef) -> Result<(), String> {
    let enlarging: Vec<&NodeDef> =
        graph.node.iter().filter(|n| ENLARGING.contains(&n.op.as_str())).collect();
    let read: HashSet<&str> =
        enlarging.iter().flat_map(|n| data_inputs(n)).map(|i| InputRef::parse(i).node).collect();
    for node in graph.node.iter().filter(|n| n.op == "Const" && read.contains(n.name.as_str())) {
        let numbers = node.tensor_attr("value").map(integers).unwrap_or_default();
        if is_too_large(&numbers) {
            return Err(format!(
                "holds the constant '{}' of {numbers:?}, which makes a tensor of more than the {} \
                 numbers supported",
                node.name,
                grouped(LARGEST_LAYER)
            ));
        }
    }
    Ok(())
}

/// The numbers of a tensor of a few integers; of any other tensor, none.
fn integers(tensor: &TensorProto) -> Vec<i64> {
    let bytes = &tensor.tensor_content[..];
    let wide = bytes.chunks_exact(8).filter_map(|b| Some(i64::from_le_bytes(b.try_into().ok()?)));
    let narrow =
        bytes.chunks_exact(4).filter_map(|b| Some(i32::from_le_bytes(b.try_into().ok()?).into()));
    match tensor.dtype.enum_value() {
        _ if bytes.len() > 128 => Vec::new(),
        Ok(DataType::DT_INT32) => {
            narrow.chain(tensor.int_val.iter().map(|&i| i.into())).take(16).collect()
        }
        Ok(DataType::DT_INT64) => wide.chain(tensor.int64_val.iter().copied()).take(16).collect(),
        _ => Vec::new(),
    }
}

/// Checks that the nodes between `input` and `output` only compute, and that no layer is too large.
///
/// # Errors
/// A message without the file.
pub(crate) fn check_part(
    graph: &Graph,
    graph_def: &GraphDef,
    input: &str,
    output: &str,
) -> Result<(), String> {
    let nodes: HashMap<&str, &NodeDef> =
        graph_def.node.iter().map(|n| (n.name.as_str(), n)).collect();
    let input = InputRef::parse(input).node;
    let mut seen = HashSet::from([input]);
    let mut open = vec![InputRef::parse(output).node];
    while let Some(name) = open.pop() {
        let Some(node) = nodes.get(name).filter(|_| seen.insert(name)) else { continue };
        if FORBIDDEN.iter().any(|part| node.op.contains(part)) {
            return Err(format!(
                "runs the op {} ('{name}'), which no image network needs and which could do harm",
                node.op
            ));
        }
        let read = data_inputs(node).chain([name]).filter(|t| InputRef::parse(t).node != input);
        if let Some((tensor, dims)) =
            read.filter_map(|t| Some((t, graph.shape(t)?))).find(|(_, dims)| is_too_large(dims))
        {
            return Err(format!(
                "computes '{tensor}' with shape {dims:?}, which has more than the {} numbers \
                 supported",
                grouped(LARGEST_LAYER)
            ));
        }
        open.extend(node.input.iter().map(|i| InputRef::parse(i).node));
    }
    Ok(())
}

/// Whether a tensor is too large. An unknown dimension, such as the number of images, counts as 1.
fn is_too_large(dims: &[i64]) -> bool {
    let count = dims.iter().filter(|&&d| d >= 0).try_fold(1i64, |count, &d| count.checked_mul(d));
    count.is_none_or(|count| count > LARGEST_LAYER)
}
