//! Which constants of a network are trained.
//!
//! A layer is a convolution or a matrix product with all that belongs to it: the kernel, the
//! biases, and the scale and offset of its normalisation. The statistics of normalisation are never
//! trained.

use crate::error::{Error, Result};
use crate::learn::{Selection, pattern};
use crate::proto::{DataType, GraphDef, InputRef, NodeDef};
use regex::Regex;
use std::collections::{HashMap, HashSet};

/// A layer that can be trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The node of the convolution or matrix product.
    pub name: String,
    /// Its constants.
    pub constants: Vec<String>,
}

/// The layers between the tensors `input` and `output`, in the order in which they are computed.
#[must_use]
pub fn layers(graph: &GraphDef, input: &str, output: &str) -> Vec<Layer> {
    let view = View::new(graph, InputRef::parse(input).node, InputRef::parse(output).node);
    let layers = view.order.iter().filter_map(|node| view.layer(node));
    layers.filter(|layer| !layer.constants.is_empty()).collect()
}

/// The layers that are trained, each with the constants that are.
///
/// # Errors
/// If there are none; the error names those that could be chosen.
pub fn choose(layers: &[Layer], selection: &Selection) -> Result<Vec<Layer>> {
    match selection {
        Selection::All if !layers.is_empty() => Ok(layers.to_vec()),
        Selection::Last(count) if *count <= layers.len() => {
            Ok(layers[layers.len() - count..].to_vec())
        }
        Selection::Last(count) if !layers.is_empty() => {
            let message = format!("is {count}, but the network has {} layers", layers.len());
            Err(Error::usage("fine_tune", message))
        }
        Selection::Matching(text) => {
            let pattern = pattern(text)?;
            let chosen: Vec<Layer> = layers.iter().filter_map(|l| l.matching(&pattern)).collect();
            if chosen.is_empty() {
                let message = format!("'{text}' matches none of the network's {}", listed(layers));
                return Err(Error::usage("fine_tune", message));
            }
            Ok(chosen)
        }
        _ => {
            let message = "cannot be used: the network has neither convolutions nor matrix \
                           products with constant weights";
            Err(Error::usage("fine_tune", message))
        }
    }
}

/// The first and the last few names.
fn listed(layers: &[Layer]) -> String {
    const SHOWN: usize = 3;
    let names: Vec<&str> = layers.iter().map(|l| l.name.as_str()).collect();
    let (count, list) = (names.len(), names.join(", "));
    if count <= 2 * SHOWN {
        return format!("{count} layers: {list}");
    }
    let (first, last) = (names[..SHOWN].join(", "), names[count - SHOWN..].join(", "));
    format!("{count} layers: {first}, … {last}")
}

impl Layer {
    fn matching(&self, pattern: &Regex) -> Option<Self> {
        if pattern.is_match(&self.name) {
            return Some(self.clone());
        }
        let constants = self.constants.iter().filter(|c| pattern.is_match(c));
        let constants: Vec<String> = constants.cloned().collect();
        (!constants.is_empty()).then(|| Self { name: self.name.clone(), constants })
    }
}

/// A graph, indexed for the questions below.
struct View<'g> {
    nodes: HashMap<&'g str, &'g NodeDef>,
    readers: HashMap<&'g str, Vec<&'g NodeDef>>,
    /// The nodes that the output needs, each after those it reads.
    order: Vec<&'g NodeDef>,
    /// The nodes that depend on the pixels.
    varying: HashSet<&'g str>,
    output: &'g str,
}

impl<'g> View<'g> {
    fn new(graph: &'g GraphDef, input: &str, output: &'g str) -> Self {
        let nodes: HashMap<&str, &NodeDef> =
            graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
        let order = order(&nodes, output);
        let (mut readers, mut varying) = (HashMap::<&str, Vec<&NodeDef>>::new(), HashSet::new());
        for node in &order {
            for read in node.input.iter().map(|i| InputRef::parse(i).node) {
                readers.entry(read).or_default().push(node);
                if varying.contains(read) {
                    varying.insert(node.name.as_str());
                }
            }
            if node.name == input {
                varying.insert(node.name.as_str());
            }
        }
        Self { nodes, readers, order, varying, output }
    }

