//! What a run writes of its trained network: intermediate graphs, the final graph, and for TF-Hub
//! modules a checkpoint and a SavedModel.

use super::Run;
use super::conventions::Exported;
use super::evaluation::{EvalNames, Evaluator, build_eval_graph, build_eval_session};
use super::head::Head;
use super::parked::Parked;
use crate::error::Result;
use crate::export::{self, SignatureEnd, meta_graph};
use crate::layers::HeadSpec;
use crate::model::Backbone;
use crate::proto::{GraphDef, MetaGraphDef, SaverDef, VariableDef, saver_def, serialize};
use crate::tf::{Graph, NamedTensor};
use log::info;
use std::path::Path;

/// Writes the network with the layer's weights.
pub(super) struct Exporter<'a> {
    run: &'a Run<'a>,
    /// The graph that is exported, and the pretrained variables.
    parked: Parked,
    /// The names in an evaluation graph, where that is what is exported.
    eval: Option<EvalNames>,
    wants_quantization: bool,
    image: SignatureEnd,
    class_count: usize,
}

impl<'a> Exporter<'a> {
    /// Keeps what is exported: `training_graph`, or an evaluation graph on the backbone.
    pub(super) fn new(
        run: &'a Run<'a>,
        exported: Exported,
        mut backbone: Backbone,
        spec: &HeadSpec,
        training_graph: GraphDef,
    ) -> Result<Self> {
        let pixels = &backbone.pixels;
        let shape = vec![-1, pixels.height.into(), pixels.width.into(), pixels.depth.into()];
        let image = SignatureEnd { tensor: meta_graph::tensor(&backbone.input), shape };
        let wants_quantization = backbone.wants_quantization;
        let (graph, variables, eval) = match exported {
            Exported::Training => (training_graph, std::mem::take(&mut backbone.variables), None),
            Exported::Evaluation => {
                drop(training_graph);
                let variables = backbone.variables.clone();
                let (graph, names) = build_eval_graph(backbone, spec)?;
                (graph, variables, Some(names))
            }
        };
        let parked = Parked::new(graph, variables)?;
        let class_count = spec.class_count;
        Ok(Self { run, parked, eval, wants_quantization, image, class_count })
    }

    /// The graph, and the values of all its variables: the pretrained ones and the layer's.
    fn load(&self, head: &Head) -> Result<(GraphDef, Vec<NamedTensor>)> {
        let (graph, mut variables) = self.parked.load()?;
        variables.extend(head.layer()?);
        Ok((graph, variables))
    }

    /// Stores the graph as it is after a step. The hub script also saves a checkpoint then.
    pub(super) fn store_intermediate(&self, head: &Head, step: u64) -> Result<()> {
        let outputs = &self.run.config.outputs;
        let (graph, variables) = self.load(head)?;
        if self.eval.is_some() {
            export::save_checkpoint(&outputs.checkpoint_path, &variables)?;
        }
        let path = format!("{}intermediate_{step}.pb", outputs.intermediate_output_graphs_dir);
        info!(target: "tensorflow", "Save intermediate result to : {path}");
        let path = Path::new(&path);
        export::save_graph_to_file(&graph, &outputs.final_tensor_name, &variables, path)
    }

    /// The hub script's checkpoint, and an evaluator that is restored from it; `None` where the
    /// training graph is evaluated.
    pub(super) fn evaluator(&self, head: &Head) -> Result<Option<Evaluator>> {
        let Some(names) = &self.eval else { return Ok(None) };
        let path = &self.run.config.outputs.checkpoint_path;
        let (graph, variables) = self.load(head)?;
        export::save_checkpoint(path, &variables)?;
        build_eval_session(&graph, names, path).map(Some)
    }

