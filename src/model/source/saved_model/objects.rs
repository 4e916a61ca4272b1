//! The objects of a SavedModel: what is behind the last arguments of its functions, and the
//! variables' values in the checkpoint. An object is known by its place in the list of objects,
//! which is the same in the SavedModel and in the checkpoint.

use crate::error::{Error, Result};
use crate::proto::saved_object::Kind;
use crate::proto::{
    DataType, MetaGraphDef, NodeDef, SavedConcreteFunction, SavedObject, SavedVariable,
    TensorProto, TrackableObjectGraph, Value,
};
use crate::tf;
use protobuf::Message;
use std::collections::HashMap;
use std::path::Path;

/// The checkpoint's entry with the keys of all objects.
const OBJECT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";
/// The attribute of a variable that is its value.
const VALUE: &str = "VARIABLE_VALUE";

/// A variable: an object, or a node of a graph without objects (TensorFlow 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum VariableId<'m> {
    Object(usize),
    Named(&'m str),
}

/// What an object is, as far as an image network has them.
pub(super) enum Object<'m> {
    Variable(&'m SavedVariable),
    /// A Const of the main graph, by name.
    Constant(&'m str),
}

/// A constant of the frozen graph that waits for the value of a variable.
pub(super) struct Pending<'m> {
    /// Its place among the nodes.
    pub(super) node: usize,
    pub(super) variable: VariableId<'m>,
    pub(super) dtype: DataType,
    /// The declared shape, −1 for an unknown dimension; `None` if it is unknown.
    pub(super) shape: Option<Vec<i64>>,
}

/// The objects, indexed.
pub(super) struct Objects<'m> {
    objects: &'m [SavedObject],
    functions: HashMap<&'m str, &'m SavedConcreteFunction>,
}

impl<'m> Objects<'m> {
    pub(super) fn of(meta_graph: &'m MetaGraphDef) -> Self {
        let Some(graph) = meta_graph.object_graph_def.as_ref() else {
            return Self { objects: &[], functions: HashMap::new() };
        };
        let functions = graph.concrete_functions.iter();
        let functions = functions.filter_map(|f| Some((f.key.as_str(), f.value.as_ref()?)));
        Self { objects: &graph.nodes, functions: functions.collect() }
    }

    /// The objects behind the last arguments of a function; `None` if nothing says.
    pub(super) fn bound(&self, function: &str) -> &'m [i32] {
        self.functions.get(function).map_or(&[], |f| &f.bound_inputs)
    }

    pub(super) fn get(&self, id: i32) -> std::result::Result<(usize, Object<'m>), String> {
        let place = usize::try_from(id).unwrap_or(usize::MAX);
        let object = self.objects.get(place).ok_or_else(|| {
            format!("uses object {id}, but there are only {}", self.objects.len())
        })?;
        match &object.kind {
            Some(Kind::Variable(variable)) => Ok((place, Object::Variable(variable))),
            Some(Kind::Constant(constant)) => Ok((place, Object::Constant(&constant.operation))),
            _ => Err(format!(
                "uses object {id}, which is neither a variable nor a constant (a table or an \
                 asset, perhaps)"
            )),
        }
    }

    /// The values of variables from the checkpoint in `dir`.
    ///
    /// # Errors
    /// If the checkpoint is damaged, or does not belong to the graph.
    pub(super) fn values(&self, dir: &Path, variables: &[Pending<'m>]) -> Result<Vec<TensorProto>> {
        if variables.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = dir.join("variables").join("variables");
        let keys = self.keys(&prefix, variables)?;
        let typed: Vec<(String, DataType)> =
            keys.into_iter().zip(variables).map(|(key, v)| (key, v.dtype)).collect();
        let read = tf::read_checkpoint(&prefix, &typed)?;
        let values = read.into_iter().zip(variables).map(|((key, value), variable)| {
            let dims: Vec<i64> = value.tensor_shape.dim.iter().map(|d| d.size).collect();
            match &variable.shape {
                Some(wanted) if !fits(&dims, wanted) => Err(Error::input(
                    &prefix,
                    format!(
                        "holds '{key}' with shape {dims:?}, but the graph wants {wanted:?}; the \
                         two come from different models"
                    ),
                )),
                _ => Ok(value),
            }
        });
        values.collect()
    }

    /// The variables' keys in the checkpoint.
    fn keys(&self, prefix: &Path, variables: &[Pending<'m>]) -> Result<Vec<String>> {
        let has_objects = variables.iter().any(|v| matches!(v.variable, VariableId::Object(_)));
        let graph = match has_objects {
            true => checkpoint_objects(prefix)?,
            false => TrackableObjectGraph::default(),
        };
        let key = |variable: &Pending<'m>| match variable.variable {
            VariableId::Named(name) => Ok(name.to_owned()),
            VariableId::Object(place) => {
                self.key(&graph, place).map_err(|message| Error::input(prefix, message))
            }
        };
        variables.iter().map(key).collect()
    }

    fn key(
        &self,
        graph: &TrackableObjectGraph,
        place: usize,
    ) -> std::result::Result<String, String> {
        let name = match self.objects.get(place).and_then(|object| object.kind.as_ref()) {
            Some(Kind::Variable(variable)) => variable.name.as_str(),
            _ => "",
        };
        let attributes = graph.nodes.get(place).map_or(&[][..], |object| &object.attributes);
        let value = attributes.iter().find(|a| a.name == VALUE).ok_or_else(|| {
            format!("has no value for the variable '{name}' (object {place}) of saved_model.pb")
        })?;
        let other = value.full_name.as_str();
        if !name.is_empty() && !other.is_empty() && name != other {
            return Err(format!(
                "has the variable '{other}' where saved_model.pb has '{name}' (object {place}); \
                 the two come from different models"
            ));
        }
        Ok(value.checkpoint_key.clone())
    }
}

/// The objects as the checkpoint has them.
fn checkpoint_objects(prefix: &Path) -> Result<TrackableObjectGraph> {
    let entry = [(OBJECT_GRAPH.to_owned(), DataType::DT_STRING)];
    let read = tf::read_checkpoint(prefix, &entry)?;
    let bytes = read.first().and_then(|(_, value)| value.string_val.first());
    let bytes = bytes.map_or(&[][..], Vec::as_slice);
    TrackableObjectGraph::parse_from_bytes(bytes)
        .map_err(|e| Error::input(prefix, format!("has a broken list of objects ({e})")))
}

fn fits(dims: &[i64], wanted: &[i64]) -> bool {
    dims.len() == wanted.len() && dims.iter().zip(wanted).all(|(d, w)| *w < 0 || d == w)
}

/// A variable of a graph without objects.
pub(super) fn named<'m>(node: &'m NodeDef) -> VariableId<'m> {
    match node.attr_value("shared_name") {
        Some(Value::S(name)) if !name.is_empty() => {
            VariableId::Named(std::str::from_utf8(name).unwrap_or(&node.name))
        }
        _ => VariableId::Named(&node.name),
    }
}
