//! Finds the tensors of a graph that depend on noise. With dropout left on, an image has different
//! bottlenecks each time, and caching one would be worthless.
//!
//! This is a data-flow analysis: each output of each node gets a [`Value`] from the values of the
//! node's inputs, until nothing changes. A value starts as `None`, never computed, and stays that
//! in a branch that is not taken. From then on it only loses certainty (a range becomes unknown, a
//! constant noise), at most a few times. So graphs with loops end too, and time grows with the
//! number of edges.

use super::random_ops::{RandomOp, RandomOps};
use super::ranges::{Range, range};
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, Value as Attr};
use std::collections::{HashMap, HashSet};

/// Ops whose output depends only on a tensor's shape.
const SHAPES: [&str; 4] = ["Shape", "ShapeN", "Size", "Rank"];
/// Ops with more inputs than this merge an input's update into their value instead of computing it
/// again from all inputs.
const FEW: usize = 3;

/// What is known about a tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Value {
    range: Option<Range>,
    /// The random node it depends on, by index.
    random: Option<usize>,
    /// The random node that decides whether it is computed at all: even if each branch gives a
    /// known number, it may be random which branch is taken.
    chosen_by: Option<usize>,
    /// Whether it depends on the pixels of the image.
    shows_image: bool,
}

impl Value {
    /// The value of a tensor that is either of two.
    fn or(self, other: Self) -> Self {
        Self { range: self.range.filter(|_| self.range == other.range), ..self.and(other) }
    }

    /// The value of a tensor that is computed from two.
    fn and(self, other: Self) -> Self {
        Self {
            range: None,
            random: self.random.or(other.random),
            chosen_by: self.chosen_by.or(other.chosen_by),
            shows_image: self.shows_image || other.shows_image,
        }
    }

    /// With that range. A tensor that can be only one number depends on neither noise nor the
    /// image.
    fn within(self, range: Option<Range>) -> Self {
        match range.and_then(Range::number) {
            Some(_) => Self { range, chosen_by: self.chosen_by, ..Self::default() },
            None => Self { range, ..self },
        }
    }
}

/// The values of a node's outputs. All are the same, except for a Switch, whose second output is
/// the one for "true".
type Values = [Option<Value>; 2];

/// A node and what the analysis knows about it.
struct NodeState<'g> {
    node: &'g NodeDef,
    /// The tensors it reads: the node's index, and which of its outputs.
    sources: Vec<(usize, usize)>,
    /// The nodes that read one of its outputs, or that only wait for it (`None`).
    readers: Vec<(usize, Option<usize>)>,
    /// How many inputs have no value yet.
    missing: usize,
    /// As in [`Value`], from everything it reads or waits for.
    chosen_by: Option<usize>,
    values: Values,
}

/// An input of a node got a value, or a less certain one.
struct Update {
    reader: usize,
    /// Its new value. If the reader only waits for it, only `chosen_by` matters.
    value: Value,
    is_read: bool,
    is_first: bool,
}

/// Which tensors of a graph depend on noise, and which on the image.
pub(in crate::model) struct Randomness<'g> {
    places: HashMap<&'g str, usize>,
    nodes: Vec<NodeState<'g>>,
    ops: RandomOps<'g>,
}

impl<'g> Randomness<'g> {
    /// Analyses the graph, with the image fed to `input`.
    pub(in crate::model) fn new(graph: &'g GraphDef, input: &str) -> Self {
        let places = graph.node.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
        let nodes = graph.node.iter().map(|node| NodeState {
            node,
            sources: Vec::new(),
            readers: Vec::new(),
            missing: node.input.len(),
            chosen_by: None,
            values: Values::default(),
        });
        let mut this = Self { places, nodes: nodes.collect(), ops: RandomOps::of(graph) };
        this.connect(graph);
        this.propagate(this.places.get(InputRef::parse(input).node).copied());
        this
    }

    /// The random node that a tensor depends on, if it does.
    pub(in crate::model) fn of(&self, tensor: &str) -> Option<RandomOp> {
        let value = self.value(tensor)?;
        Some(RandomOp::of(self.nodes[value.random.or(value.chosen_by)?].node))
    }

    /// Whether a tensor depends on the image and on nothing random.
    pub(in crate::model) fn is_clean(&self, tensor: &str) -> bool {
        self.value(tensor).is_some_and(|v| v.shows_image) && self.of(tensor).is_none()
    }

