//! The training graph: the pretrained graph as published, the decoding of photographs, the new
//! layer, its gradient step, its evaluation and all summaries, in one graph with the script's
//! names. Only the layer's part of it is loaded into a session.

use super::evaluation::{Evaluator, THREADS};
use crate::error::{Error, Result};
use crate::export::meta_graph;
use crate::layers::{
    Distortions, FinalTrainingOps, HeadSpec, Summaries, VariableNames, add_cross_entropy,
    add_evaluation_step, add_final_training_ops, add_gradient_descent, add_input_distortions,
    add_jpeg_decoding,
};
use crate::model::Backbone;
use crate::proto::{self, GraphDef, InputRef, NodeDef, float_tensor};
use crate::tf::{Graph, GraphBuilder, NamedTensor, Session, Tensor};
use tensorflow::{Operation, Output, SessionRunArgs};

/// The training graph as built here: TensorBoard shows this, not TensorFlow's copy.
#[derive(Debug)]
pub(super) struct TrainingGraph {
    pub(super) graph_def: GraphDef,
    pub(super) meta_graph_def: Vec<u8>,
    pub(super) ops: FinalTrainingOps,
}

/// The new layer in a session without the pretrained graph.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) evaluator: Evaluator,
    pub(super) train_step: Operation,
    pub(super) merged: Output,
    pub(super) cross_entropy: Output,
    initializers: Vec<Operation>,
    variables: Vec<(String, Output)>,
    initial_values: Vec<(String, Output)>,
}

impl Head {
    /// Builds the training graph on `backbone`, and opens a session on the layer's part of it.
    pub(super) fn build(
        backbone: &Backbone,
        spec: &HeadSpec,
        distortions: Option<&Distortions>,
        learning_rate: f32,
    ) -> Result<(Self, TrainingGraph)> {
        let mut b = GraphBuilder::on(&backbone.graph_def);
        let mut graph_def = backbone.graph_def.clone();
        let mut summaries = Summaries::default();
        add_jpeg_decoding(&mut b, &backbone.pixels);
        if let Some(distortions) = distortions {
            add_input_distortions(&mut b, distortions, &backbone.pixels);
        }
        graph_def.node.extend(b.take_nodes());
        let ops = add_final_training_ops(&mut b, &mut summaries, spec)?;
        let loss = add_cross_entropy(&mut b, &mut summaries, &ops);
        let step = add_evaluation_step(&mut b, &mut summaries, &ops);
        let merged = summaries.merge_all(&mut b);
        let forward = b.take_nodes();
        let mut graph = Graph::import(&alone(&forward, &ops.bottleneck_input, &graph_def))?;
        let train_step =
            add_gradient_descent(&mut b, &mut graph, &ops, &loss, learning_rate, &merged)?;
        graph_def.node.extend(forward);
        graph_def.node.extend(b.take_nodes());
        let meta_graph_def =
            meta_graph::for_events(&graph, &graph_def, &ops, &summaries, &train_step)?;
        let session = Session::new(&graph, THREADS)?;
        let initializer = |v: &VariableNames| graph.operation(&v.initializer);
        let head = Self {
            evaluator: Evaluator::new(&graph, session, &ops, &step)?,
            train_step: graph.operation(&train_step)?,
            merged: graph.output(&merged)?,
            cross_entropy: graph.output(&loss.mean)?,
            initializers: ops.all_variables().map(initializer).collect::<Result<_>>()?,
            variables: outputs(&graph, &ops, |v| &v.snapshot)?,
            initial_values: outputs(&graph, &ops, |v| &v.initial_value)?,
        };
        Ok((head, TrainingGraph { graph_def, meta_graph_def, ops }))
    }

    /// Sets the layer's variables to their initial values.
    pub(super) fn initialize(&self) -> Result<()> {
        self.evaluator.session.run_targets(&self.initializers, "initializing the new layer")
    }

    /// Sets the layer's variables to `values`.
    pub(super) fn restore(&self, values: &[NamedTensor]) -> Result<()> {
        const DOING: &str = "restoring the new layer";
        let mut tensors = Vec::with_capacity(self.initial_values.len());
        for (name, initial) in &self.initial_values {
            let value = values.iter().find(|(n, _)| n == name).map(|(_, value)| value);
            let value =
                value.ok_or_else(|| Error::graph(name, "is missing from the state of the run"))?;
            let dims: Vec<u64> =
                value.tensor_shape.dim.iter().map(|d| d.size.unsigned_abs()).collect();
            let numbers = proto::floats(value);
            let tensor = Tensor::<f32>::new(&dims).with_values(&numbers);
            tensors.push((initial, tensor.map_err(|e| Error::tensorflow(DOING, e))?));
        }
        let mut args = SessionRunArgs::new();
        tensors
            .iter()
            .for_each(|(output, tensor)| args.add_feed(&output.operation, output.index, tensor));
        self.initializers.iter().for_each(|op| args.add_target(op));
        self.evaluator.session.run(&mut args, DOING)
    }

    /// The current values of the layer's variables, by name.
    pub(super) fn layer(&self) -> Result<Vec<NamedTensor>> {
        let read = |(name, output): &(String, Output)| -> Result<NamedTensor> {
            let value: Tensor<f32> =
                self.evaluator.session.fetch(output, &format!("reading {name}"))?;
            let dims: Vec<i64> = value.dims().iter().map(|&d| d as i64).collect();
            Ok((name.clone(), float_tensor(&dims, &value)))
        };
        self.variables.iter().map(read).collect()
    }
}

/// The new layer without the pretrained graph: bottlenecks are always fed, and a smaller graph
/// makes a session's first runs faster.
fn alone(layer: &[NodeDef], bottleneck_input: &str, whole: &GraphDef) -> GraphDef {
    let input = InputRef::parse(bottleneck_input).node;
    let fed = |node: &NodeDef| match node.name == input {
        true => NodeDef { op: "Placeholder".into(), input: Vec::new(), ..node.clone() },
        false => node.clone(),
    };
    GraphDef {
        node: layer.iter().map(fed).collect(),
        versions: whole.versions.clone(),
        ..GraphDef::default()
    }
}

/// One tensor of each variable, by the variable's name.
fn outputs(
    graph: &Graph,
    ops: &FinalTrainingOps,
    tensor: impl Fn(&VariableNames) -> &String,
) -> Result<Vec<(String, Output)>> {
    ops.all_variables().map(|v| Ok((v.variable.clone(), graph.output(tensor(v))?))).collect()
}
