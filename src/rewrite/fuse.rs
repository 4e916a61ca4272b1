//! Fuses convolution, bias and activation into one op.

use crate::proto::attr_value::ListValue;
use crate::proto::{GraphDef, InputRef, NodeDef, Value};
use std::collections::HashMap;

/// Step 4. Makes the same fused ops as TensorFlow's own graph optimizer. Some builds of TensorFlow
/// lack some of them.
#[must_use]
pub fn fuse(graph: &GraphDef, output: &str) -> GraphDef {
    let output = InputRef::parse(output).node;
    let mut readers: HashMap<&str, Vec<&NodeDef>> = HashMap::new();
    for node in &graph.node {
        node.input
            .iter()
            .for_each(|i| readers.entry(InputRef::parse(i).node).or_default().push(node));
    }
    // The only reader of a node, if it is one of `ops`.
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
