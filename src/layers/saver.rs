//! `tf.train.Saver`: the nodes that save variables to a checkpoint and restore them.

use crate::proto::DataType::{self, DT_STRING};
use crate::tf::{GraphBuilder, add_restore, add_save};

/// A variable that is saved.
#[derive(Debug, Clone)]
pub struct SavedVariable {
    /// Its node, which is also its name in the checkpoint.
    pub name: String,
    /// Whether it is a resource (VarHandleOp) or a reference (VariableV2).
    pub is_resource: bool,
    /// The type of its value.
    pub dtype: DataType,
}

/// The names of a saver's nodes, as a SaverDef gives them.
#[derive(Debug, Clone)]
pub struct Saver {
    /// The string tensor to feed with the checkpoint's path.
    pub filename: String,
    /// The tensor to fetch to save.
    pub save: String,
    /// The node to run to restore.
    pub restore: String,
}

/// Adds a saver for `variables`.
pub fn add_saver(b: &mut GraphBuilder, variables: &[SavedVariable]) -> Saver {
    let names: Vec<&str> = variables.iter().map(|v| v.name.as_str()).collect();
    let types = || variables.iter().map(|v| v.dtype);
    b.name_scope("save", |b| {
        let default = b.string("filename/input", "model");
        let placeholder = |b: &mut GraphBuilder, name: &str, input: &str| {
            let node =
                b.op("PlaceholderWithDefault", name).input(input).type_attr("dtype", DT_STRING);
            node.shape_attr("shape", &[]).finish()
        };
        let filename = placeholder(b, "filename", &default);
        let file = placeholder(b, "Const", &filename);
        let values: Vec<String> = variables.iter().map(|v| read(b, v)).collect();
        let save = add_save(b, "SaveV2", &file, &names, &values, types());
        let saved =
            b.op("Identity", "control_dependency").inputs([file.clone(), format!("^{save}")]);
        let saved = saved.type_attr("T", DT_STRING).finish();
        let restored = add_restore(b, "RestoreV2", &file, &names, types());
        let assigned: Vec<String> = variables
            .iter()
            .enumerate()
            .map(|(i, v)| format!("^{}", restore(b, v, &tensor(&restored, i))))
            .collect();
        let restore = b.op("NoOp", "restore_all").inputs(assigned).finish();
        Saver { filename: file, save: saved, restore }
    })
}

fn tensor(node: &str, index: usize) -> String {
    if index == 0 { node.to_owned() } else { format!("{node}:{index}") }
}

fn read(b: &mut GraphBuilder, variable: &SavedVariable) -> String {
    if !variable.is_resource {
        return variable.name.clone();
    }
    b.op("ReadVariableOp", "ReadVariableOp")
        .input(&variable.name)
        .type_attr("dtype", variable.dtype)
        .finish()
}

fn restore(b: &mut GraphBuilder, variable: &SavedVariable, value: &str) -> String {
    if variable.is_resource {
        let value =
            b.op("Identity", "Identity").input(value).type_attr("T", variable.dtype).finish();
        let assign = b.op("AssignVariableOp", "AssignVariableOp").inputs([&variable.name, &value]);
        return assign.type_attr("dtype", variable.dtype).finish();
    }
    let assign =
        b.op("Assign", "Assign").inputs([&variable.name, value]).type_attr("T", variable.dtype);
    assign
        .colocate_with(&variable.name)
        .bool_attr("use_locking", true)
        .bool_attr("validate_shape", true)
        .finish()
}