    /// Writes the trained graph, the labels, and the SavedModel if one was asked for.
    pub(super) fn export(&self, head: &Head, labels: &[String]) -> Result<()> {
        let outputs = &self.run.config.outputs;
        let (graph, variables) = self.load(head)?;
        let path = &outputs.output_graph;
        if self.eval.is_some() {
            info!(target: "tensorflow", "Save final result to : {}", path.display());
        }
        if self.wants_quantization {
            info!(
                target: "tensorflow",
                "The model is instrumented for quantization with TF-Lite"
            );
        }
        export::save_graph_to_file(&graph, &outputs.final_tensor_name, &variables, path)?;
        export::save_labels(&outputs.output_labels, labels.iter().map(String::as_str))?;
        match (&outputs.saved_model_dir, &self.eval) {
            (Some(dir), Some(names)) => self.export_saved_model(dir, graph, names, &variables),
            _ => Ok(()),
        }
    }

    /// The script's `export_model`: a SavedModel of the evaluation graph, with the tag "serve".
    fn export_saved_model(
        &self,
        dir: &Path,
        graph_def: GraphDef,
        names: &EvalNames,
        variables: &[NamedTensor],
    ) -> Result<()> {
        let graph = Graph::import(&graph_def)?;
        let layer = meta_graph::variable_defs(names.ops.variables.iter(), true)?;
        let ranges = meta_graph::variable_defs(names.ops.ranges.iter(), false)?;
        let is_layers = |name: &str| names.ops.all_variables().any(|v| v.variable == name);
        let pretrained = variables.iter().map(|v| v.0.as_str()).filter(|name| !is_layers(name));
        let pretrained = pretrained_defs(&graph_def, pretrained)?;
        let all = pretrained.into_iter().chain(layer.iter().cloned()).chain(ranges).collect();
        // Training keeps more than evaluation reads: the averages behind the ranges.
        let read = |name: &str| graph_def.find(name).is_some();
        let mut saved: Vec<NamedTensor> =
            variables.iter().filter(|v| read(&v.0)).cloned().collect();
        saved.sort_by(|a, b| a.0.cmp(&b.0));
        let meta_graph = MetaGraphDef {
            meta_info_def: Some(meta_graph::meta_info(&graph, &graph_def, &["serve"])?).into(),
            saver_def: Some(saver_def(names)).into(),
            collection_def: vec![
                meta_graph::entry("trainable_variables", meta_graph::bytes(layer)),
                meta_graph::entry("variables", meta_graph::bytes(all)),
            ],
            graph_def: Some(graph_def).into(),
            ..MetaGraphDef::default()
        };
        let prediction = SignatureEnd {
            tensor: meta_graph::tensor(&names.ops.final_tensor),
            shape: vec![-1, self.class_count as i64],
        };
        export::export_model(dir, meta_graph, &self.image, &prediction, &saved)?;
        let path = dir.join("saved_model.pb");
        info!(target: "tensorflow", "SavedModel written to: {}", path.display());
        Ok(())
    }
}

fn saver_def(names: &EvalNames) -> SaverDef {
    SaverDef {
        filename_tensor_name: meta_graph::tensor(&names.saver.filename),
        save_tensor_name: meta_graph::tensor(&names.saver.save),
        restore_op_name: names.saver.restore.clone(),
        max_to_keep: 5,
        keep_checkpoint_every_n_hours: 10_000.0,
        version: saver_def::CheckpointFormatVersion::V2.into(),
        ..SaverDef::default()
    }
}

/// VariableDefs of the module's own variables, as far as its graph has the nodes that Python wants
/// named.
fn pretrained_defs<'v>(
    graph: &GraphDef,
    variables: impl Iterator<Item = &'v str>,
) -> Result<Vec<Vec<u8>>> {
    let mut defs = Vec::new();
    for name in variables {
        let is_resource = graph.find(name).is_some_and(|n| n.op == "VarHandleOp");
        let assign = format!("{name}/Assign");
        let read = format!("{name}/{}", if is_resource { "Read/ReadVariableOp" } else { "read" });
        let initial = graph.find(&assign).and_then(|n| n.input.get(1).cloned());
        let Some(initial) = initial.filter(|_| graph.find(&read).is_some()) else { continue };
        defs.push(serialize(&VariableDef {
            variable_name: meta_graph::tensor(name),
            initializer_name: assign,
            snapshot_name: meta_graph::tensor(&read),
            initial_value_name: meta_graph::tensor(&initial),
            is_resource,
            ..VariableDef::default()
        })?);
    }
    Ok(defs)
}
