//! Builds nodes with the names that TensorFlow's Python gives them. A [`GraphBuilder`] only makes
//! NodeDefs, so graphs are exported and displayed exactly as built, and nothing here needs
//! TensorFlow to be loaded.

use crate::proto::{DataType, GraphDef, NodeDef, TensorProto, Value, attr_value, shape};
use std::collections::HashMap;

/// Makes nodes in name scopes, with unique names by the rules of Python's `Graph.unique_name`.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    /// The full name of the current scope.
    scope: Option<String>,
    /// How often each name was asked for. Keys are lower case because names that differ only in
    /// case count as equal, as in Python.
    in_use: HashMap<String, usize>,
    nodes: Vec<NodeDef>,
}

impl GraphBuilder {
    /// A builder whose names do not collide with the nodes of `graph`.
    #[must_use]
    pub fn on(graph: &GraphDef) -> Self {
        let in_use = graph.node.iter().map(|n| (n.name.to_lowercase(), 1)).collect();
        Self { in_use, ..Self::default() }
    }

    /// The nodes made since the last call.
    pub fn take_nodes(&mut self) -> Vec<NodeDef> {
        std::mem::take(&mut self.nodes)
    }

    /// Adds a node that was made elsewhere, such as a gradient from the C API, and reserves its
    /// name.
    pub fn adopt(&mut self, node: NodeDef) {
        self.in_use.insert(node.name.to_lowercase(), 1);
        self.nodes.push(node);
    }

    /// Runs `f` in a name scope; a scope whose name is taken gets a suffix (`input_1`).
    pub fn name_scope<R>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> R) -> R {
        self.name_scope_named(name, |b, _| f(b))
    }

    /// As [`Self::name_scope`], but `f` also gets the scope's full name, to name a node after it.
    pub fn name_scope_named<R>(&mut self, name: &str, f: impl FnOnce(&mut Self, &str) -> R) -> R {
        let scope = self.unique_name(name);
        let outer = self.scope.replace(scope.clone());
        let result = f(self, &scope);
        self.scope = outer;
        result
    }

    /// The current scope with its slash, or nothing at top level.
    fn prefix(&self) -> String {
        self.scope.as_ref().map(|s| format!("{s}/")).unwrap_or_default()
    }

    /// Reserves and returns the full name that `name` gets in the current scope.
    pub fn unique_name(&mut self, name: &str) -> String {
        let name = format!("{}{name}", self.prefix());
        let count = self.in_use.entry(name.to_lowercase()).or_insert(0);
        *count += 1;
        if *count == 1 {
            return name;
        }
        let mut suffix = *count - 1;
        let mut candidate = format!("{name}_{suffix}");
        while self.in_use.contains_key(&candidate.to_lowercase()) {
            suffix += 1;
            candidate = format!("{name}_{suffix}");
        }
        self.in_use.insert(name.to_lowercase(), suffix + 1);
        self.in_use.insert(candidate.to_lowercase(), 1);
        candidate
    }

    /// Starts a node of type `op`, to be named `name` in the current scope.
    pub fn op<'b>(&'b mut self, op: &str, name: &str) -> Op<'b> {
        let name = self.unique_name(name);
        self.op_named(op, name)
    }

    /// Starts a node whose full name is already reserved by [`Self::unique_name`].
    pub fn op_named<'b>(&'b mut self, op: &str, name: String) -> Op<'b> {
        Op { node: NodeDef { name, op: op.into(), ..NodeDef::default() }, builder: self }
    }

    fn constant(&mut self, name: &str, tensor: TensorProto) -> String {
        let dtype = tensor.dtype.enum_value_or_default();
        self.op("Const", name)
            .type_attr("dtype", dtype)
            .attr("value", Value::Tensor(tensor))
            .finish()
    }

    /// A scalar float Const.
    pub fn float(&mut self, name: &str, value: f32) -> String {
        let dtype = DataType::DT_FLOAT.into();
        let tensor =
            TensorProto { dtype, tensor_shape: Some(shape(&[])).into(), ..TensorProto::default() };
        self.constant(name, TensorProto { float_val: vec![value], ..tensor })
    }

    /// A float Const of any shape.
    pub fn floats(&mut self, name: &str, dims: &[i64], values: &[f32]) -> String {
        self.constant(name, crate::proto::float_tensor(dims, values))
    }

    /// A float Const of zeros.
    pub fn zeros(&mut self, name: &str, dims: &[i64]) -> String {
        let dtype = DataType::DT_FLOAT.into();
        let tensor =
            TensorProto { dtype, tensor_shape: Some(shape(dims)).into(), ..TensorProto::default() };
        self.constant(name, TensorProto { float_val: vec![0.0], ..tensor })
    }

    /// A scalar int32 Const.
    pub fn int(&mut self, name: &str, value: i32) -> String {
        self.constant(name, int_tensor(&[], vec![value]))
    }

    /// An int32 vector Const.
    pub fn ints(&mut self, name: &str, values: &[i32]) -> String {
        let content = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor = int_tensor(&[values.len() as i64], vec![]);
        self.constant(name, TensorProto { tensor_content: content, ..tensor })
    }

    /// An int32 matrix Const.
    pub fn int_matrix(&mut self, name: &str, dims: [i64; 2], values: &[i32]) -> String {
        let tensor = int_tensor(&dims, values.to_vec());
        self.constant(name, tensor)
    }

    /// A Const of any type.
    pub fn tensor(&mut self, name: &str, value: TensorProto) -> String {
        self.constant(name, value)
    }

    /// A string vector Const.
    pub fn strings(&mut self, name: &str, values: &[&str]) -> String {
        let dtype = DataType::DT_STRING.into();
        let tensor_shape = Some(shape(&[values.len() as i64])).into();
        let string_val = values.iter().map(|&v| v.into()).collect();
        self.constant(
            name,
            TensorProto { dtype, tensor_shape, string_val, ..TensorProto::default() },
        )
    }

    /// A scalar string Const.
    pub fn string(&mut self, name: &str, value: &str) -> String {
        let dtype = DataType::DT_STRING.into();
        let tensor =
            TensorProto { dtype, tensor_shape: Some(shape(&[])).into(), ..TensorProto::default() };
        self.constant(name, TensorProto { string_val: vec![value.into()], ..tensor })
    }
}

