//! A graph inside TensorFlow, into which GraphDefs are imported piece by piece.

use crate::error::{Error, Result};
use crate::proto::{self, GraphDef, InputRef, NodeDef};
use protobuf::Message;
use std::collections::HashSet;
use tensorflow::{DataType, ImportGraphDefOptions, Operation, Output};

/// A graph inside TensorFlow.
#[derive(Debug, Default)]
pub struct Graph {
    inner: tensorflow::Graph,
    versions: Option<proto::VersionDef>,
}

impl Graph {
    /// Imports a whole GraphDef without a name prefix.
    pub fn import(graph_def: &GraphDef) -> Result<Self> {
        let mut graph = Self {
            inner: tensorflow::Graph::new(),
            versions: graph_def.versions.as_ref().cloned(),
        };
        graph.import_bytes(&proto::serialize(graph_def)?, &ImportGraphDefOptions::new())?;
        Ok(graph)
    }

    /// Adds nodes that may read nodes already in the graph.
    pub fn extend(&mut self, nodes: &[NodeDef]) -> Result<()> {
        let own: HashSet<&str> = nodes.iter().map(|n| n.name.as_str()).collect();
        let mut options = ImportGraphDefOptions::new();
        let mut mapped = HashSet::new();
        for input in nodes.iter().flat_map(|n| &n.input) {
            let input_ref = InputRef::parse(input);
            if own.contains(input_ref.node) || !mapped.insert(input) {
                continue;
            }
            let operation = self.operation(input_ref.node)?;
            let nul = |e| Error::graph(input_ref.node, format!("bad name: {e}"));
            if input_ref.control {
                options.remap_control_dependency(input_ref.node, &operation).map_err(nul)?;
            } else {
                let output = operation.output(input_ref.index);
                options.add_input_mapping(input_ref.node, input_ref.index, &output).map_err(nul)?;
            }
        }
        // A graph's version is the lowest of those imported, so pieces take the graph's own.
        let versions = self.versions.clone().into();
        let mut node = nodes.to_vec();
        // A node can only be colocated with nodes of the same import. On one device colocation has
        // no effect anyway.
        for n in &mut node {
            n.attr.retain(|a| a.key != "_class");
        }
        let piece = GraphDef { node, versions, ..GraphDef::default() };
        self.import_bytes(&proto::serialize(&piece)?, &options)
    }

    fn import_bytes(&mut self, bytes: &[u8], options: &ImportGraphDefOptions) -> Result<()> {
        self.inner
            .import_graph_def(bytes, options)
            .map_err(|e| Error::tensorflow("importing a graph", e))
    }

    /// Lets TensorFlow add the gradients of `of` with respect to `with_respect_to` (each `name` or
    /// `name:0`), under the name prefix `prefix`. Returns the names of the gradient tensors.
    ///
    /// The incoming gradient of `of` is always 1: to pass another, the bindings (0.21) give
    /// TensorFlow a pointer to freed memory.
    pub fn add_gradients(
        &mut self,
        prefix: &str,
        of: &str,
        with_respect_to: &[&str],
    ) -> Result<Vec<String>> {
        let y = [self.output(of)?];
        let x = with_respect_to.iter().map(|n| self.output(n)).collect::<Result<Vec<_>>>()?;
        let gradients = self.inner.add_gradients(Some(prefix), &y, &x, None);
        let gradients =
            gradients.map_err(|e| Error::tensorflow(format!("differentiating {of}"), e))?;
        let gradients = gradients.into_iter().zip(with_respect_to).map(|(gradient, x)| {
            let gradient =
                gradient.ok_or_else(|| Error::graph(*x, format!("{of} does not depend on it")))?;
            let name = gradient.name().map_err(|e| Error::graph(*x, e.to_string()))?;
            Ok(if name.index == 0 { name.name } else { name.to_string() })
        });
        gradients.collect()
    }

    /// All nodes as TensorFlow holds them, with every default attribute filled in.
    pub fn graph_def(&self) -> Result<GraphDef> {
        let bytes =
            self.inner.graph_def().map_err(|e| Error::tensorflow("reading a graph back", e))?;
        let mut graph = GraphDef::parse_from_bytes(&bytes)
            .map_err(|e| Error::tensorflow("reading a graph back", e))?;
        // TensorFlow writes attributes in a different order each time, but equal runs must give
        // equal bytes.
        graph.node.iter_mut().for_each(|n| n.attr.sort_by(|a, b| a.key.cmp(&b.key)));
        Ok(graph)
    }

    /// The node of that name.
    pub fn operation(&self, name: &str) -> Result<Operation> {
        let missing = |_| Error::graph(name, "is not in the graph");
        self.inner.operation_by_name_required(name).map_err(missing)
    }

    /// The tensor `name` or `name:0`.
    pub fn output(&self, tensor: &str) -> Result<Output> {
        let tensor = InputRef::parse(tensor);
        let operation = self.operation(tensor.node)?;
        if tensor.index >= operation.num_outputs() {
            return Err(Error::graph(tensor.node, format!("has no output {}", tensor.index)));
        }
        Ok(Output { operation, index: tensor.index as i32 })
    }

    /// The shape of a tensor as far as TensorFlow can infer it, with −1 for an unknown dimension;
    /// `None` if its rank is unknown or there is no such tensor.
    #[must_use]
    pub fn shape(&self, tensor: &str) -> Option<Vec<i64>> {
        let shape: Option<Vec<Option<i64>>> =
            self.inner.tensor_shape(self.output(tensor).ok()?).ok()?.into();
        Some(shape?.into_iter().map(|d| d.unwrap_or(-1)).collect())
    }

    /// Whether a tensor exists and holds 32-bit floats.
    #[must_use]
    pub fn is_float(&self, tensor: &str) -> bool {
        let float =
            |o: Output| o.operation.output_type(InputRef::parse(tensor).index) == DataType::Float;
        self.output(tensor).is_ok_and(float)
    }

    /// The serialized OpDef of an operation type.
    pub fn op_def(&self, op: &str) -> Result<Vec<u8>> {
        self.inner
            .get_op_def(op)
            .map_err(|e| Error::tensorflow(format!("describing the op {op}"), e))
    }

    pub(super) fn inner(&self) -> &tensorflow::Graph {
        &self.inner
    }
}
