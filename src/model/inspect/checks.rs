//! What a graph of unknown make must be before it is run: a broken one, and one made to do harm, is
//! to end in a message, not in TensorFlow's memory or on the disk.

use super::functions::check_functions;
use super::view::data_inputs;
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, TensorProto, Value};
use crate::text::grouped;
use crate::tf::Graph;
use std::collections::{HashMap, HashSet};

/// Pixels on a side: the largest networks for images take less than 1000.
const LARGEST_SIDE: i64 = 16_384;
/// Numbers in a bottleneck: the largest networks give some 100,000 where nothing is pooled.
pub(in crate::model) const MOST_FEATURES: i64 = 1 << 20;
/// Numbers in a constant, which may be written as one number for all: a file of 2 GiB holds no more
/// floats.
const LARGEST_CONSTANT: i64 = 1 << 29;
/// Numbers that a layer gives for one image.
const LARGEST_LAYER: i64 = 1 << 29;
/// Parts of the names of ops that touch files or more; what images are made into needs none of
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

/// Height and width, where they are what an image can have.
pub(crate) fn image_size(height: i64, width: i64) -> Result<(i32, i32), String> {
    let side = |side: i64| i32::try_from(side).ok().filter(|_| (1..=LARGEST_SIDE).contains(&side));
    match (side(height), side(width)) {
        (Some(height), Some(width)) => Ok((height, width)),
        _ => Err(format!(
            "expects images of {width} × {height} pixels; from 1 to {} on a side are supported",
            grouped(LARGEST_SIDE)
        )),
    }
}

/// What is to be known before TensorFlow imports the graph, when it may compute with constants
/// already, to infer shapes.
pub(crate) fn check_graph(graph: &GraphDef) -> Result<(), String> {
    check_functions(graph)?;
    check_constants(graph)?;
    check_windows(graph)?;
    check_enlarging(graph)
}

/// That constants, each alone and all that are written in short together, have a size one can work
/// with.
fn check_constants(graph: &GraphDef) -> Result<(), String> {
    let mut all = 0i64;
    for node in &graph.node {
        let Ok(tensor) = node.tensor_attr("value") else { continue };
        let dims = &tensor.tensor_shape.dim;
        let count = dims.iter().try_fold(1i64, |count, dim| count.checked_mul(dim.size));
        let short = if tensor.tensor_content.is_empty() { count } else { Some(0) };
        let sum = short.and_then(|short| all.checked_add(short.max(0)));
        match (count, sum) {
            (Some(count), Some(sum)) if count.max(sum) <= LARGEST_CONSTANT => all = sum,
            _ => {
                let more = if all > 0 { ", with others," } else { "" };
                return Err(format!(
                    "holds the constant '{}'{more} of more than the {} numbers that are supported",
                    node.name,
                    grouped(LARGEST_CONSTANT)
                ));
            }
        }
    }
    Ok(())
}

/// That windows are no larger than images: pooling takes a step for each place of its window,
/// inside the image or not.
fn check_windows(graph: &GraphDef) -> Result<(), String> {
    for node in &graph.node {
        for key in ["ksize", "strides", "dilations"] {
            let Some(Value::List(list)) = node.attr_value(key) else { continue };
            if let Some(size) = list.i.iter().find(|&&i| i > LARGEST_SIDE) {
                return Err(format!(
                    "holds the node '{}' with {key} of {size}, more than the {} that are supported",
                    node.name,
                    grouped(LARGEST_SIDE)
                ));
            }
        }
    }
    Ok(())
}

/// Ops that make a large tensor of a few numbers.
const ENLARGING: [&str; 4] = ["Fill", "BroadcastTo", "Tile", "Range"];

/// That no constant asks for a tensor that is too large.
fn check_enlarging(graph: &GraphDef) -> Result<(), String> {
    let enlarging: Vec<&NodeDef> =
        graph.node.iter().filter(|n| ENLARGING.contains(&n.op.as_str())).collect();
    let read: HashSet<&str> =
        enlarging.iter().flat_map(|n| data_inputs(n)).map(|i| InputRef::parse(i).node).collect();
    for node in graph.node.iter().filter(|n| n.op == "Const" && read.contains(n.name.as_str())) {
        let numbers = node.tensor_attr("value").map(integers).unwrap_or_default();
        if is_too_large(&numbers) {
            return Err(format!(
                "holds the constant '{}' of {numbers:?}, by which a tensor would hold more than the \
                 {} numbers that are supported",
                node.name,
                grouped(LARGEST_LAYER)
            ));
        }
    }
    Ok(())
}

/// The numbers of a short tensor of integers.
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

/// That the part between `input` and `output` does nothing but compute, and of layers that have a
/// size.
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
                "runs the op {} ('{name}'), which no image needs and which may do harm",
                node.op
            ));
        }
        let read = data_inputs(node).chain([name]).filter(|t| InputRef::parse(t).node != input);
        if let Some((tensor, dims)) =
            read.filter_map(|t| Some((t, graph.shape(t)?))).find(|(_, dims)| is_too_large(dims))
        {
            return Err(format!(
                "computes '{tensor}' of the shape {dims:?}, which holds more than the {} numbers that \
                 are supported",
                grouped(LARGEST_LAYER)
            ));
        }
        open.extend(node.input.iter().map(|i| InputRef::parse(i).node));
    }
    Ok(())
}

/// Whether a tensor is too large, for one image if for any number.
fn is_too_large(dims: &[i64]) -> bool {
    let count = dims.iter().filter(|&&d| d >= 0).try_fold(1i64, |count, &d| count.checked_mul(d));
    count.is_none_or(|count| count > LARGEST_LAYER)
}
