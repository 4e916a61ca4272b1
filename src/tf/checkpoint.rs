//! Checkpoints in TensorFlow's V2 format (`PREFIX.index`, `PREFIX.data-00000-of-00001`), through
//! its own SaveV2 and RestoreV2.

use super::graph::Graph;
use super::session::{Session, Threads};
use super::{Bytes, GraphBuilder, Tensor};
use crate::error::{Error, Result};
use crate::fsio;
use crate::proto::{DataType, GraphDef, TensorProto, Value, attr_value};
use protobuf::Message;
use std::path::Path;
use tensorflow::SessionRunArgs;

/// A variable's name in a checkpoint, and its value.
pub type NamedTensor = (String, TensorProto);

fn prefix_text(prefix: &Path) -> Result<String> {
    let text = fsio::long(prefix).to_str().map(str::to_owned);
    text.ok_or_else(|| Error::input(prefix, "is not valid UTF-8, which TensorFlow needs here"))
}

/// Reads the named variables, each with its type.
///
/// # Errors
/// If the checkpoint is missing, damaged, or lacks a variable of that name and type.
pub fn read_checkpoint(
    prefix: &Path,
    variables: &[(String, DataType)],
) -> Result<Vec<NamedTensor>> {
    let mut b = GraphBuilder::default();
    let types = variables.iter().map(|v| v.1);
    let names: Vec<&str> = variables.iter().map(|v| v.0.as_str()).collect();
    let file = b.string("prefix", &prefix_text(prefix)?);
    let restored = add_restore(&mut b, "RestoreV2", &file, &names, types);
    // Serialized in the graph, so that results have one type whatever the variables' types.
    let outputs: Vec<String> = variables
        .iter()
        .enumerate()
        .map(|(i, v)| {
            b.op("SerializeTensor", "value")
                .input(format!("{restored}:{i}"))
                .type_attr("T", v.1)
                .finish()
        })
        .collect();
    let graph = Graph::import(&GraphDef { node: b.take_nodes(), ..GraphDef::default() })?;
    let session = Session::new(&graph, Threads { intra_op: 1, inter_op: 1 })?;
    let fail = |e: &dyn ToString| {
        Error::input(prefix, format!("is not a readable checkpoint ({})", e.to_string()))
    };
    let mut args = SessionRunArgs::new();
    let mut tokens = Vec::new();
    for output in &outputs {
        tokens.push(args.request_fetch(&graph.operation(output)?, 0));
    }
    session.run(&mut args, "reading a checkpoint").map_err(|e| fail(&e))?;
    let values = variables.iter().zip(tokens).map(|((name, _), token)| {
        let bytes: Tensor<Bytes> = args.fetch(token).map_err(|e| fail(&e))?;
        Ok((name.clone(), TensorProto::parse_from_bytes(&bytes[0].0).map_err(|e| fail(&e))?))
    });
    values.collect()
}

/// Writes a checkpoint. SaveV2 writes to temporary names and renames.
pub fn write_checkpoint(prefix: &Path, variables: &[NamedTensor]) -> Result<()> {
    let mut b = GraphBuilder::default();
    let names: Vec<&str> = variables.iter().map(|v| v.0.as_str()).collect();
    let file = b.string("prefix", &prefix_text(prefix)?);
    let values: Vec<String> = variables.iter().map(|v| b.tensor("value", v.1.clone())).collect();
    let types = variables.iter().map(|v| v.1.dtype.enum_value_or_default());
    let save = add_save(&mut b, "SaveV2", &file, &names, &values, types);
    let graph = Graph::import(&GraphDef { node: b.take_nodes(), ..GraphDef::default() })?;
    let session = Session::new(&graph, Threads { intra_op: 1, inter_op: 1 })?;
    let saved = session.run_targets(&[graph.operation(&save)?], "writing a checkpoint");
    saved.map_err(|e| Error::input(prefix, format!("the checkpoint cannot be written ({e})")))
}

/// Adds a SaveV2 node named `name` in the current scope, with its constants.
pub fn add_save(
    b: &mut GraphBuilder,
    name: &str,
    file: &str,
    names: &[&str],
    values: &[String],
    types: impl Iterator<Item = DataType>,
) -> String {
    add_slices_op(b, "SaveV2", name, file, names, values, types)
}

/// Adds a RestoreV2 node named `name` in the current scope, with its constants.
pub fn add_restore(
    b: &mut GraphBuilder,
    name: &str,
    file: &str,
    names: &[&str],
    types: impl Iterator<Item = DataType>,
) -> String {
    add_slices_op(b, "RestoreV2", name, file, names, &[], types)
}

/// Adds either op: both take the file, names and slices (whole tensors here); saving also takes
/// values.
fn add_slices_op(
    b: &mut GraphBuilder,
    op: &str,
    name: &str,
    file: &str,
    names: &[&str],
    values: &[String],
    types: impl Iterator<Item = DataType>,
) -> String {
    let dtypes = type_list(types);
    b.name_scope_named(name, |b, scope| {
        let tensor_names = b.strings("tensor_names", names);
        let slices = b.strings("shape_and_slices", &vec![""; names.len()]);
        let node = b.op_named(op, scope.to_owned()).inputs([file, &tensor_names, &slices]);
        node.inputs(values.iter().cloned()).attr("dtypes", dtypes).finish()
    })
}

fn type_list(types: impl Iterator<Item = DataType>) -> Value {
    Value::List(attr_value::ListValue {
        type_: types.map(|t| t as i32).collect(),
        ..Default::default()
    })
}
