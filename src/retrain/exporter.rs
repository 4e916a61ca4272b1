//! Writes the trained network: intermediate graphs, the final graph, a SavedModel, and for TF-Hub
//! modules a checkpoint.

use super::conventions::Exported;
use super::evaluation::{EvalNames, Evaluator, build_eval_graph, build_eval_session};
use super::fine_tune::replace_values;
use super::head::TrainingGraph;
use super::parked::Parked;
use super::serving;
use super::serving_bytes::Served;
use super::this_run::Run;
use crate::dataset::file_labels;
use crate::error::Result;
use crate::export;
use crate::images::PixelSpec;
use crate::layers::{FinalTrainingOps, HeadSpec};
use crate::model::Backbone;
use crate::proto::GraphDef;
use crate::tf::NamedTensor;
use log::info;
use std::path::Path;

/// Writes the pretrained network with the new layer's weights.
pub(super) struct Exporter<'a> {
    run: &'a Run<'a>,
    /// The graph to export, and the pretrained variables.
    parked: Parked,
    form: Form,
    /// The tensor fed with pixels.
    input: String,
    pixels: PixelSpec,
    wants_quantization: bool,
}

/// Which graph is parked, with the names in it.
enum Form {
    Training(FinalTrainingOps),
    Evaluation(EvalNames),
}

impl<'a> Exporter<'a> {
    /// Parks the graph to export: `graph`, or an evaluation graph on the backbone.
    pub(super) fn new(
        run: &'a Run<'a>,
        exported: Exported,
        backbone: Backbone,
        spec: &HeadSpec,
        graph: TrainingGraph,
    ) -> Result<Self> {
        let (input, wants_quantization) = (backbone.input.clone(), backbone.wants_quantization);
        let (pixels, variables) = (backbone.pixels.clone(), backbone.variables.clone());
        let (graph, form) = match exported {
            Exported::Training => (graph.graph_def, Form::Training(graph.ops)),
            Exported::Evaluation => {
                drop(graph);
                let (graph, names) = build_eval_graph(backbone, spec)?;
                (graph, Form::Evaluation(names))
            }
        };
        let parked = Parked::new(graph, variables)?;
        Ok(Self { run, parked, form, input, pixels, wants_quantization })
    }

    /// Loads the graph and the values of all its variables, pretrained and new.
    fn load(&self, layer: &[NamedTensor]) -> Result<(GraphDef, Vec<NamedTensor>)> {
        let (graph, mut variables) = self.parked.load()?;
        variables.extend_from_slice(layer);
        Ok((graph, variables))
    }

    /// Takes the values of constants and variables that fine-tuning has changed.
    pub(super) fn replace(&mut self, tuned: &[NamedTensor]) -> Result<()> {
        let (mut graph, mut variables) = self.parked.load()?;
        replace_values(&mut graph, tuned);
        for (name, value) in &mut variables {
            if let Some((_, tuned)) = tuned.iter().find(|(n, _)| n == name) {
                *value = tuned.clone();
            }
        }
        self.parked = Parked::new(graph, variables)?;
        Ok(())
    }

    /// Stores the graph after a step. Like the hub script, a hub run also saves a checkpoint.
    pub(super) fn store_intermediate(&self, layer: &[NamedTensor], step: u64) -> Result<()> {
        let outputs = &self.run.config.outputs;
        let (graph, variables) = self.load(layer)?;
        if let Form::Evaluation(names) = &self.form {
            serving::save_checkpoint(&outputs.checkpoint_path, &graph, names, &variables)?;
        }
        let path = format!("{}intermediate_{step}.pb", outputs.intermediate_output_graphs_dir);
        info!(target: "tensorflow", "Save intermediate result to : {path}");
        let path = Path::new(&path);
        export::save_graph_to_file(&graph, &outputs.final_tensor_name, &variables, path)
    }

    /// Saves the hub script's checkpoint and restores an evaluator from it; `None` if the training
    /// graph itself is evaluated.
    pub(super) fn evaluator(&self, layer: &[NamedTensor]) -> Result<Option<Evaluator>> {
        let Form::Evaluation(names) = &self.form else { return Ok(None) };
        let path = &self.run.config.outputs.checkpoint_path;
        let (graph, variables) = self.load(layer)?;
        serving::save_checkpoint(path, &graph, names, &variables)?;
        build_eval_session(&graph, names, path).map(Some)
    }

    /// Writes the trained graph, the labels, and the SavedModel if requested.
    pub(super) fn export(&self, layer: &[NamedTensor], labels: &[String]) -> Result<()> {
        let outputs = &self.run.config.outputs;
        let (graph, variables) = self.load(layer)?;
        let path = &outputs.output_graph;
        if let Form::Evaluation(_) = self.form {
            info!(target: "tensorflow", "Save final result to : {}", path.display());
        }
        if self.wants_quantization {
            info!(
                target: "tensorflow",
                "The model is instrumented for quantization with TF-Lite"
            );
        }
        export::save_graph_to_file(&graph, &outputs.final_tensor_name, &variables, path)?;
        let lines = file_labels(labels);
        export::save_labels(&outputs.output_labels, lines.iter().map(String::as_str))?;
        let Some(dir) = &outputs.saved_model_dir else { return Ok(()) };
        let output = &outputs.final_tensor_name;
        let served = Served { input: &self.input, output, pixels: &self.pixels, labels };
        match &self.form {
            Form::Training(ops) => {
                let input = serving::image_input(&graph, &self.input).to_owned();
                let (graph, names) = serving::serving_graph(graph, ops)?;
                serving::export_saved_model(dir, graph, names, &input, &served, &variables)
            }
            Form::Evaluation(EvalNames { ops, saver, .. }) => {
                let names = serving::Names { ops, saver: saver.clone() };
                serving::export_saved_model(dir, graph, names, &self.input, &served, &variables)
            }
        }
    }
}
