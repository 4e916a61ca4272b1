//! Writes what the outputs need as plain nodes, each after the nodes that it reads. Names are
//! those that nodes have in their functions; a name that is taken gets a number.

use super::entry::Entry;
use super::names::valid_name;
use super::objects::{Pending, VariableId};
use super::ops::refused;
use super::program::{Place, Program, Source, is_flag};
use crate::proto::{self, DataType, NodeDef, TensorProto, Value};
use crate::tf::GraphBuilder;
use protobuf::Message;
use std::collections::{HashMap, HashSet};

/// The most nodes.
const MOST_NODES: usize = 1 << 20;
/// The most bytes of a frozen graph: protobuf's limit is 2 GiB, and retraining adds a little.
pub(super) const MOST_BYTES: u64 = (2 << 30) - (64 << 20);
pub(super) const TOO_LARGE: &str = "becomes a graph of more than the 2 GiB that a GraphDef holds";

/// The nodes of a frozen graph, some of which wait for the values of variables.
pub(super) struct Emitted<'m> {
    pub(super) nodes: Vec<NodeDef>,
    pub(super) variables: Vec<Pending<'m>>,
}

/// Emits the outputs of `entry` and what they need.
///
/// # Errors
/// A message without the file, which names the node that cannot be frozen, and its function.
pub(super) fn emit<'m>(program: &mut Program<'m>, entry: &'m Entry) -> Result<Emitted<'m>, String> {
    let mut emitter = Emitter {
        program,
        entry,
        names: GraphBuilder::default(),
        places: HashMap::new(),
        constants: HashMap::new(),
        sources: HashMap::new(),
        bytes: 0,
        emitted: Emitted { nodes: Vec::new(), variables: Vec::new() },
    };
    for input in &entry.inputs {
        emitter.names.unique_name(&input.key);
    }
    // An output may have the key of an input.
    let names = entry.outputs.iter().map(|output| emitter.names.unique_name(&output.key));
    let names: Vec<String> = names.collect();
    for (output, name) in entry.outputs.iter().zip(&names) {
        let source = emitter.program.source(&output.tensor)?;
        let tensor = emitter.tensor(source)?;
        emitter.push_identity(name, tensor, output.dtype);
    }
    Ok(emitter.emitted)
}

struct Emitter<'p, 'm> {
    program: &'p mut Program<'m>,
    entry: &'m Entry,
    names: GraphBuilder,
    /// The names of nodes that are written.
    places: HashMap<Place, String>,
    /// The constants that stand for variables.
    constants: HashMap<VariableId<'m>, String>,
    /// The sources of the inputs of nodes that are being written.
    sources: HashMap<Place, Vec<Source<'m>>>,
    /// How many bytes are written.
    bytes: u64,
    emitted: Emitted<'m>,
}

