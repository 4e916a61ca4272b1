//! The graph of a network that is fine-tuned: the part from the pixels to the bottlenecks, with
//! variables in place of constants; the new layer; the loss, its gradients and AdamW.

use super::select::Layer;
use crate::error::{Error, Result};
use crate::layers::{self, VariableNames, add_adam, add_variable};
use crate::model::Backbone;
use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::proto::{GraphDef, InputRef, NodeDef, Value, float_tensor, floats};
use crate::rewrite::{constant_floats, differentiable};
use crate::tf::{Graph, GraphBuilder, NamedTensor};
use std::collections::{HashMap, HashSet};

/// λ of AdamW for kernels; biases, scales and offsets do not decay.
const WEIGHT_DECAY: f32 = 0.05;

/// A tensor to train, and its value.
#[derive(Debug)]
pub(super) struct Trained {
    /// The constant of the published graph, or the variable of the new layer.
    name: String,
    dims: Vec<i64>,
    values: Vec<f32>,
}

impl Trained {
    pub(super) fn count(&self) -> u64 {
        self.values.len() as u64
    }

    pub(super) fn value(self) -> NamedTensor {
        let tensor = float_tensor(&self.dims, &self.values);
        (self.name, tensor)
    }
}

/// The names of the graph's tensors.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) truth: String,
    pub(super) weights: String,
    pub(super) loss: String,
    pub(super) logits: String,
    /// Of the loss, with respect to each trained tensor.
    pub(super) gradients: Vec<String>,
    /// The placeholders that a step takes the gradients from.
    pub(super) fed_gradients: Vec<String>,
    /// The learning rates of the network and of the new layer.
    pub(super) rates: [String; 2],
    pub(super) step: String,
    /// The trained tensors, then the optimiser's variables, with their published names.
    pub(super) variables: Vec<(String, VariableNames)>,
    /// The tensors that are kept until gradients are computed.
    pub(super) activations: Vec<String>,
}

/// The part of a backbone that is trained.
pub(super) fn part(backbone: &Backbone) -> Result<GraphDef> {
    let frozen = backbone.frozen()?;
    Ok(differentiable(&frozen, &backbone.input, &backbone.bottleneck, &backbone.pixels))
}

/// The tensors to train: those of the network, then the new layer's weights and biases.
pub(super) fn trained(
    backbone: &Backbone,
    layers: &[Layer],
    head: &[NamedTensor],
) -> Result<Vec<Trained>> {
    let frozen = backbone.frozen()?;
    let nodes: HashMap<&str, &NodeDef> = frozen.node.iter().map(|n| (n.name.as_str(), n)).collect();
    let mut seen = HashSet::new();
    let names = layers.iter().flat_map(|l| &l.constants).filter(|name| seen.insert(*name));
    let constant = |name: &String| {
        let value = nodes.get(name.as_str()).and_then(|node| constant_floats(node));
        let (dims, values) =
            value.ok_or_else(|| Error::graph(name, "holds numbers that cannot be read"))?;
        Ok(Trained { name: name.clone(), dims, values })
    };
    let layer = head.iter().map(|(name, value)| {
        let dims = value.tensor_shape.dim.iter().map(|d| d.size).collect();
        Ok(Trained { name: name.clone(), dims, values: floats(value) })
    });
    names.map(constant).chain(layer).collect()
}

