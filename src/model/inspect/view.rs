//! Queries on a graph: nodes by name, readers of a node, and the shapes that TensorFlow infers.

use crate::error::Result;
use crate::proto::{GraphDef, InputRef, NodeDef};
use crate::tf::Graph;
use std::collections::{HashMap, HashSet};

/// An unfamiliar graph, indexed and imported into TensorFlow.
pub(in crate::model) struct GraphView<'g> {
    graph_def: &'g GraphDef,
    nodes: HashMap<&'g str, &'g NodeDef>,
    /// The nodes that read each node's outputs.
    readers: HashMap<&'g str, Vec<&'g NodeDef>>,
    graph: Graph,
}

impl<'g> GraphView<'g> {
    /// Imports a graph.
    ///
    /// # Errors
    /// TensorFlow's message, if it refuses the graph.
    pub(in crate::model) fn new(graph_def: &'g GraphDef) -> Result<Self> {
        let mut readers: HashMap<&str, Vec<&NodeDef>> = HashMap::new();
        for node in &graph_def.node {
            for input in data_inputs(node) {
                readers.entry(InputRef::parse(input).node).or_default().push(node);
            }
        }
        let nodes = graph_def.node.iter().map(|n| (n.name.as_str(), n)).collect();
        Ok(Self { graph_def, nodes, readers, graph: Graph::import(graph_def)? })
    }

    /// The graph as given.
    pub(in crate::model) fn graph_def(&self) -> &'g GraphDef {
        self.graph_def
    }

    /// The graph inside TensorFlow.
    pub(in crate::model) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// All nodes, in the graph's order.
    pub(in crate::model) fn all(&self) -> impl DoubleEndedIterator<Item = &'g NodeDef> {
        self.graph_def.node.iter()
    }

    /// The node that a tensor is an output of.
    pub(in crate::model) fn node(&self, tensor: &str) -> Option<&'g NodeDef> {
        self.nodes.get(InputRef::parse(tensor).node).copied()
    }

    /// The nodes that read a node's outputs, once for each input that does.
    pub(in crate::model) fn readers(&self, node: &str) -> &[&'g NodeDef] {
        self.readers.get(node).map_or(&[], Vec::as_slice)
    }

    /// How many outputs a node has.
    pub(in crate::model) fn output_count(&self, node: &str) -> usize {
        self.graph.operation(node).map_or(0, |op| op.num_outputs())
    }

    /// A tensor's shape, −1 for an unknown dimension; `None` for an unknown rank.
    pub(in crate::model) fn shape(&self, tensor: &str) -> Option<Vec<i64>> {
        self.graph.shape(tensor)
    }

    /// Whether a tensor holds 32-bit floats.
    pub(in crate::model) fn is_float(&self, tensor: &str) -> bool {
        self.graph.is_float(tensor)
    }

    /// The n of a float tensor [?, n], if n is known.
    pub(in crate::model) fn vector_size(&self, tensor: &str) -> Option<usize> {
        match self.shape(tensor)?[..] {
            [_, n] if n > 0 && self.is_float(tensor) => usize::try_from(n).ok(),
            _ => None,
        }
    }

    /// The n of a float tensor [?, n] or [?, 1, 1, n], if n is known.
    pub(in crate::model) fn feature_count(&self, tensor: &str) -> Option<usize> {
        match self.shape(tensor)?[..] {
            [_, 1, 1, n] if n > 0 && self.is_float(tensor) => usize::try_from(n).ok(),
            _ => self.vector_size(tensor),
        }
    }

    /// The nodes that a tensor needs, its own included, without those needed only by `stop`.
    pub(in crate::model) fn needs(&self, tensor: &str, stop: Option<&str>) -> HashSet<&'g str> {
        let mut found = HashSet::new();
        let mut open: Vec<&NodeDef> = self.node(tensor).into_iter().collect();
        while let Some(node) = open.pop() {
            if found.insert(node.name.as_str()) && stop != Some(&node.name) {
                open.extend(node.input.iter().filter_map(|i| self.node(i.trim_start_matches('^'))));
            }
        }
        found
    }

    /// The nodes that depend on a tensor's node, that node included.
    pub(in crate::model) fn reached_from(&self, tensor: &str) -> HashSet<&'g str> {
        let mut found = HashSet::new();
        let mut open: Vec<&NodeDef> = self.node(tensor).into_iter().collect();
        while let Some(node) = open.pop() {
            if found.insert(node.name.as_str()) {
                open.extend(self.readers(&node.name));
            }
        }
        found
    }
}

/// The tensors a node reads, without its control dependencies.
pub(in crate::model) fn data_inputs(node: &NodeDef) -> impl Iterator<Item = &str> {
    node.input.iter().map(String::as_str).filter(|i| !i.starts_with('^'))
}
