//! Turns a graph that takes one image into one that takes a batch, for computing bottlenecks only:
//! exported and displayed graphs stay as published. Callers compare the result with the original
//! before they use it.

use crate::images::PixelSpec;
use crate::proto::{GraphDef, InputRef, NodeDef, Value, shape};
use std::collections::{HashMap, HashSet};

/// The part of `graph` between the tensors `input` and `bottleneck`, with a free batch dimension:
/// `input` becomes a placeholder of shape [−1, height, width, depth], and constant shapes [1, …]
/// that only Reshape reads become [−1, …]. Everything else is left alone.
#[must_use]
pub fn free_batch(graph: &GraphDef, input: &str, bottleneck: &str, spec: &PixelSpec) -> GraphDef {
    let input = InputRef::parse(input).node;
    let mut part = between(graph, input, InputRef::parse(bottleneck).node);
    if let Some(node) = part.node.iter_mut().find(|n| n.name == input) {
        *node = placeholder(node, spec);
    }
    free_shapes(&mut part);
    part
}

/// Constant shapes [1, …] that only Reshape reads become [−1, …].
pub(super) fn free_shapes(graph: &mut GraphDef) {
    let read_elsewhere = nodes_read_elsewhere(graph);
    let is_shape = |n: &NodeDef| is_shape_of_one(n) && !read_elsewhere.contains(n.name.as_str());
    let shapes: Vec<usize> = (0..graph.node.len()).filter(|&i| is_shape(&graph.node[i])).collect();
    for i in shapes {
        free_first_dimension(&mut graph.node[i]);
    }
}

/// The nodes that `output` needs, down to `input`, in the graph's order.
fn between(graph: &GraphDef, input: &str, output: &str) -> GraphDef {
    let nodes: HashMap<&str, &NodeDef> = graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
    let mut needed = HashSet::new();
    let mut open = vec![output];
    while let Some(name) = open.pop() {
        let Some(node) = nodes.get(name) else { continue };
        if needed.insert(name) && name != input {
            open.extend(node.input.iter().map(|i| InputRef::parse(i).node));
        }
    }
    let node = graph.node.iter().filter(|n| needed.contains(n.name.as_str())).cloned();
    GraphDef { node: node.collect(), versions: graph.versions.clone(), ..GraphDef::default() }
}

fn placeholder(input: &NodeDef, spec: &PixelSpec) -> NodeDef {
    let dtype = input.attr_value("dtype").or_else(|| input.attr_value("T")).cloned();
    let mut node =
        NodeDef { name: input.name.clone(), op: "Placeholder".into(), ..NodeDef::default() };
    if let Some(dtype) = dtype {
        node.set_attr("dtype", dtype);
    }
    let dims = [-1, spec.height, spec.width, spec.depth].map(i64::from);
    node.set_attr("shape", Value::Shape(shape(&dims)));
    node
}

/// Whether a node is a constant [1, a, …] of two or more positive numbers.
fn is_shape_of_one(node: &NodeDef) -> bool {
    int_vector(node)
        .is_some_and(|dims| dims.len() > 1 && dims[0] == 1 && dims.iter().all(|&d| d > 0))
}

/// The nodes that are read as anything but the shape of a Reshape.
fn nodes_read_elsewhere(graph: &GraphDef) -> HashSet<&str> {
    let read = graph.node.iter().flat_map(|reader| {
        let others = reader
            .input
            .iter()
            .enumerate()
            .filter(|(place, _)| reader.op != "Reshape" || *place != 1);
        others.map(|(_, input)| InputRef::parse(input).node)
    });
    read.collect()
}

/// The values of a Const that is an int32 vector.
fn int_vector(node: &NodeDef) -> Option<Vec<i32>> {
    let tensor = node.tensor_attr("value").ok().filter(|_| node.op == "Const")?;
    let [dim] = &tensor.tensor_shape.dim[..] else { return None };
    if tensor.dtype.enum_value_or_default() != crate::proto::DataType::DT_INT32 {
        return None;
    }
    let bytes =
        tensor.tensor_content.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let values = if tensor.int_val.is_empty() { bytes.collect() } else { tensor.int_val.clone() };
    (values.len() as i64 == dim.size).then_some(values)
}

fn free_first_dimension(node: &mut NodeDef) {
    let Some(mut values) = int_vector(node) else { return };
    values[0] = -1;
    if let Ok(tensor) = node.tensor_attr("value") {
        let mut tensor = tensor.clone();
        tensor.tensor_content.clear();
        tensor.int_val = values;
        node.set_attr("value", Value::Tensor(tensor));
    }
}
