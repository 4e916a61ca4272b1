//! A second copy of a network in the same graph, fed by another tensor. Weights are shared; the
//! first copy stays as it is.

use super::free_batch::free_shapes;
use crate::proto::{GraphDef, InputRef, NodeDef};
use std::collections::{HashMap, HashSet};

/// Adds to `graph` a copy of all nodes between the tensors `input` and `output`, with `pixels` in
/// place of `input`, that takes any number of images: their names get the prefix `scope`. Returns
/// the copy's output.
pub fn copy_network(
    graph: &mut GraphDef,
    [input, output]: [&str; 2],
    pixels: &str,
    scope: &str,
) -> String {
    let input = InputRef::parse(input);
    let mut copy = part(graph, input.node, InputRef::parse(output).node);
    free_shapes(&mut copy);
    let copied: HashSet<String> = copy.node.iter().map(|n| n.name.clone()).collect();
    let renamed = |name: &str| format!("{scope}/{name}");
    for node in &mut copy.node {
        node.name = renamed(&node.name);
        for read in &mut node.input {
            let from = InputRef::parse(read);
            if from == input {
                pixels.clone_into(read);
            } else if copied.contains(from.node) {
                *read =
                    if from.control { format!("^{}", renamed(from.node)) } else { renamed(read) };
            }
        }
        pass_on_default(node);
    }
    graph.node.extend(copy.node);
    renamed(output)
}

/// The nodes between `input` (without it) and `output`, and the shapes that Reshape ops among them
/// read, in the graph's order.
fn part(graph: &GraphDef, input: &str, output: &str) -> GraphDef {
    let nodes: HashMap<&str, &NodeDef> = graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
    let mut readers: HashMap<&str, Vec<&str>> = HashMap::new();
    for node in &graph.node {
        for read in &node.input {
            readers.entry(InputRef::parse(read).node).or_default().push(&node.name);
        }
    }
    let behind = reached(input, |name| readers.get(name).cloned().unwrap_or_default());
    let reads = |name: &str| -> Vec<&str> {
        let node = nodes.get(name).filter(|_| name != input);
        node.iter().flat_map(|n| &n.input).map(|i| InputRef::parse(i).node).collect()
    };
    let needed = reached(output, reads);
    let between = |name: &str| name != input && behind.contains(name) && needed.contains(name);
    let reshapes = graph.node.iter().filter(|n| n.op == "Reshape" && between(&n.name));
    let shapes: HashSet<&str> = reshapes
        .filter_map(|n| Some(InputRef::parse(n.input.get(1)?).node))
        .filter(|shape| nodes.get(shape).is_some_and(|n| n.op == "Const"))
        .collect();
    let node = graph.node.iter().filter(|n| between(&n.name) || shapes.contains(n.name.as_str()));
    GraphDef { node: node.cloned().collect(), ..GraphDef::default() }
}

/// All nodes to which `next` leads from `start`.
fn reached<'g>(start: &'g str, next: impl Fn(&'g str) -> Vec<&'g str>) -> HashSet<&'g str> {
    let mut reached = HashSet::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(next(name));
        }
    }
    reached
}

/// Nothing is fed into the copy: a PlaceholderWithDefault in it is an Identity, of any shape.
fn pass_on_default(node: &mut NodeDef) {
    if node.op == "PlaceholderWithDefault" {
        let dtype = node.attr_value("dtype").cloned();
        node.op = "Identity".into();
        node.attr.clear();
        if let Some(dtype) = dtype {
            node.set_attr("T", dtype);
        }
    }
}
