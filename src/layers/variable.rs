//! TensorFlow 1 variables: VariableV2, Assign, and the Identity that all other nodes read.

use crate::proto::DataType::DT_FLOAT;
use crate::tf::GraphBuilder;

/// The nodes of one variable, as TensorFlow's `VariableDef` lists them.
#[derive(Debug, Clone)]
pub struct VariableNames {
    /// The variable itself.
    pub variable: String,
    /// The op that sets it to its initial value.
    pub initializer: String,
    /// The Identity that all other nodes read.
    pub snapshot: String,
    /// The initial value.
    pub initial_value: String,
}

/// `tf.Variable`: VariableV2, Assign and the Identity `read`.
pub fn add_variable(
    b: &mut GraphBuilder,
    name: &str,
    dims: &[i64],
    initial_value: String,
) -> VariableNames {
    b.name_scope_named(name, |b, scope| {
        let variable = b.op_named("VariableV2", scope.to_owned()).type_attr("dtype", DT_FLOAT);
        let variable = variable
            .shape_attr("shape", dims)
            .str_attr("container", "")
            .str_attr("shared_name", "")
            .finish();
        let assign = b
            .op("Assign", "Assign")
            .inputs([&variable, &initial_value])
            .float_type()
            .colocate_with(&variable);
        let initializer =
            assign.bool_attr("use_locking", true).bool_attr("validate_shape", true).finish();
        let snapshot = b
            .op("Identity", "read")
            .input(&variable)
            .float_type()
            .colocate_with(&variable)
            .finish();
        VariableNames { variable, initializer, snapshot, initial_value }
    })
}
