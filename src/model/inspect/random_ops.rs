//! Ops that draw random numbers, in a graph and in its functions.

use super::functions::called;
use crate::proto::{GraphDef, NodeDef, Value};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// Parts of the names of ops that draw random numbers.
const RANDOM: [&str; 12] = [
    "Random",
    "Multinomial",
    "TruncatedNormal",
    "StandardNormal",
    "StatefulUniform",
    "StatelessShuffle",
    "SampleDistortedBoundingBox",
    "CandidateSampler",
    "FractionalAvgPool",
    "FractionalMaxPool",
    "NonDeterministicInts",
    "Rng",
];

/// Whether an op draws random numbers. (`StatelessRandomGetKeyCounter` and the like only prepare
/// to.)
pub(super) fn draws(op: &str) -> bool {
    let prepares = op.contains("RandomGet") || op.ends_with("Grad");
    !prepares && RANDOM.iter().any(|part| op.contains(part))
}

/// A random node: whatever is computed from it depends on noise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RandomOp {
    /// The node's name.
    pub(crate) node: String,
    /// The type of its op.
    pub(crate) op: String,
}

impl RandomOp {
    pub(super) fn of(node: &NodeDef) -> Self {
        Self { node: node.name.clone(), op: node.op.clone() }
    }

    /// Whether it draws uniform numbers, as dropout does.
    pub(super) fn is_uniform(&self) -> bool {
        self.op.contains("RandomUniform")
    }

    /// Says that it is random. A stateless op is only ever named if its seed is constant: otherwise
    /// the op that draws the seed is named.
    pub(crate) fn sentence(&self) -> String {
        let repeats = self.op.starts_with("Stateless") && draws(&self.op);
        let seed = if repeats { ", with the same seed in each run" } else { "" };
        format!("{self} is random{seed}")
    }
}

impl fmt::Display for RandomOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' ({})", self.node, self.op)
    }
}

/// Knows the random ops of a graph and those of its functions that contain any.
pub(super) struct RandomOps<'g> {
    functions: HashSet<&'g str>,
}

impl<'g> RandomOps<'g> {
    /// Finds the functions that draw random numbers themselves or call others that do.
    pub(super) fn of(graph: &'g GraphDef) -> Self {
        let mut callers: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut open = Vec::new();
        for function in &graph.library.function {
            let name = function.signature.name.as_str();
            if function.node_def.iter().any(|n| draws(&n.op)) {
                open.push(name);
            }
            for callee in function.node_def.iter().flat_map(called) {
                callers.entry(callee).or_default().push(name);
            }
        }
        let mut functions = HashSet::new();
        while let Some(name) = open.pop() {
            if functions.insert(name) {
                open.extend(callers.get(name).into_iter().flatten());
            }
        }
        Self { functions }
    }

    /// Whether a node is random or calls a function that is; `condition` is the value of its first
    /// input, if that is known.
    pub(super) fn has(&self, node: &NodeDef, condition: Option<f32>) -> bool {
        if draws(&node.op) {
            return true;
        }
        if self.functions.is_empty() {
            return false;
        }
        let branch = match (node.op.as_str(), condition) {
            ("If" | "StatelessIf", Some(0.0)) => "else_branch",
            ("If" | "StatelessIf", Some(_)) => "then_branch",
            _ => return called(node).any(|f| self.functions.contains(f)),
        };
        match node.attr_value(branch) {
            Some(Value::Func(f)) => self.functions.contains(f.name.as_str()),
            _ => false,
        }
    }
}
