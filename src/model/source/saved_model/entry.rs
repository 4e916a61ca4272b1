//! What of a SavedModel computes features: a signature, or for modules without signatures the
//! function `__call__`, which becomes a call in the graph. And which of its outputs count.

use super::names::valid_name;
use super::wanted::{Convention, Wanted};
use crate::error::{Error, Result};
use crate::proto::saved_object::Kind;
use crate::proto::structured_value::Kind as Structured;
use crate::proto::{
    DataType, FunctionDef, GraphDef, MetaGraphDef, NodeDef, SavedConcreteFunction, SignatureDef,
    StructuredValue, TensorInfoEntry, TensorShapeProto, TensorSpec, Value,
};
use std::path::Path;

/// The signature that servers use.
const SERVING_DEFAULT: &str = "serving_default";
/// The output that TF-Hub's modules name so.
const DEFAULT: &str = "default";
/// TensorFlow's own signatures begin with this.
const PRIVATE: &str = "__";
/// The function of an object that Python calls like a function.
const CALL: &str = "__call__";
/// How many names a message lists.
const LISTED: usize = 10;

/// A way into a SavedModel.
pub(super) struct Entry {
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    /// The input that takes the pixels, by place.
    image: usize,
    pub(super) convention: Convention,
}

/// An input: a placeholder of the graph.
pub(super) struct Input {
    /// Its name in the frozen graph.
    pub(super) key: String,
    /// The placeholder.
    pub(super) node: String,
    dtype: DataType,
    /// How many dimensions it has, if that is known.
    rank: Option<usize>,
}

/// An output.
pub(super) struct Output {
    /// Its name in the frozen graph.
    pub(super) key: String,
    pub(super) tensor: String,
    pub(super) dtype: DataType,
    is_vector: bool,
}

impl Entry {
    /// Chooses the signature and its outputs. A call of `__call__` is added to the graph.
    ///
    /// # Errors
    /// If there is no choice, or several: the settings that choose are named.
    pub(super) fn choose(
        meta_graph: &mut MetaGraphDef,
        wanted: Wanted<'_>,
        path: &Path,
    ) -> Result<Self> {
        let keys = meta_graph.signature_def.iter().map(|s| s.key.as_str());
        let keys: Vec<&str> = keys.filter(|key| !key.starts_with(PRIVATE)).collect();
        let name = match (wanted.signature, &keys[..]) {
            (Some(name), _) if keys.contains(&name) => Some(name),
            (Some(name), _) if name == CALL => None,
            (Some(name), _) => {
                let message = format!("{} has no '{name}', only {}", path.display(), list(&keys));
                return Err(Error::usage("signature", message));
            }
            (None, _) if keys.contains(&SERVING_DEFAULT) => Some(SERVING_DEFAULT),
            (None, [only]) => Some(*only),
            (None, []) => None,
            (None, _) => {
                let message =
                    format!("{} has several; give one of {}", path.display(), list(&keys));
                return Err(Error::usage("signature", message));
            }
        };
        let signature = name.and_then(|name| {
            meta_graph.signature_def.iter().find(|s| s.key == name).map(|s| s.value.clone())
        });
        let wrong = |message| Error::input(path, message);
        let mut entry = match signature {
            Some(signature) => Self::of_signature(&signature),
            None => Self::of_call(meta_graph).map_err(wrong)?,
        };
        entry.image = entry.choose_input(wanted.input).map_err(wrong)?;
        if entry.inputs[entry.image].dtype_is_whole() {
            entry.convention = Convention::Bytes;
        }
        entry.choose_outputs(wanted.output).map_err(wrong)?;
        Ok(entry)
    }

    fn of_signature(signature: &SignatureDef) -> Self {
        let mut inputs: Vec<Input> = signature.inputs.iter().map(Input::of).collect();
        inputs.sort_by(|a, b| a.key.cmp(&b.key));
        let mut outputs: Vec<Output> = signature.outputs.iter().map(Output::of).collect();
        outputs.sort_by(|a, b| a.key.cmp(&b.key));
        Self { inputs, outputs, image: 0, convention: Convention::Usual }
    }

    /// Adds a call of the root object's `__call__` to the graph.
    fn of_call(meta_graph: &mut MetaGraphDef) -> std::result::Result<Self, String> {
        let (name, concrete) = called(meta_graph)?;
        let graph = meta_graph.graph_def.mut_or_insert_default();
        let function = graph.library.function.iter().find(|f| f.signature.name == name);
        let function =
            function.cloned().ok_or_else(|| format!("has no function '{name}', its {CALL}"))?;
        Ok(add_call(graph, &function, &concrete))
    }

