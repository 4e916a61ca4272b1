//! The network as it is used to compute bottlenecks: the same function of the pixels in fewer,
//! larger ops. What is exported and shown is never rewritten, and whoever uses the outcome compares
//! it with the published graph first.
//!
//! | step | what | where |
//! |---|---|---|
//! | 1 | Identity, CheckNumerics and unfed PlaceholderWithDefault are passed by | here |
//! | 2 | batch normalisation becomes part of the convolution, and constants are folded | [`fold_batch_norms`] |
//! | 3 | the batch dimension is freed, what nothing needs is dropped | [`free_batch`] |
//! | 4 | convolution, bias and activation become one op | [`fuse`] |
//!
//! What a step does not understand it leaves as it is.

use super::fold::fold_batch_norms;
use super::free_batch::free_batch;
use super::pixels::PixelSpec;
use crate::proto::attr_value::ListValue;
use crate::proto::{GraphDef, InputRef, NodeDef, Value};
use std::collections::HashMap;

/// Steps 1 to 3, for the part between the tensors `input` and `output`.
#[must_use]
pub fn optimize(graph: &GraphDef, input: &str, output: &str, spec: &PixelSpec) -> GraphDef {
    let passed = pass_by(graph, &[InputRef::parse(input).node, InputRef::parse(output).node]);
    free_batch(&fold_batch_norms(&passed, InputRef::parse(output).node), input, output, spec)
}

/// Ops whose output is their input. (PlaceholderWithDefault: where nothing is fed to it, as between
/// the network of a retrained graph and its new layer.)
const TRIVIAL: [&str; 4] = ["Identity", "CheckNumerics", "StopGradient", "PlaceholderWithDefault"];

/// Whoever reads a trivial op reads its input instead, and nobody waits for one. `keep` are left
/// alone.
fn pass_by(graph: &GraphDef, keep: &[&str]) -> GraphDef {
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

/// Where a chain of passed nodes leads. `ends` keeps what is known of them: chains may be long, and
/// read at every node.
fn end<'g>(
    input: &str,
    passed: &HashMap<&'g str, &'g str>,
    ends: &mut HashMap<&'g str, &'g str>,
) -> String {
    let mut way = Vec::new();
    let mut at = None;
    // As many steps as there are nodes: more would be a loop.
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

/// Step 4. The fused ops are TensorFlow's own, the ones its graph optimizer makes; not every build
/// has them all.
#[must_use]
pub fn fuse(graph: &GraphDef, output: &str) -> GraphDef {
    let output = InputRef::parse(output).node;
    let mut readers: HashMap<&str, Vec<&NodeDef>> = HashMap::new();
    for node in &graph.node {
        node.input
            .iter()
            .for_each(|i| readers.entry(InputRef::parse(i).node).or_default().push(node));
    }
    // The one node that reads this one.
    let next = |node: &NodeDef, ops: &[&str]| match readers
        .get(node.name.as_str())
        .map(Vec::as_slice)
    {
        Some(&[reader]) if ops.contains(&reader.op.as_str()) && node.name != output => Some(reader),
        _ => None,
    };
    let mut fused: HashMap<&str, NodeDef> = HashMap::new();
    for conv in &graph.node {
        let op = match conv.op.as_str() {
            "Conv2D" => "_FusedConv2D",
            "DepthwiseConv2dNative" => "_FusedDepthwiseConv2dNative",
            _ => continue,
        };
        let Some(bias) =
            next(conv, &["BiasAdd"]).filter(|b| b.input.len() == 2 && b.input[0] == conv.name)
        else {
            continue;
        };
        let last = next(bias, &["Relu", "Relu6", "Elu"]).unwrap_or(bias);
        let ops = if last.name == bias.name {
            vec!["BiasAdd"]
        } else {
            vec!["BiasAdd", last.op.as_str()]
        };
        let mut node = NodeDef {
            name: last.name.clone(),
            op: op.into(),
            input: conv.input.clone(),
            ..NodeDef::default()
        };
        node.input.push(bias.input[1].clone());
        let kept = ["T", "strides", "padding", "data_format", "dilations", "explicit_paddings"];
        node.attr = conv.attr.iter().filter(|a| kept.contains(&a.key.as_str())).cloned().collect();
        node.set_attr(
            "fused_ops",
            Value::List(ListValue {
                s: ops.iter().map(|op| op.as_bytes().to_vec()).collect(),
                ..Default::default()
            }),
        );
        node.set_attr("num_args", Value::I(1));
        if op == "_FusedConv2D" {
            let types = ListValue {
                type_: vec![crate::proto::DataType::DT_FLOAT as i32],
                ..Default::default()
            };
            node.set_attr("TArgs", Value::List(types));
        }
        fused.insert(&last.name, node);
    }
    let mut rewritten = graph.clone();
    for node in &mut rewritten.node {
        if let Some(fused) = fused.remove(node.name.as_str()) {
            *node = fused;
        }
    }
    rewritten
}