impl<'m> Emitter<'_, 'm> {
    /// Writes what `source` needs, depth first, and returns its tensor.
    fn tensor(&mut self, source: Source<'m>) -> Result<String, String> {
        let mut open = match source {
            Source::Node { place, .. } => vec![place],
            Source::Variable(variable) => return self.constant(variable),
        };
        while let Some(&place) = open.last() {
            if self.places.contains_key(&place) {
                open.pop();
                continue;
            }
            let is_new = !self.sources.contains_key(&place);
            if is_new {
                let sources = self.sources_of(place)?;
                self.sources.insert(place, sources);
            }
            let missing = self.missing(place);
            if missing.is_empty() {
                self.write(place)?;
                open.pop();
                continue;
            }
            if !is_new {
                let cycle = self.program.describe(place);
                return Err(format!("{cycle} needs its own result"));
            }
            // The first input first.
            open.extend(missing.into_iter().rev());
        }
        self.named(source)
    }

    /// The nodes that must be written before the one at `place`.
    fn missing(&self, place: Place) -> Vec<Place> {
        let sources = self.sources.get(&place).map_or(&[][..], Vec::as_slice);
        let mut seen = HashSet::new();
        let read = sources.iter().filter_map(|source| match *source {
            Source::Node { place, .. } => Some(place),
            Source::Variable(_) => None,
        });
        read.filter(|p| !self.places.contains_key(p) && seen.insert(*p)).collect()
    }

    fn sources_of(&mut self, place: Place) -> Result<Vec<Source<'m>>, String> {
        self.check(place)?;
        let inputs = &self.program.node(place).input;
        let read = (0..inputs.len()).filter(|&i| !inputs[i].starts_with('^'));
        read.map(|i| self.program.source_of(place, i)).collect()
    }

    /// Refuses what cannot be a plain node.
    fn check(&mut self, place: Place) -> Result<(), String> {
        let node = self.program.node(place);
        if let Some(what) = refused(&node.op) {
            return Err(format!(
                "{} is {what}, which cannot be frozen; export the network without it",
                self.program.describe(place)
            ));
        }
        if !self.program.ops.has(&node.op) {
            return Err(format!(
                "{} is an op that this TensorFlow does not have",
                self.program.describe(place)
            ));
        }
        if node.op == "Placeholder" && place.frame > 0 {
            let what = "is a placeholder inside a function";
            return Err(format!("{} {what}", self.program.describe(place)));
        }
        Ok(())
    }

    /// The name of a source that is written.
    fn named(&mut self, source: Source<'m>) -> Result<String, String> {
        match source {
            Source::Variable(variable) => self.constant(variable),
            Source::Node { place, output } => {
                let name = self.places.get(&place).cloned().unwrap_or_default();
                Ok(if output == 0 { name } else { format!("{name}:{output}") })
            }
        }
    }

    /// Writes the node at `place`, whose inputs are written.
    fn write(&mut self, place: Place) -> Result<(), String> {
        let node = self.program.node(place);
        let sources = self.sources.remove(&place).unwrap_or_default();
        let input = sources.into_iter().map(|s| self.named(s)).collect::<Result<_, _>>()?;
        let mut written =
            NodeDef { op: node.op.clone(), input, attr: node.attr.clone(), ..NodeDef::default() };
        self.program.ops.strip(&mut written);
        if node.op == "Placeholder" {
            let input = self.entry.inputs.iter().find(|input| input.node == node.name);
            written.name = match input {
                Some(input) => input.key.clone(),
                None => self.names.unique_name(&node.name),
            };
            if is_flag(node) {
                written = proto::constant(&written.name, no());
            }
        } else {
            written.name = self.names.unique_name(&node.name);
        }
        self.places.insert(place, written.name.clone());
        self.push(written)
    }

    fn push(&mut self, node: NodeDef) -> Result<(), String> {
        if self.emitted.nodes.len() >= MOST_NODES {
            return Err(format!("expands to more than {MOST_NODES} nodes"));
        }
        // A constant is written again for each call of its function.
        self.bytes = self.bytes.saturating_add(node.compute_size());
        if self.bytes > MOST_BYTES {
            return Err(TOO_LARGE.into());
        }
        self.emitted.nodes.push(node);
        Ok(())
    }

    fn push_identity(&mut self, name: &str, input: String, dtype: DataType) {
        let mut node = NodeDef { name: name.into(), op: "Identity".into(), ..NodeDef::default() };
        node.input.push(input);
        node.set_attr("T", Value::Type(dtype.into()));
        self.emitted.nodes.push(node);
    }

    /// The constant that stands for a variable. Its value is read later.
    fn constant(&mut self, variable: VariableId<'m>) -> Result<String, String> {
        if let Some(name) = self.constants.get(&variable) {
            return Ok(name.clone());
        }
        let (name, dtype, shape) = match variable {
            VariableId::Object(place) => {
                let declared = self.program.variable(place);
                let declared = declared.ok_or_else(|| format!("object {place} is no variable"))?;
                let dims = declared.shape.as_ref().filter(|shape| !shape.unknown_rank);
                let dims = dims.map(|shape| shape.dim.iter().map(|d| d.size).collect());
                (declared.name.as_str(), declared.dtype.enum_value().ok(), dims)
            }
            VariableId::Named(name) => {
                let nodes = &self.program.graph().node;
                let node = nodes.iter().find(|n| super::objects::named(n) == variable);
                let dtype = node.and_then(|n| n.type_attr("dtype").ok());
                (name, dtype, node.and_then(|n| n.shape_attr("shape")))
            }
        };
        let dtype = dtype.ok_or_else(|| format!("the variable '{name}' is of an unknown type"))?;
        let name = self.names.unique_name(&valid_name(name));
        let node = self.emitted.nodes.len();
        // Too large a graph is refused before values are read.
        self.bytes = self.bytes.saturating_add(value_size(dtype, shape.as_deref()));
        self.push(NodeDef { name: name.clone(), op: "Const".into(), ..NodeDef::default() })?;
        self.emitted.variables.push(Pending { node, variable, dtype, shape });
        self.constants.insert(variable, name.clone());
        Ok(name)
    }
}

/// How many bytes a variable's value takes in the graph, at least: half precision becomes floats.
fn value_size(dtype: DataType, shape: Option<&[i64]>) -> u64 {
    let number = match dtype {
        DataType::DT_FLOAT | DataType::DT_HALF | DataType::DT_BFLOAT16 => 4,
        _ => 1,
    };
    // An unknown dimension is −1.
    let sides = shape.unwrap_or_default().iter().map(|&side| u64::try_from(side).unwrap_or(1));
    sides.fold(number, u64::saturating_mul)
}

/// False.
fn no() -> TensorProto {
    TensorProto {
        dtype: DataType::DT_BOOL.into(),
        tensor_shape: Some(proto::shape(&[])).into(),
        bool_val: vec![false],
        ..TensorProto::default()
    }
}
