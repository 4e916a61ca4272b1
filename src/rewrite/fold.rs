//! Folds batch normalisation into the convolution before it, for computing bottlenecks only.
//!
//! A convolution normalised by constants gives y = (W∗x)·m + c per channel. That equals
//! (W·m)∗x + c, which passes over memory once instead of three times, and TensorFlow can fuse its
//! BiasAdd with the convolution. A bias b before the normalisation adds b·m to c.
//!
//! | form | m | c |
//! |---|---|---|
//! | Mul, then Add, of constants | as it is | as it is |
//! | FusedBatchNorm, V2, V3 (inference) | γ / √(σ² + ε) | β − μ·m |
//! | BatchNormWithGlobalNormalization | γ / √(σ² + ε), or without γ | β − μ·m |

use super::constants::{Constant, Evaluator, PURE};
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, Value, constant, float_tensor};
use protobuf::Message;
use std::collections::{HashMap, HashSet};

/// Folding may add the graph's own size plus this many bytes: many convolutions may share a kernel,
/// and each gets a copy.
const LARGEST_GROWTH: u64 = 64 << 20;

/// A convolution and the normalisation after it.
pub(super) struct Fold {
    pub(super) conv: String,
    pub(super) weights: String,
    pub(super) depthwise: bool,
    /// What is added to the convolution before it is normalised.
    pub(super) bias: Option<String>,
    /// The last node of the normalisation.
    pub(super) norm: String,
    pub(super) constants: Constants,
}

/// The tensors that normalise.
pub(super) enum Constants {
    MultiplyAdd { m: String, c: String },
    Moments { mean: String, variance: String, beta: String, gamma: Option<String>, epsilon: f32 },
}

/// Folds every batch normalisation it understands. The values of the node `output` do not change.
#[must_use]
pub fn fold_batch_norms(graph: &GraphDef, output: &str) -> GraphDef {
    let folds = folds(graph, output);
    let mut folded = graph.clone();
    if folds.is_empty() {
        return folded;
    }
    let values = Evaluator::new(graph);
    let places: HashMap<&str, usize> =
        graph.node.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let mut room = graph.compute_size().saturating_add(LARGEST_GROWTH);
    for fold in &folds {
        let Some((weights, biases)) = fold.apply(&values) else { continue };
        let Some(left) = room.checked_sub(4 * (weights.values.len() + biases.len()) as u64) else {
            break;
        };
        room = left;
        let names = ["weights", "biases"].map(|n| format!("{}/folded/{n}", fold.conv));
        let biases_tensor = float_tensor(&[biases.len() as i64], &biases);
        let weights_tensor = float_tensor(&weights.dims, &weights.values);
        for (name, tensor) in names.iter().zip([weights_tensor, biases_tensor]) {
            folded.node.push(constant(name, tensor));
        }
        let [weights, biases] = names;
        let [conv, norm] = [&fold.conv, &fold.norm].map(|name| places[name.as_str()]);
        folded.node[conv].input[1] = weights;
        folded.node[norm] = bias_add(&fold.norm, vec![fold.conv.clone(), biases]);
    }
    folded
}

/// Every normalisation that can be folded.
pub(super) fn folds(graph: &GraphDef, output: &str) -> Vec<Fold> {
    View::new(graph, output).folds()
}

pub(super) fn bias_add(name: &str, input: Vec<String>) -> NodeDef {
    let mut node = NodeDef { name: name.into(), op: "BiasAdd".into(), input, ..NodeDef::default() };
    node.set_attr("T", Value::Type(DataType::DT_FLOAT.into()));
    node.set_attr("data_format", Value::S(b"NHWC".to_vec()));
    node
}

/// A graph, indexed for the questions below.
struct View<'g> {
    graph: &'g GraphDef,
    nodes: HashMap<&'g str, &'g NodeDef>,
    /// The inputs that read each node.
    readers: HashMap<&'g str, Vec<InputRef<'g>>>,
    constant: HashSet<&'g str>,
    output: &'g str,
}

impl<'g> View<'g> {
    fn new(graph: &'g GraphDef, output: &'g str) -> Self {
        let mut readers: HashMap<&str, Vec<InputRef<'_>>> = HashMap::new();
        for input in graph.node.iter().flat_map(|n| &n.input).map(|i| InputRef::parse(i)) {
            readers.entry(input.node).or_default().push(input);
        }
        let nodes = graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
        Self { graph, nodes, readers, constant: constants(graph), output }
    }

    fn is_constant(&self, tensor: &str) -> bool {
        let tensor = InputRef::parse(tensor);
        !tensor.control && self.constant.contains(tensor.node)
    }

