//! Bypasses ops that do nothing: their readers read their input instead.

use crate::proto::{GraphDef, InputRef, NodeDef};
use std::collections::HashMap;

/// Ops whose output is their input. PlaceholderWithDefault is one while nothing is fed to it, as
/// between the network of a retrained graph and its new layer.
const TRIVIAL: [&str; 4] = ["Identity", "CheckNumerics", "StopGradient", "PlaceholderWithDefault"];

/// Connects the readers of trivial ops to the inputs of those ops and drops control dependencies on
/// them. The nodes in `keep` are left alone.
pub(super) fn pass_by(graph: &GraphDef, keep: &[&str]) -> GraphDef {
    let trivial =
        |n: &&NodeDef| TRIVIAL.contains(&n.op.as_str()) && !keep.contains(&n.name.as_str());
    let passed: HashMap<&str, &str> = graph
        .node
        .iter()
        .filter(trivial)
        .filter_map(|n| Some((n.name.as_str(), n.input.first()?.as_str())))
        .collect();
    let mut ends = HashMap::new();
    let mut rewritten = graph.clone();
    for node in &mut rewritten.node {
        node.input.retain(|i| !i.starts_with('^') || !passed.contains_key(&i[1..]));
        node.input.iter_mut().for_each(|i| *i = end(i, &passed, &mut ends));
    }
    rewritten
}

/// Where a chain of bypassed nodes leads. `ends` remembers the answers: a chain may be long and
/// read at every node.
fn end<'g>(
    input: &str,
    passed: &HashMap<&'g str, &'g str>,
    ends: &mut HashMap<&'g str, &'g str>,
) -> String {
    let mut way = Vec::new();
    let mut at = None;
    // More steps than nodes would mean a loop.
    while way.len() < passed.len() {
        let name = InputRef::parse(at.unwrap_or(input)).node;
        let Some((&name, &next)) = passed.get_key_value(name) else { break };
        way.push(name);
        at = Some(next);
        if let Some(&end) = ends.get(name) {
            at = Some(end);
            break;
        }
    }
    let Some(end) = at else { return input.to_owned() };
    ends.extend(way.into_iter().map(|name| (name, end)));
    end.to_owned()
}
