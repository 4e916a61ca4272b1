//! The ops that answer otherwise each time.

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
/// it.)
fn draws(op: &str) -> bool {
    let prepares = op.contains("RandomGet") || op.ends_with("Grad");
    !prepares && RANDOM.iter().any(|part| op.contains(part))
}

/// A node that makes what is computed of it noise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RandomOp {
    /// Its name.
    pub(crate) node: String,
    /// Its type.
    pub(crate) op: String,
}

impl RandomOp {
    pub(super) fn of(node: &NodeDef) -> Self {
        Self { node: node.name.clone(), op: node.op.clone() }
    }

    /// Whether it draws the numbers that dropouts are decided by.
    pub(super) fn is_uniform(&self) -> bool {
        self.op.contains("RandomUniform")
    }

    /// Says that it is random. (Of a stateless op only one is the reason that has the same seed
    /// each time: otherwise what its seed is made of would be.)
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

/// The random ops of a graph, its functions among them.
pub(super) struct RandomOps<'g> {
    functions: HashSet<&'g str>,
}

impl<'g> RandomOps<'g> {
    /// Of that graph. From functions with a random op the way leads to those that call them.
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

    /// Whether a node is random, or calls what is; `condition` is its first input, where that is
    /// one known number.
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
