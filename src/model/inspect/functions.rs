//! Checks of the functions that a graph may bring along. TensorFlow follows calls recursively, so
//! endless ones would crash the process.

use crate::proto::{FunctionDef, GraphDef, NodeDef, Value};
use crate::text::grouped;
use std::collections::HashMap;

/// How deep calls may nest.
const DEEPEST: usize = 32;
/// The most nodes there may be once every call is expanded.
const MOST_NODES: u32 = 1 << 20;

/// Checks that every call ends, and that expanding all of them gives at most [`MOST_NODES`].
pub(in crate::model) fn check_functions(graph: &GraphDef) -> Result<(), String> {
    let functions = graph.library.function.iter().map(|f| (f.signature.name.as_str(), f)).collect();
    let mut library = Library { functions, known: HashMap::new() };
    // TensorFlow also imports functions that are never called.
    let mut total = 0;
    for function in &graph.library.function {
        total += library.expanded(&function.signature.name, 1)?.1;
    }
    for name in graph.node.iter().flat_map(called) {
        total += library.expanded(name, 1)?.1;
        if total > MOST_NODES.into() {
            return Err(format!(
                "calls functions ('{name}') that expand to more than the {} nodes supported",
                grouped(MOST_NODES)
            ));
        }
    }
    Ok(())
}

/// Whether a node is a call.
pub(in crate::model) fn is_call(graph: &GraphDef, node: &NodeDef) -> bool {
    let mut names = called(node);
    names.any(|name| {
        name != node.op || graph.library.function.iter().any(|f| f.signature.name == name)
    })
}

/// The functions a node may call: those in its attributes, and its op, which may be a function.
pub(super) fn called(node: &NodeDef) -> impl Iterator<Item = &str> {
    let given =
        node.attr.iter().filter_map(|a| a.value.as_ref()?.value.as_ref()).flat_map(|value| {
            match value {
                Value::Func(one) => std::slice::from_ref(one),
                Value::List(list) => &list.func,
                _ => &[],
            }
        });
    given.map(|f| f.name.as_str()).chain([node.op.as_str()])
}

struct Library<'g> {
    functions: HashMap<&'g str, &'g FunctionDef>,
    /// For each function, how deep its calls nest and how many nodes it expands to.
    known: HashMap<&'g str, (usize, u64)>,
}

impl<'g> Library<'g> {
    fn expanded(&mut self, name: &str, depth: usize) -> Result<(usize, u64), String> {
        if let Some(&known) = self.known.get(name) {
            return Ok(known);
        }
        let Some((&name, &function)) = self.functions.get_key_value(name) else {
            return Ok((0, 0));
        };
        let endless = || {
            format!(
                "holds the function '{name}', which calls itself or nests calls more than \
                 {DEEPEST} deep"
            )
        };
        if depth > DEEPEST {
            return Err(endless());
        }
        let (mut deepest, mut nodes) = (0, function.node_def.len() as u64);
        for callee in function.node_def.iter().flat_map(called) {
            let (below, more) = self.expanded(callee, depth + 1)?;
            deepest = deepest.max(below);
            nodes = nodes.saturating_add(more);
        }
        if deepest >= DEEPEST {
            return Err(endless());
        }
        if nodes > MOST_NODES.into() {
            return Err(format!(
                "holds the function '{name}', which expands to more than the {} nodes supported",
                grouped(MOST_NODES)
            ));
        }
        self.known.insert(name, (deepest + 1, nodes));
        Ok((deepest + 1, nodes))
    }
}