    /// A node that `tensor` needs and that normalises by the batch's own mean and variance.
    pub(super) fn batch_norm(&self, tensor: &str) -> Option<&'g NodeDef> {
        let mut seen = HashSet::new();
        let mut open = vec![*self.places.get(InputRef::parse(tensor).node)?];
        while let Some(place) = open.pop() {
            let NodeState { node, sources, values, .. } = &self.nodes[place];
            if *values == Values::default() || !seen.insert(place) {
                continue;
            }
            // The attribute defaults to true.
            let trains = !matches!(node.attr_value("is_training"), Some(Attr::B(false)));
            if node.op.starts_with("FusedBatchNorm") && trains {
                return Some(node);
            }
            open.extend(sources.iter().map(|(place, _)| place));
        }
        None
    }

    fn value(&self, tensor: &str) -> Option<Value> {
        let tensor = InputRef::parse(tensor);
        self.nodes[*self.places.get(tensor.node)?].values[tensor.index.min(1)]
    }

    fn connect(&mut self, graph: &'g GraphDef) {
        for (reader, node) in graph.node.iter().enumerate() {
            for read in node.input.iter().map(|i| InputRef::parse(i)) {
                let Some(&place) = self.places.get(read.node) else { continue };
                let output = (!read.control).then_some(read.index.min(1));
                self.nodes[place].readers.push((reader, output));
                self.nodes[reader].sources.extend(output.map(|output| (place, output)));
            }
        }
    }

    /// Computes all values, starting from the image and the nodes without inputs.
    fn propagate(&mut self, input: Option<usize>) {
        let mut open = Vec::new();
        if let Some(input) = input {
            // The image replaces whatever this node computes.
            self.nodes[input].sources.clear();
            self.nodes[input].missing = usize::MAX;
            let image = Value { shows_image: true, ..Value::default() };
            self.set(input, [Some(image); 2], &mut open);
        }
        for place in 0..self.nodes.len() {
            if self.nodes[place].missing == 0 {
                self.set(place, self.computed(place), &mut open);
            }
        }
        while let Some(update) = open.pop() {
            if Some(update.reader) != input
                && let Some(values) = self.receive(&update)
            {
                self.set(update.reader, values, &mut open);
            }
        }
    }

    /// The new values of a node's outputs after an update of an input, if they may change.
    fn receive(&mut self, update: &Update) -> Option<Values> {
        let state = &mut self.nodes[update.reader];
        state.missing -= usize::from(update.is_first);
        state.chosen_by = state.chosen_by.or(update.value.chosen_by);
        // A Merge passes on whichever branch is taken.
        if matches!(state.node.op.as_str(), "Merge" | "RefMerge") {
            return update.is_read.then_some([Some(update.value); 2]);
        }
        if state.missing > 0 {
            return None;
        }
        match state.values[0].filter(|_| state.sources.len() > FEW) {
            Some(known) if SHAPES.contains(&state.node.op.as_str()) => {
                Some([Some(Value { chosen_by: state.chosen_by, ..known }); 2])
            }
            Some(known) => Some([Some(known.and(update.value)); 2]),
            None => Some(self.computed(update.reader)),
        }
    }

    /// Merges new values into a node's, and queues updates for its readers.
    fn set(&mut self, place: usize, values: Values, open: &mut Vec<Update>) {
        let state = &mut self.nodes[place];
        let before = state.values;
        for (known, value) in state.values.iter_mut().zip(values) {
            *known = match (*known, value) {
                (Some(known), Some(value)) => Some(known.or(value)),
                (known, value) => known.or(value),
            };
        }
        let after = state.values;
        for &(reader, output) in &state.readers {
            let of = |values: Values| match output {
                Some(output) => values[output],
                None => values[0]
                    .or(values[1])
                    .map(|v| Value { chosen_by: v.chosen_by, ..Value::default() }),
            };
            let (before, after) = (of(before), of(after));
            if let Some(value) = after.filter(|_| before != after) {
                let (is_read, is_first) = (output.is_some(), before.is_none());
                open.push(Update { reader, value, is_read, is_first });
            }
        }
    }

    /// The values of a node's outputs, given those of its inputs; none if an input has none.
    fn computed(&self, place: usize) -> Values {
        let NodeState { node, sources, chosen_by, .. } = &self.nodes[place];
        let read = sources.iter().map(|&(place, output)| self.nodes[place].values[output]);
        let Some(read) = read.collect::<Option<Vec<Value>>>() else { return Values::default() };
        let all = read.iter().fold(Value::default(), |all, &value| all.and(value));
        let condition = read.first().filter(|_| read.len() <= FEW);
        let condition = condition.and_then(|v| v.range?.number());
        let value = match (node.op.as_str(), &read[..]) {
            (op, _) if SHAPES.contains(&op) => Value::default(),
            ("Switch" | "RefSwitch", &[data, which]) => return branches(data, which),
            ("Select" | "SelectV2", &[which, yes, no]) => match which.range.and_then(Range::number)
            {
                Some(0.0) => no,
                Some(_) => yes,
                None => all,
            },
            _ if self.ops.has(node, condition) => {
                Value { range: uniform(node), random: all.random.or(Some(place)), ..all }
            }
            _ if read.len() > FEW => all,
            _ => {
                let ranges: Vec<Option<Range>> = read.iter().map(|v| v.range).collect();
                all.within(range(node, &ranges))
            }
        };
        [Some(Value { chosen_by: *chosen_by, ..value }); 2]
    }
}

/// The outputs of a Switch: its input in the branch that is taken, or in both if that is unknown.
fn branches(data: Value, which: Value) -> Values {
    let chosen_by = data.chosen_by.or(which.random).or(which.chosen_by);
    let value = Some(Value { chosen_by, ..data });
    match which.range.and_then(Range::number) {
        Some(0.0) => [value, None],
        Some(_) => [None, value],
        None => [value; 2],
    }
}

/// The range of a random op's numbers, if it is known.
fn uniform(node: &NodeDef) -> Option<Range> {
    let is_uniform = ["RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"]
        .contains(&&*node.op);
    let is_float = node.type_attr("dtype").is_ok_and(|t| t == DataType::DT_FLOAT);
    (is_uniform && is_float).then_some(Range::UNIFORM)
}

/// The random node between `input` and `output` that `output` depends on, if there is one.
pub(crate) fn random_op(graph: &GraphDef, input: &str, output: &str) -> Option<RandomOp> {
    Randomness::new(graph, input).of(output)
}

/// A node between `input` and `output` that normalises by the batch's own mean and variance.
pub(crate) fn batch_norm<'g>(
    graph: &'g GraphDef,
    input: &str,
    output: &str,
) -> Option<&'g NodeDef> {
    Randomness::new(graph, input).batch_norm(output)
}
