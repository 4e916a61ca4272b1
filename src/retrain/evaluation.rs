//! Evaluates the new layer: in the training graph, or for hub modules in a separate evaluation
//! graph whose variables are restored from the checkpoint.

use crate::error::{Error, Result};
use crate::fsio;
use crate::layers::{
    EvaluationStep, FinalTrainingOps, HeadSpec, QuantForm, SavedVariable, Saver, Summaries,
    add_evaluation_step, add_final_training_ops, add_saver,
};
use crate::model::Backbone;
use crate::proto::{DataType, GraphDef};
use crate::tf::{Bytes, Graph, GraphBuilder, Session, Tensor, Threads};
use log::info;
use std::path::Path;
use tensorflow::{Output, SessionRunArgs};

/// A step's ops are too small to gain from threads, and one thread adds in a fixed order, so that a
/// seed always gives the same result.
pub(super) const THREADS: Threads = Threads { intra_op: 1, inter_op: -1 };

/// Evaluates batches.
#[derive(Debug)]
pub(super) struct Evaluator {
    pub(super) session: Session,
    /// The feed for bottlenecks.
    pub(super) bottleneck_input: Output,
    /// The feed for true classes.
    pub(super) ground_truth_input: Output,
    pub(super) accuracy: Output,
    pub(super) prediction: Output,
    /// The softmax.
    pub(super) result: Output,
}

impl Evaluator {
    pub(super) fn new(
        graph: &Graph,
        session: Session,
        ops: &FinalTrainingOps,
        step: &EvaluationStep,
    ) -> Result<Self> {
        Ok(Self {
            session,
            bottleneck_input: graph.output(&ops.bottleneck_input)?,
            ground_truth_input: graph.output(&ops.ground_truth_input)?,
            accuracy: graph.output(&step.accuracy)?,
            prediction: graph.output(&step.prediction)?,
            result: graph.output(&ops.final_tensor)?,
        })
    }
}

/// The names used in the evaluation graph.
#[derive(Debug)]
pub(super) struct EvalNames {
    pub(super) ops: FinalTrainingOps,
    pub(super) saver: Saver,
    step: EvaluationStep,
}

/// The hub script's evaluation graph: the new layer without training, a saver, the evaluation step.
pub(super) fn build_eval_graph(
    backbone: Backbone,
    spec: &HeadSpec,
) -> Result<(GraphDef, EvalNames)> {
    let mut b = GraphBuilder::on(&backbone.graph_def);
    // The script's evaluation graph also has summaries, though nothing merges them.
    let mut summaries = Summaries::default();
    let spec = HeadSpec { quantize: spec.quantize.map(|_| QuantForm::Eval), ..spec.clone() };
    let ops = add_final_training_ops(&mut b, &mut summaries, &spec)?;
    let saver = add_saver(&mut b, &saved_variables(&backbone, &ops));
    let step = add_evaluation_step(&mut b, &mut summaries, &ops);
    let mut graph_def = backbone.graph_def;
    graph_def.node.extend(b.take_nodes());
    Ok((graph_def, EvalNames { ops, saver, step }))
}

fn saved_variables(backbone: &Backbone, ops: &FinalTrainingOps) -> Vec<SavedVariable> {
    let pretrained = backbone.variables.iter().map(|(name, value)| SavedVariable {
        name: name.clone(),
        is_resource: backbone.graph_def.find(name).is_some_and(|n| n.op == "VarHandleOp"),
        dtype: value.dtype.enum_value_or_default(),
    });
    let layer = ops.all_variables().map(|v| SavedVariable {
        name: v.variable.clone(),
        is_resource: false,
        dtype: DataType::DT_FLOAT,
    });
    let mut variables: Vec<SavedVariable> = pretrained.chain(layer).collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables
}

/// The hub script's `build_eval_session`: the evaluation graph with the checkpoint's values in its
/// variables.
pub(super) fn build_eval_session(
    graph_def: &GraphDef,
    names: &EvalNames,
    checkpoint: &Path,
) -> Result<Evaluator> {
    let graph = Graph::import(graph_def)?;
    let session = Session::new(&graph, THREADS)?;
    let path = Bytes(fsio::long(checkpoint).as_os_str().as_encoded_bytes().to_vec());
    let path = Tensor::new(&[])
        .with_values(&[path])
        .map_err(|e| Error::tensorflow("making a tensor", e))?;
    let filename = graph.output(&names.saver.filename)?;
    let mut args = SessionRunArgs::new();
    args.add_feed(&filename.operation, filename.index, &path);
    args.add_target(&graph.operation(&names.saver.restore)?);
    info!(target: "tensorflow", "Restoring parameters from {}", checkpoint.display());
    session.run(&mut args, "restoring the checkpoint")?;
    drop(args);
    Evaluator::new(&graph, session, &names.ops, &names.step)
}