    fn folds(&self) -> Vec<Fold> {
        self.graph.node.iter().filter_map(|n| self.fold_at(n)).collect()
    }

    /// The fold whose normalisation ends in `norm`.
    fn fold_at(&self, norm: &NodeDef) -> Option<Fold> {
        let (x, constants) = match norm.op.as_str() {
            "Add" | "AddV2" => {
                let (product, c) = self.variable_and_constant(norm)?;
                let product = self.only_read_once(product, "Mul")?;
                let (x, m) = self.variable_and_constant(product)?;
                (x, Constants::MultiplyAdd { m: m.into(), c: c.into() })
            }
            "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
                let [x, gamma, beta, mean, variance] = inputs(norm)?;
                let moments_read = self
                    .readers
                    .get(norm.name.as_str())
                    .is_some_and(|r| r.iter().any(|r| r.index > 0));
                let (Some(Value::B(false)), false) = (norm.attr_value("is_training"), moments_read)
                else {
                    return None;
                };
                (x, moments(mean, variance, beta, Some(gamma), float(norm, "epsilon", 1e-4)?))
            }
            "BatchNormWithGlobalNormalization" => {
                let [x, mean, variance, beta, gamma] = inputs(norm)?;
                let Some(Value::B(scale)) = norm.attr_value("scale_after_normalization") else {
                    return None;
                };
                (
                    x,
                    moments(
                        mean,
                        variance,
                        beta,
                        scale.then_some(gamma),
                        float(norm, "variance_epsilon", 0.0)?,
                    ),
                )
            }
            _ => return None,
        };
        let (conv, bias) = self.convolution(x)?;
        let channels_last = |v: &Value| matches!(v, Value::S(s) if s == b"NHWC");
        let plain = [conv, norm].iter().all(|n| {
            n.attr_value("data_format").is_none_or(channels_last)
                && n.type_attr("T").is_ok_and(|t| t == DataType::DT_FLOAT)
        });
        let weights = conv.input.get(1)?;
        let is_new =
            |what| !self.nodes.contains_key(format!("{}/folded/{what}", conv.name).as_str());
        let all_constant = is_new("weights")
            && is_new("biases")
            && constants.tensors().chain(bias).chain([&**weights]).all(|t| self.is_constant(t));
        (plain && all_constant && conv.input.len() == 2).then(|| Fold {
            conv: conv.name.clone(),
            weights: weights.clone(),
            depthwise: conv.op != "Conv2D",
            bias: bias.map(str::to_owned),
            norm: norm.name.clone(),
            constants,
        })
    }

    /// The convolution that gives `x`, with the bias that is added to it, if nothing else reads
    /// either.
    fn convolution(&self, x: &str) -> Option<(&'g NodeDef, Option<&'g str>)> {
        let plain = |x: &str| {
            self.only_read_once(x, "Conv2D")
                .or_else(|| self.only_read_once(x, "DepthwiseConv2dNative"))
        };
        if let Some(conv) = plain(x) {
            return Some((conv, None));
        }
        let sum = ["BiasAdd", "Add", "AddV2"].iter().find_map(|op| self.only_read_once(x, op))?;
        let channels_last = |v: &Value| matches!(v, Value::S(s) if s == b"NHWC");
        let (x, bias) = self
            .variable_and_constant(sum)
            .filter(|_| sum.attr_value("data_format").is_none_or(channels_last))?;
        Some((plain(x)?, Some(bias)))
    }

    /// The variable and the constant input of a node that has one of each.
    fn variable_and_constant<'n>(&self, node: &'n NodeDef) -> Option<(&'n str, &'n str)> {
        let [a, b] = inputs(node)?;
        match (self.is_constant(a), self.is_constant(b)) {
            (false, true) => Some((a, b)),
            (true, false) => Some((b, a)),
            _ => None,
        }
    }

    /// The node of `tensor`, if it is an `op` and has a single reader.
    fn only_read_once(&self, tensor: &str, op: &str) -> Option<&'g NodeDef> {
        let node = *self.nodes.get(InputRef::parse(tensor).node)?;
        let once = self.readers.get(node.name.as_str()).is_some_and(|r| r.len() == 1);
        (node.op == op && once && node.name != self.output).then_some(node)
    }
}

