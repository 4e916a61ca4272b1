//! Leaves random augmentation out of a network. Keras 3 exports its augmentation layers switched
//! on, although they are for training only.
//!
//! An augmentation lies between two tensors of images, *before* and *after*: everything random in
//! it reaches the output through *after* alone, and the image reaches *after* through *before*
//! alone. *after* is the first such tensor and *before* the last, so that as little as possible is
//! left out: of x + noise only the sum. Nodes that read *after* then read *before*. A clip right
//! behind it belongs to the augmentation: layers of contrast and brightness clip to the range of
//! pixels that they were told. Where there are no two such tensors of one shape, as around a random
//! crop or in the middle of a network, nothing is changed.

use super::random_ops::{RandomOp, draws};
use super::randomness::Randomness;
use super::view::{GraphView, data_inputs};
use crate::error::Result;
use crate::proto::{GraphDef, InputRef, NodeDef};
use crate::rewrite::needed_nodes;
use std::collections::HashSet;

/// The most augmentations that are left out.
const MOST: usize = 64;

/// Leaves augmentations out of `graph`, whose nodes are in the order in which they are computed.
/// Returns what was left out, a sentence each.
///
/// # Errors
/// TensorFlow's message, if it refuses the graph.
pub(in crate::model) fn bypass_augmentation(
    graph: &mut GraphDef,
    input: &str,
) -> Result<Vec<String>> {
    let outputs = unread(graph);
    let mut sentences = Vec::new();
    while sentences.len() < MOST
        && let Some(found) = find(graph, input)?
    {
        let Augmentation { before, after, random } = found;
        sentences.push(format!(
            "the random augmentation of '{before}' up to '{after}' is left out: {}",
            random.sentence()
        ));
        let read = graph.node.iter_mut().flat_map(|n| &mut n.input);
        read.filter(|i| is(i, &after)).for_each(|i| i.clone_from(&before));
        keep_needed(graph, &outputs)?;
    }
    Ok(sentences)
}

struct Augmentation {
    before: String,
    after: String,
    random: RandomOp,
}

/// Whether an input is the tensor `name` or `name:0`.
fn is(input: &str, name: &str) -> bool {
    InputRef::parse(input) == InputRef::parse(name)
}

/// The nodes that no other reads.
fn unread(graph: &GraphDef) -> Vec<String> {
    let inputs = graph.node.iter().flat_map(|n| &n.input);
    let read: HashSet<&str> = inputs.map(|i| InputRef::parse(i).node).collect();
    let unread = graph.node.iter().filter(|n| !read.contains(n.name.as_str()));
    unread.map(|n| n.name.clone()).collect()
}

fn keep_needed(graph: &mut GraphDef, outputs: &[String]) -> Result<()> {
    let mut needed = HashSet::new();
    for output in outputs {
        needed.extend(needed_nodes(graph, output)?.into_iter().map(str::to_owned));
    }
    graph.node.retain(|n| needed.contains(&n.name));
    Ok(())
}

/// The first augmentation.
fn find(graph: &GraphDef, input: &str) -> Result<Option<Augmentation>> {
    if !graph.node.iter().any(|n| draws(&n.op)) {
        return Ok(None);
    }
    let view = GraphView::new(graph)?;
    let randomness = Randomness::new(graph, input);
    let is_random = |n: &&NodeDef| draws(&n.op) && randomness.of(&n.name).is_some();
    let Some(random) = view.all().find(is_random) else { return Ok(None) };
    let search = Search { view: &view, randomness: &randomness, input };
    let found = search.after(random).and_then(|after| Some((search.before(after)?, after)));
    Ok(found.map(|(before, after)| Augmentation {
        before: before.to_owned(),
        after: after.to_owned(),
        random: RandomOp::of(random),
    }))
}

struct Search<'v, 'g> {
    view: &'v GraphView<'g>,
    randomness: &'v Randomness<'g>,
    input: &'v str,
}