    /// The input that takes the pixels: the one that is named, or the only one for images.
    fn choose_input(&self, wanted: Option<&str>) -> std::result::Result<usize, String> {
        if let Some(place) = self.inputs.iter().position(|i| Some(i.key.as_str()) == wanted) {
            return Ok(place);
        }
        let images: Vec<usize> =
            (0..self.inputs.len()).filter(|&i| self.inputs[i].may_be_image()).collect();
        match images[..] {
            [one] => Ok(one),
            [] => {
                let keys: Vec<&str> = self.inputs.iter().map(|i| i.key.as_str()).collect();
                Err(format!(
                    "takes no images [?, height, width, 3] of numbers; its inputs are {}",
                    list(&keys)
                ))
            }
            _ => {
                let keys: Vec<&str> = images.iter().map(|&i| self.inputs[i].key.as_str()).collect();
                Err(format!("takes several images; give one of {} as `input_tensor`", list(&keys)))
            }
        }
    }

    /// Keeps the outputs that may be the bottleneck or lead to it.
    fn choose_outputs(&mut self, wanted: Option<&str>) -> std::result::Result<(), String> {
        if self.outputs.is_empty() {
            return Err("has no outputs".into());
        }
        let is_wanted = |o: &Output| Some(o.key.as_str()) == wanted;
        let vectors = self.outputs.iter().filter(|o| o.is_vector).count();
        if self.outputs.iter().any(is_wanted) {
            self.outputs.retain(is_wanted);
        } else if wanted.is_some() {
            // The tensor may belong to any of them.
        } else if self.outputs.iter().any(|o| o.key == DEFAULT) {
            self.outputs.retain(|o| o.key == DEFAULT);
        } else if vectors == 1 {
            self.outputs.retain(|o| o.is_vector);
        }
        if self.outputs.len() > 1 && wanted.is_none() {
            let keys: Vec<&str> = self.outputs.iter().map(|o| o.key.as_str()).collect();
            return Err(format!(
                "has several outputs; give one of {} as `bottleneck_tensor`",
                list(&keys)
            ));
        }
        Ok(())
    }

    /// The name in the frozen graph of the input that takes the pixels.
    pub(super) fn input_name(&self, graph: &GraphDef) -> String {
        let key = &self.inputs[self.image].key;
        // Nothing read it: the checks of the frozen graph say so.
        graph.find(key).map_or_else(|| key.clone(), |node| node.name.clone())
    }
}

impl Input {
    fn of(entry: &TensorInfoEntry) -> Self {
        let shape = entry.value.tensor_shape.as_ref();
        Self {
            key: valid_name(&entry.key),
            node: node_of(&entry.value.name),
            dtype: entry.value.dtype.enum_value_or_default(),
            rank: shape.filter(|s| !s.unknown_rank).map(|s| s.dim.len()),
        }
    }

    fn may_be_image(&self) -> bool {
        let is_number = self.dtype_is_whole()
            || [DataType::DT_FLOAT, DataType::DT_HALF, DataType::DT_BFLOAT16].contains(&self.dtype);
        is_number && self.rank.is_none_or(|rank| rank == 4)
    }

    fn dtype_is_whole(&self) -> bool {
        matches!(self.dtype, DataType::DT_UINT8 | DataType::DT_INT32 | DataType::DT_INT64)
    }
}

impl Output {
    fn of(entry: &TensorInfoEntry) -> Self {
        let info = &entry.value;
        Self {
            key: valid_name(&entry.key),
            tensor: info.name.clone(),
            dtype: info.dtype.enum_value_or_default(),
            is_vector: is_vector(info.dtype.enum_value_or_default(), info.tensor_shape.as_ref()),
        }
    }
}

fn node_of(tensor: &str) -> String {
    crate::proto::InputRef::parse(tensor).node.to_owned()
}

fn is_vector(dtype: DataType, shape: Option<&TensorShapeProto>) -> bool {
    let is_float = [DataType::DT_FLOAT, DataType::DT_HALF, DataType::DT_BFLOAT16].contains(&dtype);
    is_float && shape.is_some_and(|s| s.dim.len() == 2 && s.dim[1].size > 0)
}

/// The function that the root object's `__call__` stands for: of several, the one that was made
/// with the fewest flags set, because those are for training.
fn called(
    meta_graph: &MetaGraphDef,
) -> std::result::Result<(String, SavedConcreteFunction), String> {
    let none = || {
        format!(
            "has neither a signature nor a {CALL}; save it with `signatures`, or with Keras' \
             export"
        )
    };
    let graph = meta_graph.object_graph_def.as_ref().ok_or_else(none)?;
    let root = graph.nodes.first().ok_or_else(none)?;
    let call = root.children.iter().find(|c| c.local_name == CALL).ok_or_else(none)?;
    let object = usize::try_from(call.node_id).ok().and_then(|id| graph.nodes.get(id));
    let Some(Kind::Function(function)) = object.and_then(|o| o.kind.as_ref()) else {
        return Err(none());
    };
    let concrete = function.concrete_functions.iter().filter_map(|name| {
        let entry = graph.concrete_functions.iter().find(|f| f.key == *name)?;
        Some((name, entry.value.as_ref()?))
    });
    let least = concrete.min_by_key(|(_, f)| flags(&f.canonicalized_input_signature));
    let (name, concrete) = least.ok_or_else(|| {
        format!("has a {CALL} that was never traced; call the model once before saving it")
    })?;
    Ok((name.clone(), concrete.clone()))
}