/// The nodes that are constants or computed from constants alone.
fn constants(graph: &GraphDef) -> HashSet<&str> {
    let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, node) in graph.node.iter().enumerate().filter(|(_, n)| PURE.contains(&n.op.as_str())) {
        node.input
            .iter()
            .for_each(|input| readers.entry(InputRef::parse(input).node).or_default().push(i));
    }
    // Per node: inputs not known to be constants. A control dependency never counts as one.
    let mut unknown: Vec<usize> = graph.node.iter().map(|n| n.input.len()).collect();
    let mut found = HashSet::new();
    let starts =
        |n: &NodeDef| n.input.is_empty() && (n.op == "Const" || PURE.contains(&n.op.as_str()));
    let mut open: Vec<&NodeDef> = graph.node.iter().filter(|n| starts(n)).collect();
    while let Some(node) = open.pop() {
        if !found.insert(node.name.as_str()) {
            continue;
        }
        for &i in readers.get(node.name.as_str()).into_iter().flatten() {
            let reader = &graph.node[i];
            unknown[i] -= 1;
            if unknown[i] == 0 && !reader.input.iter().any(|input| input.starts_with('^')) {
                open.push(reader);
            }
        }
    }
    found
}

/// A node's inputs, if there are exactly `N`.
fn inputs<const N: usize>(node: &NodeDef) -> Option<[&str; N]> {
    let list: Vec<&str> = node.input.iter().map(String::as_str).collect();
    list.try_into().ok()
}

fn moments(mean: &str, variance: &str, beta: &str, gamma: Option<&str>, epsilon: f32) -> Constants {
    let (mean, variance, beta) = (mean.into(), variance.into(), beta.into());
    Constants::Moments { mean, variance, beta, gamma: gamma.map(Into::into), epsilon }
}

fn float(node: &NodeDef, key: &str, default: f32) -> Option<f32> {
    match node.attr_value(key) {
        Some(Value::F(value)) => Some(*value),
        Some(_) => None,
        None => Some(default),
    }
}

impl Constants {
    fn tensors(&self) -> impl Iterator<Item = &str> {
        let list: Vec<&String> = match self {
            Self::MultiplyAdd { m, c } => vec![m, c],
            Self::Moments { mean, variance, beta, gamma, .. } => {
                [mean, variance, beta].into_iter().chain(gamma).collect()
            }
        };
        list.into_iter().map(String::as_str)
    }

    /// m and c.
    fn multiplier_and_offset(&self, values: &Evaluator<'_>) -> Option<(Vec<f32>, Vec<f32>)> {
        match self {
            Self::MultiplyAdd { m, c } => {
                // One number per channel (the last dimension), the same for all pixels.
                let vector = |name: &str| {
                    let value = values.get(name)?;
                    (value.dims.last() == Some(&(value.values.len() as i64)))
                        .then(|| value.values.to_vec())
                };
                Some((vector(m)?, vector(c)?))
            }
            Self::Moments { mean, variance, beta, gamma, epsilon } => {
                let mut m: Vec<f32> = values
                    .get(variance)?
                    .values
                    .iter()
                    .map(|v| (v + epsilon).sqrt().recip())
                    .collect();
                if let Some(gamma) = gamma {
                    m.iter_mut()
                        .zip(values.get(gamma)?.values.iter())
                        .for_each(|(m, gamma)| *m *= gamma);
                }
                let (beta, mean) = (values.get(beta)?, values.get(mean)?);
                let terms = beta.values.iter().zip(mean.values.iter()).zip(&m);
                let c = terms.map(|((beta, mean), m)| beta - mean * m).collect();
                Some((m, c))
            }
        }
    }
}

impl Fold {
    /// The new kernel and biases. `None` unless the constants hold one number per channel.
    pub(super) fn apply(&self, values: &Evaluator<'_>) -> Option<(Constant<'static>, Vec<f32>)> {
        let weights = values.get(&self.weights)?;
        let [_, _, input, output] = *weights.dims else { return None };
        let channels = if self.depthwise { input.checked_mul(output)? } else { output } as usize;
        let (m, mut c) = self.constants.multiplier_and_offset(values)?;
        if let Some(bias) = &self.bias {
            let bias = values.get(bias)?;
            // One number per channel, as those of the normalisation.
            if bias.dims.last() != Some(&(c.len() as i64)) || bias.values.len() != m.len() {
                return None;
            }
            c.iter_mut().zip(bias.values.iter().zip(&m)).for_each(|(c, (b, m))| *c += b * m);
        }
        if m.len() != channels || c.len() != channels {
            return None;
        }
        // The channels vary fastest: they are the last dimension, or the last two if depthwise.
        let mut folded = weights.values.into_owned();
        if channels == 0 {
            return None;
        }
        folded
            .chunks_mut(channels)
            .for_each(|row| row.iter_mut().zip(&m).for_each(|(w, m)| *w *= m));
        Some((Constant { dims: weights.dims, values: folded.into() }, c))
    }
}
