//! Which tensors of a graph are noise: dropout that was frozen in answers otherwise each time, and
//! what is cached of it is worthless.
//!
//! Each output of each node gets a [`Value`], from what the node reads, until nothing changes any
//! more. It starts as `None`, never computed, and stays that in a branch that is not taken. From
//! then on a value only loses certainty (a range becomes unknown, a constant noise), a few times
//! at most: loops end, too, and time grows with the number of edges.

use super::random_ops::{RandomOp, RandomOps};
use super::ranges::{Range, range};
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, Value as Attr};
use std::collections::{HashMap, HashSet};

/// Ops that give the shape of a tensor and nothing of its numbers.
const SHAPES: [&str; 4] = ["Shape", "ShapeN", "Size", "Rank"];
/// How many inputs an op has at most that is computed again whenever one of them changes.
const FEW: usize = 3;

/// What is known of a tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Value {
    range: Option<Range>,
    /// The random node it depends on, by its place in the graph.
    random: Option<usize>,
    /// The random node that decides whether it is computed at all. The number of each branch may
    /// be known, and which of them counts still be noise.
    chosen_by: Option<usize>,
    /// Whether it depends on the pixels of the image.
    shows_image: bool,
}

impl Value {
    /// Either of two.
    fn or(self, other: Self) -> Self {
        Self { range: self.range.filter(|_| self.range == other.range), ..self.and(other) }
    }

    /// Something of both.
    fn and(self, other: Self) -> Self {
        Self {
            range: None,
            random: self.random.or(other.random),
            chosen_by: self.chosen_by.or(other.chosen_by),
            shows_image: self.shows_image || other.shows_image,
        }
    }

    /// With that range; one number is no noise, and nothing of an image.
    fn within(self, range: Option<Range>) -> Self {
        match range.and_then(Range::number) {
            Some(_) => Self { range, chosen_by: self.chosen_by, ..Self::default() },
            None => Self { range, ..self },
        }
    }
}

/// The values of a node's outputs: all the same, but for a Switch, whose second is for "true".
type Values = [Option<Value>; 2];

/// A node as it is looked at.
struct Step<'g> {
    node: &'g NodeDef,
    /// The tensors it reads: places of nodes, and which output.
    sources: Vec<(usize, usize)>,
    /// The nodes that read an output, or that wait for the node (`None`).
    readers: Vec<(usize, Option<usize>)>,
    /// How many inputs are not known yet.
    missing: usize,
    /// As in [`Value`], of all it reads or waits for.
    chosen_by: Option<usize>,
    values: Values,
}

/// An input of a node became known, or less certain.
struct News {
    reader: usize,
    /// What it is now. Where the reader only waits for it, only `chosen_by` counts.
    value: Value,
    is_read: bool,
    is_first: bool,
}

/// What of a graph is noise, seen from the tensor that is fed with an image.
pub(in crate::model) struct Randomness<'g> {
    places: HashMap<&'g str, usize>,
    steps: Vec<Step<'g>>,
    ops: RandomOps<'g>,
}

impl<'g> Randomness<'g> {
    /// Looks at the whole graph, but not beyond `input`.
    pub(in crate::model) fn new(graph: &'g GraphDef, input: &str) -> Self {
        let places = graph.node.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
        let steps = graph.node.iter().map(|node| Step {
            node,
            sources: Vec::new(),
            readers: Vec::new(),
            missing: node.input.len(),
            chosen_by: None,
            values: Values::default(),
        });
        let mut this = Self { places, steps: steps.collect(), ops: RandomOps::of(graph) };
        this.connect(graph);
        this.settle(this.places.get(InputRef::parse(input).node).copied());
        this
    }

    /// The random node that a tensor depends on.
    pub(in crate::model) fn of(&self, tensor: &str) -> Option<RandomOp> {
        let value = self.value(tensor)?;
        Some(RandomOp::of(self.steps[value.random.or(value.chosen_by)?].node))
    }

    /// Whether a tensor depends on the image and on nothing random.
    pub(in crate::model) fn is_clean(&self, tensor: &str) -> bool {
        self.value(tensor).is_some_and(|v| v.shows_image) && self.of(tensor).is_none()
    }

    /// A node that `tensor` needs and that normalises by the moments of the batch.
    pub(super) fn batch_norm(&self, tensor: &str) -> Option<&'g NodeDef> {
        let mut seen = HashSet::new();
        let mut open = vec![*self.places.get(InputRef::parse(tensor).node)?];
        while let Some(place) = open.pop() {
            let Step { node, sources, values, .. } = &self.steps[place];
            if *values == Values::default() || !seen.insert(place) {
                continue;
            }
            // True is the attribute's default.
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
        self.steps[*self.places.get(tensor.node)?].values[tensor.index.min(1)]
    }

