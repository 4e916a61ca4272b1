//! What TensorFlow says about ops: the places of their named outputs, and their attributes'
//! defaults. And which ops cannot be frozen, and why.

use crate::proto::{NodeDef, OpDef, Value, op_def::ArgDef};
use crate::tf::Graph;
use protobuf::Message;
use std::collections::HashMap;

/// Parts of the names of ops that cannot become a plain graph, and what they are.
const REFUSED: [(&str, &str); 18] = [
    ("While", "a loop"),
    ("For", "a loop"),
    ("Enter", "a loop"),
    ("Exit", "a loop"),
    ("NextIteration", "a loop"),
    ("Switch", "a branch that depends on data"),
    ("Merge", "a branch that depends on data"),
    ("PyFunc", "a call of Python"),
    ("HashTable", "a table"),
    ("LookupTable", "a table"),
    ("TensorList", "a list of tensors"),
    ("TensorArray", "a list of tensors"),
    ("Assign", "a change of a variable"),
    ("Scatter", "a change of a variable"),
    ("ResourceApply", "a change of a variable"),
    ("ResourceGather", "a lookup in a variable"),
    ("Iterator", "a data set"),
    ("XlaCallModule", "compiled code"),
];

/// Ops whose names contain one of those parts but that only compute.
const ALLOWED: [&str; 6] = [
    "ScatterNd",
    "TensorScatterUpdate",
    "TensorScatterAdd",
    "TensorScatterSub",
    "TensorScatterMax",
    "TensorScatterMin",
];

/// What an op does that cannot be frozen, if so.
pub(super) fn refused(op: &str) -> Option<&'static str> {
    let is = |part: &str| if part == "For" { op == part } else { op.contains(part) };
    let found = REFUSED.iter().find(|(part, _)| is(part)).filter(|_| !ALLOWED.contains(&op));
    found.map(|(_, what)| *what)
}

/// The loaded TensorFlow's ops, described on demand.
#[derive(Default)]
pub(super) struct Ops {
    graph: Graph,
    known: HashMap<String, Option<OpDef>>,
}

impl Ops {
    fn get(&mut self, op: &str) -> Option<&OpDef> {
        if !self.known.contains_key(op) {
            let described = self.graph.op_def(op).ok();
            let parsed = described.and_then(|bytes| OpDef::parse_from_bytes(&bytes).ok());
            self.known.insert(op.to_owned(), parsed);
        }
        self.known.get(op)?.as_ref()
    }

    /// Whether TensorFlow has this op.
    pub(super) fn has(&mut self, op: &str) -> bool {
        self.get(op).is_some()
    }

    /// The place among a node's outputs of number `index` of its output `name`.
    pub(super) fn output(&mut self, node: &NodeDef, name: &str, index: usize) -> Option<usize> {
        let outputs = &self.get(&node.op)?.output_arg;
        let place = outputs.iter().position(|arg| arg.name == name)?;
        let before = outputs[..place]
            .iter()
            .try_fold(0usize, |sum, arg| sum.checked_add(width(node, arg)?))?;
        (index < width(node, &outputs[place])?).then_some(before.checked_add(index)?)
    }

    /// Removes attributes that only help the program that made them, and those at their default:
    /// an older TensorFlow may not know them.
    pub(super) fn strip(&mut self, node: &mut NodeDef) {
        let Some(known) = self.get(&node.op) else { return };
        let defaults: HashMap<&str, &Value> = known
            .attr
            .iter()
            .filter_map(|a| Some((a.name.as_str(), a.default_value.as_ref()?.value.as_ref()?)))
            .collect();
        node.attr.retain(|attr| {
            let value = attr.value.as_ref().and_then(|v| v.value.as_ref());
            let is_default = value.is_some() && defaults.get(attr.key.as_str()).copied() == value;
            !attr.key.starts_with('_') && !is_default
        });
        node.attr.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

/// How many tensors an output is.
fn width(node: &NodeDef, arg: &ArgDef) -> Option<usize> {
    if !arg.type_list_attr.is_empty() {
        let Some(Value::List(list)) = node.attr_value(&arg.type_list_attr) else { return None };
        return Some(list.type_.len());
    }
    if arg.number_attr.is_empty() {
        return Some(1);
    }
    match node.attr_value(&arg.number_attr) {
        Some(Value::I(number)) => usize::try_from(*number).ok(),
        _ => None,
    }
}
