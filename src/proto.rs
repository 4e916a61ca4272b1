//! TensorFlow's protobuf messages (`build.rs` generates them from `proto/`), and accessors to graph
//! nodes whose errors name the node and the attribute.

use crate::error::{Error, Result};
use protobuf::Message;
use std::path::Path;

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/proto/mod.rs"));
}

pub use generated::cluster::{ClusterDef, JobDef, ServerDef, TaskEntry};
pub use generated::config::{
    ConfigProto, GraphOptions, OptimizerOptions, RewriterConfig, RunOptions,
};
pub use generated::event::{
    Event, HistogramProto, SessionLog, Summary, SummaryMetadata, event, session_log, summary,
    summary_metadata,
};
pub use generated::graph::attr_value::Value;
pub use generated::graph::{
    AttrEntry, AttrValue, DataType, FunctionDef, GraphDef, NameAttrList, NodeDef, OpDef, RetEntry,
    TensorProto, TensorShapeProto, VersionDef, attr_value, op_def, tensor_shape_proto,
};
pub use generated::hub::{ImageModuleInfo, ModuleAttachment, ModuleDef};
pub use generated::meta_graph::{
    AssetFileDef, CollectionDef, CollectionEntry, MetaGraphDef, SavedModel, SaverDef, SignatureDef,
    SignatureEntry, TensorInfo, TensorInfoEntry, VariableDef, collection_def, meta_graph_def,
    saver_def,
};
pub use generated::object_graph::{
    ConcreteFunctionEntry, FieldEntry, Fields, SavedConcreteFunction, SavedConstant, SavedFunction,
    SavedObject, SavedObjectGraph, SavedVariable, StructuredValue, TensorSpec,
    TrackableObjectGraph, Values, saved_object, structured_value, trackable_object_graph,
};
pub use generated::plugins::{
    HParamEntry, HParamValue, HParamsPluginData, PrCurvePluginData, SessionEndInfo,
    SessionStartInfo, Status, hparam_value, hparams_plugin_data,
};

/// Parses a message read from `path`; the error names the file.
pub fn parse<M: Message>(path: &Path, bytes: &[u8]) -> Result<M> {
    M::parse_from_bytes(bytes)
        .map_err(|e| Error::input(path, format!("is not a valid {} ({e})", M::NAME)))
}

/// Serializes a message. This fails only above protobuf's limit of 2 GiB, which ours never reach.
pub fn serialize<M: Message>(message: &M) -> Result<Vec<u8>> {
    message.write_to_bytes().map_err(|e| Error::tensorflow(format!("serializing a {}", M::NAME), e))
}

/// What an input of a node refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputRef<'a> {
    /// The node that is read.
    pub node: &'a str,
    /// The index of its output.
    pub index: usize,
    /// Whether it is a control dependency (`^name`).
    pub control: bool,
}

impl<'a> InputRef<'a> {
    /// Parses `name`, `name:1` or `^name`.
    #[must_use]
    pub fn parse(input: &'a str) -> Self {
        if let Some(node) = input.strip_prefix('^') {
            return Self { node, index: 0, control: true };
        }
        match input.rsplit_once(':') {
            Some((node, index)) if index.bytes().all(|b| b.is_ascii_digit()) => {
                Self { node, index: index.parse().unwrap_or(0), control: false }
            }
            _ => Self { node: input, index: 0, control: false },
        }
    }
}

impl GraphDef {
    /// The node of that name, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&NodeDef> {
        self.node.iter().find(|n| n.name == name)
    }

    /// The node of that name, or an error that names it.
    pub fn require(&self, name: &str) -> Result<&NodeDef> {
        self.find(name).ok_or_else(|| Error::graph(name, "is not in the graph"))
    }
}

impl NodeDef {
    /// The attribute's value, if it is set.
    #[must_use]
    pub fn attr_value(&self, key: &str) -> Option<&Value> {
        self.attr.iter().find(|a| a.key == key)?.value.as_ref()?.value.as_ref()
    }

    /// Sets an attribute, replacing one of the same name.
    pub fn set_attr(&mut self, key: &str, value: Value) {
        let value = AttrValue { value: Some(value), ..AttrValue::default() };
        match self.attr.iter_mut().find(|a| a.key == key) {
            Some(entry) => entry.value = Some(value).into(),
            None => self.attr.push(AttrEntry {
                key: key.into(),
                value: Some(value).into(),
                ..AttrEntry::default()
            }),
        }
    }

    fn wrong(&self, key: &str, wanted: &str) -> Error {
        Error::graph(&self.name, format!("{} without a {wanted} attribute '{key}'", self.op))
    }

    /// A type attribute such as `T` or `dtype`.
    pub fn type_attr(&self, key: &str) -> Result<DataType> {
        match self.attr_value(key) {
            Some(Value::Type(t)) => {
                t.enum_value().map_err(|n| Error::graph(&self.name, format!("unknown type {n}")))
            }
            _ => Err(self.wrong(key, "type")),
        }
    }

    /// A tensor attribute such as a Const's `value`.
    pub fn tensor_attr(&self, key: &str) -> Result<&TensorProto> {
        match self.attr_value(key) {
            Some(Value::Tensor(t)) => Ok(t),
            _ => Err(self.wrong(key, "tensor")),
        }
    }

    /// A shape attribute as dimensions, −1 for an unknown one; `None` if the rank is unknown or no
    /// shape is set.
    #[must_use]
    pub fn shape_attr(&self, key: &str) -> Option<Vec<i64>> {
        match self.attr_value(key) {
            Some(Value::Shape(s)) if !s.unknown_rank => {
                Some(s.dim.iter().map(|d| d.size).collect())
            }
            _ => None,
        }
    }
}

/// A Const node.
#[must_use]
pub fn constant(name: &str, value: TensorProto) -> NodeDef {
    let mut node = NodeDef { name: name.into(), op: "Const".into(), ..NodeDef::default() };
    node.set_attr("dtype", Value::Type(value.dtype));
    node.set_attr("value", Value::Tensor(value));
    node
}

/// Named values as a graph of constants, the form in which files store them.
#[must_use]
pub fn constants(values: &[(String, TensorProto)]) -> GraphDef {
    let node = values.iter().map(|(name, value)| constant(name, value.clone())).collect();
    GraphDef { node, ..GraphDef::default() }
}

/// The named values of a graph of constants.
///
/// # Errors
/// If a node has no value.
pub fn constant_values(graph: GraphDef) -> Result<Vec<(String, TensorProto)>> {
    let value = |node: NodeDef| Ok((node.name.clone(), node.tensor_attr("value")?.clone()));
    graph.node.into_iter().map(value).collect()
}

/// A shape of known rank; −1 stands for an unknown dimension.
#[must_use]
pub fn shape(dims: &[i64]) -> TensorShapeProto {
    let dim = |&size| tensor_shape_proto::Dim { size, ..Default::default() };
    TensorShapeProto { dim: dims.iter().map(dim).collect(), ..Default::default() }
}

/// A float tensor of the given shape, its values as little-endian bytes.
#[must_use]
pub fn float_tensor(dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        dtype: DataType::DT_FLOAT.into(),
        tensor_shape: Some(shape(dims)).into(),
        tensor_content: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// The numbers of a tensor made by [`float_tensor`].
#[must_use]
pub fn floats(tensor: &TensorProto) -> Vec<f32> {
    tensor
        .tensor_content
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}
