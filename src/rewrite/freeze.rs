//! Freezing: variables become constants, and nodes the result does not need are dropped.

use crate::error::{Error, Result};
use crate::proto::{self, GraphDef, InputRef, NodeDef, TensorProto};
use crate::tf::NamedTensor;
use std::collections::{HashMap, HashSet};

/// TensorFlow's function of the same name. Keeps the nodes `output` needs, in the graph's order,
/// and replaces each variable with a Const of the same name holding its value from `variables`.
/// Each ReadVariableOp becomes an Identity.
pub fn convert_variables_to_constants(
    graph: &GraphDef,
    output: &str,
    variables: &[NamedTensor],
) -> Result<GraphDef> {
    let needed = needed_nodes(graph, output)?;
    let variables: HashMap<&str, &TensorProto> =
        variables.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let node = graph.node.iter().filter(|n| needed.contains(n.name.as_str()));
    let node = node.map(|n| match variables.get(n.name.as_str()) {
        Some(value) => proto::constant(&n.name, (*value).clone()),
        None if n.op == "ReadVariableOp" => identity(n),
        None => n.clone(),
    });
    Ok(GraphDef { node: node.collect(), versions: graph.versions.clone(), ..GraphDef::default() })
}

/// The names of the nodes that the tensor `output` needs, including its own.
pub fn needed_nodes<'g>(graph: &'g GraphDef, output: &'g str) -> Result<HashSet<&'g str>> {
    let by_name: HashMap<&str, &NodeDef> =
        graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
    let mut needed = HashSet::new();
    let mut waiting = vec![InputRef::parse(output).node];
    while let Some(name) = waiting.pop() {
        if needed.insert(name) {
            let node = by_name
                .get(name)
                .ok_or_else(|| Error::graph(name, "is read but not in the graph"))?;
            waiting.extend(node.input.iter().map(|i| InputRef::parse(i).node));
        }
    }
    Ok(needed)
}

/// What a ReadVariableOp becomes when its variable is a constant.
fn identity(read: &NodeDef) -> NodeDef {
    let mut node = NodeDef {
        name: read.name.clone(),
        op: "Identity".into(),
        input: read.input.clone(),
        ..NodeDef::default()
    };
    if let Some(dtype) = read.attr_value("dtype") {
        node.set_attr("T", dtype.clone());
    }
    node
}