    /// The layer whose convolution or matrix product is `node`.
    fn layer(&self, node: &'g NodeDef) -> Option<Layer> {
        if !["Conv2D", "DepthwiseConv2dNative", "MatMul"].contains(&node.op.as_str()) {
            return None;
        }
        let mut constants = Vec::new();
        self.constants(node.input.get(1)?, &mut constants);
        let mut at = node;
        while let Some(reader) = self.only_reader(at) {
            let fixed = reader.input.iter().filter(|i| !self.varies(i));
            let belonging: Vec<&str> = match reader.op.as_str() {
                "BiasAdd" | "Add" | "AddV2" | "Mul" => fixed.map(String::as_str).collect(),
                "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
                    fixed.take(2).map(String::as_str).collect()
                }
                "Reshape" | "Squeeze" | "Identity" => Vec::new(),
                _ => break,
            };
            belonging.into_iter().for_each(|tensor| self.constants(tensor, &mut constants));
            at = reader;
        }
        Some(Layer {
            name: node.name.clone(),
            constants: constants.into_iter().map(Into::into).collect(),
        })
    }

    fn varies(&self, tensor: &str) -> bool {
        self.varying.contains(InputRef::parse(tensor).node)
    }

    /// The node that reads `node`, if it is the only one and reads nothing else that varies.
    fn only_reader(&self, node: &NodeDef) -> Option<&'g NodeDef> {
        match self.readers.get(node.name.as_str()).map(Vec::as_slice) {
            Some(&[reader]) if node.name != self.output => {
                let varying = reader.input.iter().filter(|i| self.varies(i)).count();
                (varying == 1).then_some(reader)
            }
            _ => None,
        }
    }

    /// The constants to train that a tensor is computed from: factors of products, and what
    /// something is subtracted from. What is subtracted, and what is under a root, are statistics.
    fn constants(&self, tensor: &str, found: &mut Vec<&'g str>) {
        let mut open = vec![InputRef::parse(tensor).node];
        let mut seen = HashSet::new();
        while let Some(node) = open.pop().and_then(|name| self.nodes.get(name)) {
            let name = node.name.as_str();
            if self.varying.contains(name) || !seen.insert(name) {
                continue;
            }
            let read = match node.op.as_str() {
                "Const" if is_trainable(node) && !found.contains(&name) => {
                    found.push(name);
                    0
                }
                "Identity" | "Reshape" | "Sub" => 1,
                "Mul" => 2,
                _ => 0,
            };
            let inputs = node.input.iter().take(read).rev();
            open.extend(inputs.map(|i| InputRef::parse(i).node));
        }
    }
}

/// Whether a constant holds floats, more than one: a single number scales pixels or the like.
fn is_trainable(node: &NodeDef) -> bool {
    let Ok(tensor) = node.tensor_attr("value") else { return false };
    let count = tensor.tensor_shape.dim.iter().map(|d| d.size).product::<i64>();
    tensor.dtype.enum_value() == Ok(DataType::DT_FLOAT) && count > 1
}

/// The nodes that `output` needs, each after those it reads.
fn order<'g>(nodes: &HashMap<&'g str, &'g NodeDef>, output: &str) -> Vec<&'g NodeDef> {
    let (mut order, mut opened) = (Vec::new(), HashSet::new());
    // A node is visited before its inputs, and again after them.
    let mut open: Vec<(&NodeDef, bool)> =
        nodes.get(output).map(|&n| (n, false)).into_iter().collect();
    while let Some((node, closing)) = open.pop() {
        if closing {
            order.push(node);
        } else if opened.insert(node.name.as_str()) {
            open.push((node, true));
            let inputs = node.input.iter().rev().map(|i| InputRef::parse(i).node);
            open.extend(inputs.filter_map(|name| nodes.get(name)).map(|&n| (n, false)));
        }
    }
    order
}