fn int_tensor(dims: &[i64], values: Vec<i32>) -> TensorProto {
    TensorProto {
        dtype: DataType::DT_INT32.into(),
        tensor_shape: Some(shape(dims)).into(),
        int_val: values,
        ..TensorProto::default()
    }
}

/// A node that is being built.
#[derive(Debug)]
#[must_use = "a node is only made by `finish`"]
pub struct Op<'b> {
    node: NodeDef,
    builder: &'b mut GraphBuilder,
}

impl Op<'_> {
    /// Adds an input: `name`, `name:1` or `^name`.
    pub fn input(mut self, input: impl Into<String>) -> Self {
        self.node.input.push(input.into());
        self
    }

    /// Adds several inputs.
    pub fn inputs<S: Into<String>>(mut self, inputs: impl IntoIterator<Item = S>) -> Self {
        self.node.input.extend(inputs.into_iter().map(Into::into));
        self
    }

    /// Sets an attribute.
    pub fn attr(mut self, key: &str, value: Value) -> Self {
        self.node.set_attr(key, value);
        self
    }

    /// Sets a type attribute.
    pub fn type_attr(self, key: &str, value: DataType) -> Self {
        self.attr(key, Value::Type(value.into()))
    }

    /// Sets `T` to float, the type of nearly everything here.
    pub fn float_type(self) -> Self {
        self.type_attr("T", DataType::DT_FLOAT)
    }

    /// Sets an integer attribute.
    pub fn int_attr(self, key: &str, value: i64) -> Self {
        self.attr(key, Value::I(value))
    }

    /// Sets a boolean attribute.
    pub fn bool_attr(self, key: &str, value: bool) -> Self {
        self.attr(key, Value::B(value))
    }

    /// Sets a string attribute.
    pub fn str_attr(self, key: &str, value: &str) -> Self {
        self.attr(key, Value::S(value.into()))
    }

    /// Sets a float attribute.
    pub fn float_attr(self, key: &str, value: f32) -> Self {
        self.attr(key, Value::F(value))
    }

    /// Sets `shape` to an unknown rank, as for a placeholder without a shape.
    pub fn unknown_shape(self) -> Self {
        let unknown = crate::proto::TensorShapeProto { unknown_rank: true, ..Default::default() };
        self.attr("shape", Value::Shape(unknown))
    }

    /// Sets an attribute that is a list of integers.
    pub fn ints_attr(self, key: &str, values: &[i64]) -> Self {
        self.attr(
            key,
            Value::List(attr_value::ListValue { i: values.to_vec(), ..Default::default() }),
        )
    }

    /// Sets a shape attribute; −1 stands for an unknown dimension.
    pub fn shape_attr(self, key: &str, dims: &[i64]) -> Self {
        self.attr(key, Value::Shape(shape(dims)))
    }

    /// Asks TensorFlow to place the node on the device of `node` (`_class: loc:@node`).
    pub fn colocate_with(self, node: &str) -> Self {
        let class = format!("loc:@{node}").into_bytes();
        self.attr(
            "_class",
            Value::List(attr_value::ListValue { s: vec![class], ..Default::default() }),
        )
    }

    /// Makes the node and returns its name.
    pub fn finish(self) -> String {
        let name = self.node.name.clone();
        self.builder.nodes.push(self.node);
        name
    }
}