/// Builds the graph. `trained` ends with the weights and biases of `head`.
pub(super) fn build(
    backbone: &Backbone,
    trained: &[Trained],
    head: &[NamedTensor],
) -> Result<(GraphDef, Names)> {
    let mut part = part(backbone)?;
    let (network, layer) = trained.split_at(trained.len() - head.len());
    let activations = activations(&part);
    let mut b = GraphBuilder::on(&part);
    let mut variables = replace_constants(&mut b, &mut part, network);
    let forward = b.name_scope("fine_tune", |b| {
        let layer: Vec<VariableNames> =
            layer.iter().map(|t| placeholder_variable(b, "layer", &t.dims)).collect();
        let forward = add_loss(b, &backbone.bottleneck, &layer, backbone.bottleneck_size);
        variables.extend(layer);
        forward
    })?;
    part.node.extend(b.take_nodes());
    let snapshots: Vec<&str> = variables.iter().map(|v| v.snapshot.as_str()).collect();
    let (mut graph, gradients) = differentiated(&part, &forward.loss, &snapshots)?;
    let (step, fed_gradients, rates, own) = add_step(&mut b, &variables, trained, network.len());
    graph.node.extend(b.take_nodes());
    let published = trained.iter().map(|t| t.name.clone());
    let mut variables: Vec<_> = published.zip(variables).collect();
    variables.extend(own.into_iter().map(|v| (v.variable.clone(), v)));
    let Forward { truth, weights, loss, logits } = forward;
    let names = Names {
        truth,
        weights,
        loss,
        logits,
        gradients,
        fed_gradients,
        rates,
        step,
        variables,
        activations,
    };
    Ok((graph, names))
}

/// Makes each trained constant an Identity that reads a variable.
fn replace_constants(
    b: &mut GraphBuilder,
    part: &mut GraphDef,
    network: &[Trained],
) -> Vec<VariableNames> {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (i, node) in part.node.iter().enumerate() {
        places.insert(node.name.clone(), i);
    }
    let replace = |trained: &Trained| {
        let names = placeholder_variable(b, &trained.name, &trained.dims);
        if let Some(&i) = places.get(&trained.name) {
            let (name, input) = (trained.name.clone(), vec![names.snapshot.clone()]);
            part.node[i] = NodeDef { name, op: "Identity".into(), input, ..NodeDef::default() };
            part.node[i].set_attr("T", Value::Type(DT_FLOAT.into()));
        }
        names
    };
    network.iter().map(replace).collect()
}

/// A variable that is fed its initial value.
fn placeholder_variable(b: &mut GraphBuilder, name: &str, dims: &[i64]) -> VariableNames {
    b.name_scope(name, |b| {
        let initial = b.op("Placeholder", "initial_value").type_attr("dtype", DT_FLOAT);
        let initial = initial.shape_attr("shape", dims).finish();
        add_variable(b, "variable", dims, initial)
    })
}

/// The tensors from the bottlenecks to the loss.
struct Forward {
    truth: String,
    weights: String,
    loss: String,
    logits: String,
}

/// Adds the new layer, and the weighted sum of the photographs' cross-entropies.
fn add_loss(
    b: &mut GraphBuilder,
    bottleneck: &str,
    layer: &[VariableNames],
    size: usize,
) -> Result<Forward> {
    let [kernel, biases] = layer else {
        let message = "cannot be combined with a network that is trained for quantization";
        return Err(Error::usage("fine_tune", message));
    };
    let placeholder = |b: &mut GraphBuilder, name: &str, dims: &[i64]| {
        let node = b.op("Placeholder", name).type_attr("dtype", DT_FLOAT);
        node.shape_attr("shape", dims).finish()
    };
    let (truth, weights) = (placeholder(b, "truth", &[-1, -1]), placeholder(b, "weights", &[-1]));
    let shape = b.ints("shape", &[-1, size as i32]);
    let features = b.op("Reshape", "features").inputs([bottleneck, &shape]).float_type();
    let features = features.type_attr("Tshape", DT_INT32).finish();
    let product = b.op("MatMul", "product").inputs([&features, &kernel.snapshot]).float_type();
    let product = product.bool_attr("transpose_a", false).bool_attr("transpose_b", false).finish();
    let logits = b.op("AddV2", "logits").inputs([&product, &biases.snapshot]).float_type().finish();
    let losses = b.op("SoftmaxCrossEntropyWithLogits", "losses").inputs([&logits, &truth]);
    let losses = losses.float_type().finish();
    let weighted = b.op("Mul", "weighted").inputs([&losses, &weights]).float_type().finish();
    let axes = b.ints("axes", &[0]);
    let loss = b.op("Sum", "loss").inputs([&weighted, &axes]).type_attr("T", DT_FLOAT);
    let loss = loss.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish();
    Ok(Forward { truth, weights, loss, logits })
}

