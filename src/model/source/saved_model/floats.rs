//! Gives a frozen graph 32-bit float pixels and numbers, as the rest of the program takes them.
//!
//! Half precision (bfloat16 or float16) is computed in 32 bits instead: that is faster on a
//! processor and at least as exact. An input of whole numbers takes floats, which are rounded where
//! the graph does more with them than turning them into floats.

use super::wanted::Convention;
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, TensorProto, Value};
use crate::tf::GraphBuilder;

const HALVES: [DataType; 2] = [DataType::DT_BFLOAT16, DataType::DT_HALF];

/// Changes the types. Returns what was changed, a sentence each.
pub(super) fn to_floats(
    graph: &mut GraphDef,
    input: &str,
    convention: &mut Convention,
) -> Vec<String> {
    let mut changes = Vec::new();
    if graph.node.iter_mut().map(widen).fold(false, |any, changed| any | changed) {
        changes.push("half-precision numbers are computed in 32 bits".into());
    }
    if let Some(dtype) = take_floats(graph, input) {
        *convention = Convention::Bytes;
        changes.push(format!("'{input}', of type {dtype:?}, is fed 32-bit floats"));
    }
    graph.node.iter_mut().for_each(skip_cast);
    changes
}

/// Turns half precision in a node's attributes into floats. Returns whether there was any.
fn widen(node: &mut NodeDef) -> bool {
    let mut changed = false;
    for value in node.attr.iter_mut().filter_map(|a| a.value.as_mut()?.value.as_mut()) {
        match value {
            Value::Type(t) if t.enum_value().is_ok_and(|t| HALVES.contains(&t)) => {
                *t = DataType::DT_FLOAT.into();
                changed = true;
            }
            Value::List(list) => {
                for t in &mut list.type_ {
                    if HALVES.iter().any(|half| *half as i32 == *t) {
                        *t = DataType::DT_FLOAT as i32;
                        changed = true;
                    }
                }
            }
            Value::Tensor(tensor) => changed |= widen_tensor(tensor),
            _ => {}
        }
    }
    changed
}

fn widen_tensor(tensor: &mut TensorProto) -> bool {
    let wide: fn(u16) -> f32 = match tensor.dtype.enum_value() {
        Ok(DataType::DT_BFLOAT16) => |bits| f32::from_bits(u32::from(bits) << 16),
        Ok(DataType::DT_HALF) => half,
        _ => return false,
    };
    tensor.dtype = DataType::DT_FLOAT.into();
    tensor.float_val = tensor.half_val.drain(..).map(|bits| wide(bits as u16)).collect();
    let content = tensor.tensor_content.chunks_exact(2);
    let content = content.flat_map(|b| wide(u16::from_le_bytes([b[0], b[1]])).to_le_bytes());
    tensor.tensor_content = content.collect();
    true
}

/// The number that 16 bits stand for in IEEE's half precision.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

/// Lets the placeholder `input` of whole numbers take floats. Returns its type.
fn take_floats(graph: &mut GraphDef, input: &str) -> Option<DataType> {
    let placeholder = graph.node.iter_mut().find(|n| n.name == input && n.op == "Placeholder")?;
    let dtype = placeholder.type_attr("dtype").ok()?;
    if !matches!(dtype, DataType::DT_UINT8 | DataType::DT_INT32 | DataType::DT_INT64) {
        return None;
    }
    placeholder.set_attr("dtype", Value::Type(DataType::DT_FLOAT.into()));
    let mut names = GraphBuilder::on(graph);
    let [rounded, whole] = ["rounded", "whole"].map(|n| names.unique_name(&format!("{input}/{n}")));
    let reads = |name: &str| InputRef::parse(name).node == input && !name.starts_with('^');
    let mut is_read_whole = false;
    for node in graph.node.iter_mut().filter(|n| n.input.iter().any(|i| reads(i))) {
        let is_to_floats = node.type_attr("DstT").is_ok_and(|t| t == DataType::DT_FLOAT);
        match node.op.as_str() {
            "Cast" if is_to_floats => node.set_attr("SrcT", Value::Type(DataType::DT_FLOAT.into())),
            "Shape" => node.set_attr("T", Value::Type(DataType::DT_FLOAT.into())),
            _ => {
                node.input.iter_mut().filter(|i| reads(i)).for_each(|i| i.clone_from(&whole));
                is_read_whole = true;
            }
        }
    }
    if is_read_whole {
        let mut round = NodeDef { name: rounded.clone(), op: "Round".into(), ..NodeDef::default() };
        round.input.push(input.to_owned());
        round.set_attr("T", Value::Type(DataType::DT_FLOAT.into()));
        let mut cast = NodeDef { name: whole, op: "Cast".into(), ..NodeDef::default() };
        cast.input.push(rounded);
        cast.set_attr("SrcT", Value::Type(DataType::DT_FLOAT.into()));
        cast.set_attr("DstT", Value::Type(dtype.into()));
        let after = graph.node.iter().position(|n| n.name == input).map_or(0, |at| at + 1);
        graph.node.splice(after..after, [round, cast]);
    }
    Some(dtype)
}

/// A cast from floats to floats does nothing.
fn skip_cast(node: &mut NodeDef) {
    let is_float = |key| node.type_attr(key).is_ok_and(|t| t == DataType::DT_FLOAT);
    if node.op == "Cast" && is_float("SrcT") && is_float("DstT") {
        node.op = "Identity".into();
        node.attr.clear();
        node.set_attr("T", Value::Type(DataType::DT_FLOAT.into()));
    }
}