impl<'g> Search<'_, 'g> {
    /// The first tensor of images through which all that depends on `random` passes.
    fn after(&self, random: &'g NodeDef) -> Option<&'g str> {
        let reached = self.reached(&random.name, None);
        // The noise itself may have the shape of images.
        let of_image = self.reached(self.view.node(self.input)?.name.as_str(), None);
        let mut images = self.view.all().filter(|n| {
            [&reached, &of_image].iter().all(|set| set.contains(n.name.as_str()))
                && self.images(&n.name).is_some()
        });
        let passes = |n: &&NodeDef| {
            let around = self.reached(&random.name, Some(&n.name));
            !around.iter().any(|name| self.view.readers(name).is_empty())
        };
        images.find(passes).map(|n| self.clipped(n))
    }

    /// The clip behind a tensor of images, or else that tensor: what is between the two may only
    /// add something that depends on the image, such as its mean.
    fn clipped(&self, after: &'g NodeDef) -> &'g str {
        let mut at = after;
        let mut last = after;
        while let &[reader] = self.view.readers(&at.name) {
            let other = data_inputs(reader).find(|i| InputRef::parse(i).node != at.name);
            let shows_image = other.is_some_and(|i| self.randomness.is_clean(i));
            match reader.op.as_str() {
                "ClipByValue" | "Minimum" | "Maximum" => last = reader,
                "Add" | "AddV2" | "Sub" if shows_image => {}
                _ => break,
            }
            at = reader;
        }
        &last.name
    }

    /// The last tensor of images of the shape of `after`, free of noise, through which the image
    /// gets there.
    fn before(&self, after: &'g str) -> Option<&'g str> {
        let needed = self.view.needs(after, None);
        let wanted = self.images(after)?;
        let mut images = self.view.all().rev().filter(|n| {
            needed.contains(n.name.as_str())
                && n.name != after
                && self.randomness.is_clean(&n.name)
                && self.images(&n.name).is_some_and(|shape| fits(&shape, &wanted))
        });
        images.find(|n| !self.is_reached_around(after, &n.name)).map(|n| n.name.as_str())
    }

    /// The nodes whose values depend on that of `start`, without those behind `stop`.
    fn reached(&self, start: &'g str, stop: Option<&str>) -> HashSet<&'g str> {
        let mut found = HashSet::new();
        let mut open = vec![start];
        while let Some(name) = open.pop() {
            if Some(name) != stop && found.insert(name) {
                let readers = self.view.readers(name).iter().filter(|n| !is_shape(n));
                open.extend(readers.map(|n| n.name.as_str()));
            }
        }
        found
    }

    /// Whether the image gets to `after` by a way around `before`.
    fn is_reached_around(&self, after: &str, before: &str) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![after];
        while let Some(name) = open.pop() {
            if name == before || !seen.insert(name) {
                continue;
            }
            if name == self.input {
                return true;
            }
            let node = self.view.node(name).filter(|n| !is_shape(n));
            open.extend(node.into_iter().flat_map(data_inputs).map(|i| InputRef::parse(i).node));
        }
        false
    }

    /// The shape of a tensor of images.
    fn images(&self, tensor: &str) -> Option<Vec<i64>> {
        let shape = self.view.shape(tensor).filter(|_| self.view.is_float(tensor))?;
        (shape.len() == 4 && [-1, 3].contains(&shape[3])).then_some(shape)
    }
}

/// Whether a node gives only the shape of what it reads.
fn is_shape(node: &NodeDef) -> bool {
    ["Shape", "ShapeN", "Size", "Rank"].contains(&node.op.as_str())
}

/// Whether two shapes of images may be the same.
fn fits(a: &[i64], b: &[i64]) -> bool {
    a[1..].iter().zip(&b[1..]).all(|(a, b)| a == b || *a < 0 || *b < 0)
}