    fn connect(&mut self, graph: &'g GraphDef) {
        for (reader, node) in graph.node.iter().enumerate() {
            for read in node.input.iter().map(|i| InputRef::parse(i)) {
                let Some(&place) = self.places.get(read.node) else { continue };
                let output = (!read.control).then_some(read.index.min(1));
                self.steps[place].readers.push((reader, output));
                self.steps[reader].sources.extend(output.map(|output| (place, output)));
            }
        }
    }

    /// Gives every output its value.
    fn settle(&mut self, input: Option<usize>) {
        let mut open = Vec::new();
        if let Some(input) = input {
            // What it is made of does not count.
            self.steps[input].sources.clear();
            self.steps[input].missing = usize::MAX;
            let image = Value { shows_image: true, ..Value::default() };
            self.set(input, [Some(image); 2], &mut open);
        }
        for place in 0..self.steps.len() {
            if self.steps[place].missing == 0 {
                self.set(place, self.computed(place), &mut open);
            }
        }
        while let Some(news) = open.pop() {
            if Some(news.reader) != input
                && let Some(values) = self.heard(&news)
            {
                self.set(news.reader, values, &mut open);
            }
        }
    }

    /// What becomes of a node's outputs by the news, if anything may.
    fn heard(&mut self, news: &News) -> Option<Values> {
        let step = &mut self.steps[news.reader];
        step.missing -= usize::from(news.is_first);
        step.chosen_by = step.chosen_by.or(news.value.chosen_by);
        // A Merge passes on what comes, from whichever branch.
        if matches!(step.node.op.as_str(), "Merge" | "RefMerge") {
            return news.is_read.then_some([Some(news.value); 2]);
        }
        if step.missing > 0 {
            return None;
        }
        match step.values[0].filter(|_| step.sources.len() > FEW) {
            Some(known) if SHAPES.contains(&step.node.op.as_str()) => {
                Some([Some(Value { chosen_by: step.chosen_by, ..known }); 2])
            }
            Some(known) => Some([Some(known.and(news.value)); 2]),
            None => Some(self.computed(news.reader)),
        }
    }

    /// Joins values to those that are there, and tells those that read them.
    fn set(&mut self, place: usize, values: Values, open: &mut Vec<News>) {
        let step = &mut self.steps[place];
        let before = step.values;
        for (known, value) in step.values.iter_mut().zip(values) {
            *known = match (*known, value) {
                (Some(known), Some(value)) => Some(known.or(value)),
                (known, value) => known.or(value),
            };
        }
        let after = step.values;
        for &(reader, output) in &step.readers {
            let of = |values: Values| match output {
                Some(output) => values[output],
                None => values[0]
                    .or(values[1])
                    .map(|v| Value { chosen_by: v.chosen_by, ..Value::default() }),
            };
            let (before, after) = (of(before), of(after));
            if let Some(value) = after.filter(|_| before != after) {
                let (is_read, is_first) = (output.is_some(), before.is_none());
                open.push(News { reader, value, is_read, is_first });
            }
        }
    }

    /// The values of a node's outputs by those it reads; none where one of these has none.
    fn computed(&self, place: usize) -> Values {
        let Step { node, sources, chosen_by, .. } = &self.steps[place];
        let read = sources.iter().map(|&(place, output)| self.steps[place].values[output]);
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

/// A Switch's outputs: what it reads, in the branch that is taken, or in both where that is not
/// known.
fn branches(data: Value, which: Value) -> Values {
    let chosen_by = data.chosen_by.or(which.random).or(which.chosen_by);
    let value = Some(Value { chosen_by, ..data });
    match which.range.and_then(Range::number) {
        Some(0.0) => [value, None],
        Some(_) => [None, value],
        None => [value; 2],
    }
}

/// Where a random op's numbers lie, if that is known.
fn uniform(node: &NodeDef) -> Option<Range> {
    let is_uniform = ["RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"]
        .contains(&&*node.op);
    let is_float = node.type_attr("dtype").is_ok_and(|t| t == DataType::DT_FLOAT);
    (is_uniform && is_float).then_some(Range::UNIFORM)
}

/// The random node that the tensor `output` depends on, not looking beyond `input`.
pub(crate) fn random_op(graph: &GraphDef, input: &str, output: &str) -> Option<RandomOp> {
    Randomness::new(graph, input).of(output)
}

/// A node between `input` and `output` that normalises by the moments of the batch.
pub(crate) fn batch_norm<'g>(
    graph: &'g GraphDef,
    input: &str,
    output: &str,
) -> Option<&'g NodeDef> {
    Randomness::new(graph, input).batch_norm(output)
}