/// How many flags are set among the arguments of a function.
fn flags(value: &StructuredValue) -> usize {
    let mut set = 0;
    for value in leaves(value) {
        set += usize::from(matches!(value.1.kind, Some(Structured::BoolValue(true))));
    }
    set
}

/// The values within a value, in TensorFlow's order, each with the last key on the way to it.
fn leaves(value: &StructuredValue) -> Vec<(&str, &StructuredValue)> {
    let mut found = Vec::new();
    let mut open = vec![("", value)];
    while let Some((key, value)) = open.pop() {
        match &value.kind {
            Some(Structured::ListValue(list) | Structured::TupleValue(list)) => {
                open.extend(list.values.iter().rev().map(|v| (key, v)));
            }
            Some(Structured::DictValue(dict)) => {
                let mut fields: Vec<_> = dict.fields.iter().collect();
                fields.sort_by(|a, b| b.key.cmp(&a.key));
                open.extend(
                    fields.into_iter().filter_map(|f| Some((f.key.as_str(), f.value.as_ref()?))),
                );
            }
            _ => found.push((key, value)),
        }
    }
    found
}

/// The tensors within a value, each with a key.
fn specs(value: &StructuredValue) -> Vec<(&str, &TensorSpec)> {
    let mut found = Vec::new();
    for (key, value) in leaves(value) {
        if let Some(Structured::TensorSpec(spec)) = &value.kind {
            found.push((key, spec));
        }
    }
    found
}

/// Adds placeholders for a function's arguments, and a call of it.
fn add_call(
    graph: &mut GraphDef,
    function: &FunctionDef,
    concrete: &SavedConcreteFunction,
) -> Entry {
    let bound = concrete.bound_inputs.len();
    let arguments = &function.signature.input_arg;
    let arguments = &arguments[..arguments.len().saturating_sub(bound)];
    let taken = specs(&concrete.canonicalized_input_signature);
    let mut call = NodeDef {
        name: unused(graph, "call"),
        op: "StatefulPartitionedCall".into(),
        ..NodeDef::default()
    };
    call.set_attr("f", Value::Func(attr_func(&function.signature.name)));
    let mut inputs = Vec::new();
    for (i, argument) in arguments.iter().enumerate() {
        let spec = taken.get(i).filter(|_| taken.len() == arguments.len()).map(|(_, spec)| spec);
        let shape = spec.and_then(|spec| spec.shape.as_ref());
        let dtype = argument.type_.enum_value_or_default();
        let node = unused(graph, &format!("call_{}", valid_name(&argument.name)));
        let mut placeholder =
            NodeDef { name: node.clone(), op: "Placeholder".into(), ..NodeDef::default() };
        placeholder.set_attr("dtype", Value::Type(dtype.into()));
        if let Some(shape) = shape {
            placeholder.set_attr("shape", Value::Shape(shape.clone()));
        }
        graph.node.push(placeholder);
        call.input.push(node.clone());
        let rank = shape.filter(|s| !s.unknown_rank).map(|s| s.dim.len());
        inputs.push(Input { key: valid_name(&argument.name), node, dtype, rank });
    }
    let given = specs(&concrete.output_signature);
    let returned = &function.signature.output_arg;
    let outputs = returned.iter().enumerate().map(|(i, output)| {
        let spec = given.get(i).filter(|_| given.len() == returned.len());
        let key = spec.map(|(key, _)| *key).filter(|key| !key.is_empty());
        let dtype = output.type_.enum_value_or_default();
        Output {
            key: valid_name(key.map_or_else(|| format!("output_{i}"), str::to_owned).as_str()),
            tensor: format!("{}:{i}", call.name),
            dtype,
            is_vector: spec.is_some_and(|(_, s)| is_vector(dtype, s.shape.as_ref())),
        }
    });
    let outputs = outputs.collect();
    graph.node.push(call);
    Entry { inputs, outputs, image: 0, convention: Convention::Hub }
}

fn attr_func(name: &str) -> crate::proto::NameAttrList {
    crate::proto::NameAttrList { name: name.into(), ..Default::default() }
}

/// A name that no node has.
fn unused(graph: &GraphDef, name: &str) -> String {
    let mut name = name.to_owned();
    while graph.find(&name).is_some() {
        name.push('_');
    }
    name
}

fn list(names: &[&str]) -> String {
    let more = if names.len() > LISTED { ", …" } else { "" };
    names[..names.len().min(LISTED)].join(", ") + more
}
