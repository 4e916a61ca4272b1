//! The training graph: the pretrained graph as published, the decoding of photographs, the new layer, its gradient
//! step, its evaluation and all summaries, in one graph with the script's names, loaded into a session.

use super::meta_graph;
use crate::error::Result;
use crate::layers::{
    Distortions, EvaluationStep, FinalTrainingOps, HeadSpec, Summaries, add_evaluation_step, add_final_training_ops,
    add_gradient_descent, add_input_distortions, add_jpeg_decoding,
};
use crate::model::Backbone;
use crate::proto::{GraphDef, TensorProto, float_tensor};
use crate::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use std::collections::HashMap;
use tensorflow::{Operation, Output};

pub(super) use crate::layers::LAYER_NAME;

/// The training graph and its session.
#[derive(Debug)]
pub(super) struct Head {
    /// All nodes, as built: exports and TensorBoard see these, not TensorFlow's own copy.
    pub(super) graph_def: GraphDef,
    pub(super) meta_graph_def: Vec<u8>,
    pub(super) session: Session,
    /// Fed with bottlenecks and with one-hot truths.
    pub(super) bottleneck_input: Output,
    pub(super) ground_truth_input: Output,
    pub(super) train_step: Operation,
    pub(super) merged: Output,
    pub(super) cross_entropy: Output,
    pub(super) accuracy: Output,
    pub(super) prediction: Output,
    initializers: Vec<Operation>,
    variables: Vec<(String, Output)>,
}

/// The ops of a step are tiny: spreading them over threads costs more than it brings, and one thread keeps sums in
/// one order, so that a seed gives the same result every time.
const THREADS: Threads = Threads { intra_op: 1, inter_op: 1 };

impl Head {
    /// Builds the graph on `backbone`'s and opens a session on it.
    pub(super) fn build(
        backbone: &Backbone,
        spec: &HeadSpec,
        distortions: Option<&Distortions>,
        learning_rate: f32,
    ) -> Result<Self> {
        let mut b = GraphBuilder::on(&backbone.graph_def);
        let mut graph_def = backbone.graph_def.clone();
        let mut graph = Graph::import(&graph_def)?;
        let mut summaries = Summaries::default();
        add_jpeg_decoding(&mut b, &backbone.pixels);
        if let Some(distortions) = distortions {
            add_input_distortions(&mut b, distortions, &backbone.pixels);
        }
        let ops = add_final_training_ops(&mut b, &mut summaries, spec)?;
        let EvaluationStep { accuracy, prediction } =
            add_evaluation_step(&mut b, &mut summaries, &ops.final_tensor, &ops.ground_truth_input);
        let merged = summaries.merge_all(&mut b);
        let forward = b.take_nodes();
        graph.extend(&forward)?;
        let train_step = add_gradient_descent(&mut b, &mut graph, &ops, learning_rate, &merged)?;
        graph_def.node.extend(forward);
        graph_def.node.extend(b.take_nodes());
        let meta_graph_def = meta_graph::create(&graph, &graph_def, &ops, &summaries, &train_step)?;
        Ok(Self {
            meta_graph_def,
            session: Session::new(&graph, THREADS)?,
            bottleneck_input: graph.output(&ops.bottleneck_input)?,
            ground_truth_input: graph.output(&ops.ground_truth_input)?,
            train_step: graph.operation(&train_step)?,
            merged: graph.output(&merged)?,
            cross_entropy: graph.output(&ops.cross_entropy_mean)?,
            accuracy: graph.output(&accuracy)?,
            prediction: graph.output(&prediction)?,
            initializers: operations(&graph, &ops)?,
            variables: variables(&graph, &ops)?,
            graph_def,
        })
    }

    /// Sets weights and biases to their initial values.
    pub(super) fn initialize(&self) -> Result<()> {
        self.session.run_targets(&self.initializers, "initializing the new layer")
    }

    /// The values of weights and biases now, by variable name.
    pub(super) fn variables(&self) -> Result<HashMap<&str, TensorProto>> {
        let read = |(name, output): &'_ (String, Output)| -> Result<TensorProto> {
            let value: Tensor<f32> = self.session.fetch(output, &format!("reading {name}"))?;
            let dims: Vec<i64> = value.dims().iter().map(|&d| d as i64).collect();
            Ok(float_tensor(&dims, &value))
        };
        self.variables.iter().map(|v| Ok((v.0.as_str(), read(v)?))).collect()
    }
}

fn operations(graph: &Graph, ops: &FinalTrainingOps) -> Result<Vec<Operation>> {
    ops.variables.iter().map(|v| graph.operation(&v.initializer)).collect()
}

fn variables(graph: &Graph, ops: &FinalTrainingOps) -> Result<Vec<(String, Output)>> {
    ops.variables.iter().map(|v| Ok((v.variable.clone(), graph.output(&v.snapshot)?))).collect()
}