/// The graph with the gradients of the loss, and their names.
fn differentiated(
    graph_def: &GraphDef,
    loss: &str,
    variables: &[&str],
) -> Result<(GraphDef, Vec<String>)> {
    let mut graph = Graph::import(graph_def)?;
    let gradients = graph.add_gradients("fine_tune/gradients", loss, variables);
    let gradients = gradients.map_err(|error| undifferentiable(error, graph_def))?;
    let mut graph_def = graph.graph_def()?;
    read_outputs(&mut graph_def);
    Ok((graph_def, gradients))
}

/// Names the op through which the C API finds no way.
fn undifferentiable(error: Error, graph: &GraphDef) -> Error {
    const MARK: &str = "No gradient defined for op: ";
    let Error::TensorFlow { message, .. } = &error else { return error };
    let Some((_, rest)) = message.split_once(MARK) else { return error };
    let op: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let node = graph.node.iter().find(|n| n.op == op).map_or("?", |n| n.name.as_str());
    let advice = match op.starts_with("FakeQuant") {
        true => "the network was trained for quantization; take the one without",
        false => "choose layers after it, or leave this setting out",
    };
    let message =
        format!("cannot go through '{node}': TensorFlow has no gradient of {op}; {advice}");
    Error::usage("fine_tune", message)
}

/// The gradients of Relu and Relu6 read the op's input, though its output tells as much. Reading
/// the output lets TensorFlow fuse the op with the convolution before it, and forget the input.
fn read_outputs(graph: &mut GraphDef) {
    let mut outputs: HashMap<(String, String), String> = HashMap::new();
    for node in graph.node.iter().filter(|n| ["Relu", "Relu6"].contains(&n.op.as_str())) {
        outputs.insert((format!("{}Grad", node.op), node.input[0].clone()), node.name.clone());
    }
    for node in graph.node.iter_mut().filter(|n| n.input.len() > 1) {
        if let Some(output) = outputs.get(&(node.op.clone(), node.input[1].clone())) {
            node.input[1] = output.clone();
        }
    }
}

/// Adds AdamW with fed gradients. Returns its node, the placeholders of gradients and of learning
/// rates, and its variables.
fn add_step(
    b: &mut GraphBuilder,
    variables: &[VariableNames],
    trained: &[Trained],
    of_network: usize,
) -> (String, Vec<String>, [String; 2], Vec<VariableNames>) {
    b.name_scope("fine_tune_step", |b| {
        let mut placeholder = |name: &str, dims: &[i64]| {
            let node = b.op("Placeholder", name).type_attr("dtype", DT_FLOAT);
            node.shape_attr("shape", dims).finish()
        };
        let rates = ["learning_rate", "layer_learning_rate"].map(|name| placeholder(name, &[]));
        let fed: Vec<String> = trained.iter().map(|t| placeholder("gradient", &t.dims)).collect();
        let updated = variables.iter().zip(trained).zip(&fed).enumerate();
        let updated: Vec<layers::Trained> = updated
            .map(|(i, ((names, trained), gradient))| layers::Trained {
                names: names.clone(),
                dims: trained.dims.clone(),
                gradient: gradient.clone(),
                learning_rate: rates[usize::from(i >= of_network)].clone(),
                weight_decay: if trained.dims.len() > 1 { WEIGHT_DECAY } else { 0.0 },
            })
            .collect();
        let adam = add_adam(b, &updated, &[]);
        (adam.train_step, fed, rates, adam.variables)
    })
}

/// The tensors whose values are kept: the inputs of convolutions and the like. Those that are only
/// read by a bias or an activation are overwritten by it.
fn activations(part: &GraphDef) -> Vec<String> {
    let passing = ["BiasAdd", "Relu", "Relu6", "Reshape", "Squeeze", "Identity"];
    let overwritten: HashSet<&str> = part
        .node
        .iter()
        .filter(|n| passing.contains(&n.op.as_str()))
        .filter_map(|n| n.input.first())
        .map(|i| InputRef::parse(i).node)
        .collect();
    let names = part.node.iter().map(|n| n.name.as_str());
    names.filter(|name| !overwritten.contains(name)).map(str::to_owned).collect()
}
