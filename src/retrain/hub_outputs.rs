//! What a run with `--tfhub_module` does at its end besides: checkpoint, evaluation on a graph
//! restored from it, and the SavedModel.

use super::config::Config;
use super::evaluation::{build_eval_graph, build_eval_session};
use super::training::Training;
use crate::error::Result;
use crate::export::{self, SignatureEnd, meta_graph};
use crate::layers::HeadSpec;
use crate::model::Backbone;
use crate::proto::{MetaGraphDef, SaverDef, VariableDef, saver_def, serialize};
use crate::tf::{Graph, NamedTensor};
use log::info;
use std::path::Path;

/// The script's `run_final_eval`, with the checkpoint before it: the final test runs on an
/// evaluation graph that is restored from the checkpoint. Returns the misclassified images: row and
/// predicted class.
pub(super) fn final_eval(
    config: &Config,
    backbone: &Backbone,
    spec: &HeadSpec,
    variables: &[NamedTensor],
    training: &mut Training<'_>,
) -> Result<Vec<(usize, usize)>> {
    export::save_checkpoint(&config.checkpoint_path, variables)?;
    let evaluator =
        build_eval_session(&build_eval_graph(backbone, spec)?, &config.checkpoint_path)?;
    training.final_test(&evaluator)
}

/// Says what is about to be written.
pub(super) fn announce(config: &Config, backbone: &Backbone) {
    info!(target: "tensorflow", "Save final result to : {}", config.output_graph.display());
    if backbone.wants_quantization {
        info!(target: "tensorflow", "The model is instrumented for quantization with TF-Lite");
    }
}

/// The script's `export_model`: a SavedModel of the evaluation graph, with the tag "serve".
pub(super) fn export_saved_model(
    dir: &Path,
    backbone: &Backbone,
    spec: &HeadSpec,
    variables: &[NamedTensor],
) -> Result<()> {
    let eval = build_eval_graph(backbone, spec)?;
    let graph = Graph::import(&eval.graph_def)?;
    let saver = SaverDef {
        filename_tensor_name: meta_graph::tensor(&eval.saver.filename),
        save_tensor_name: meta_graph::tensor(&eval.saver.save),
        restore_op_name: eval.saver.restore.clone(),
        max_to_keep: 5,
        keep_checkpoint_every_n_hours: 10_000.0,
        version: saver_def::CheckpointFormatVersion::V2.into(),
        ..SaverDef::default()
    };
    let layer = meta_graph::variable_defs(eval.ops.variables.iter(), true)?;
    let ranges = meta_graph::variable_defs(eval.ops.ranges.iter(), false)?;
    let all =
        pretrained_defs(backbone)?.into_iter().chain(layer.iter().cloned()).chain(ranges).collect();
    let meta_graph = MetaGraphDef {
        meta_info_def: Some(meta_graph::meta_info(&graph, &eval.graph_def, &["serve"])?).into(),
        saver_def: Some(saver).into(),
        collection_def: vec![
            meta_graph::entry("trainable_variables", meta_graph::bytes(layer)),
            meta_graph::entry("variables", meta_graph::bytes(all)),
        ],
        graph_def: Some(eval.graph_def.clone()).into(),
        ..MetaGraphDef::default()
    };
    let pixels = &backbone.pixels;
    let image_shape = [-1, pixels.height.into(), pixels.width.into(), pixels.depth.into()];
    let image =
        SignatureEnd { tensor: meta_graph::tensor(&backbone.input), shape: image_shape.to_vec() };
    let prediction_shape = vec![-1, spec.class_count as i64];
    let prediction = SignatureEnd {
        tensor: meta_graph::tensor(&eval.ops.final_tensor),
        shape: prediction_shape,
    };
    // Training keeps more than evaluation reads: the averages behind the ranges.
    let read = |name: &str| eval.graph_def.find(name).is_some();
    let mut saved: Vec<NamedTensor> = variables.iter().filter(|v| read(&v.0)).cloned().collect();
    saved.sort_by(|a, b| a.0.cmp(&b.0));
    export::export_model(dir, meta_graph, &image, &prediction, &saved)?;
    info!(target: "tensorflow", "SavedModel written to: {}", dir.join("saved_model.pb").display());
    Ok(())
}

/// VariableDefs of the module's own variables, as far as its graph has the nodes that Python wants
/// named.
fn pretrained_defs(backbone: &Backbone) -> Result<Vec<Vec<u8>>> {
    let has = |name: &str| backbone.graph_def.find(name).is_some();
    let mut defs = Vec::new();
    for (name, _) in &backbone.variables {
        let is_resource = backbone.graph_def.find(name).is_some_and(|n| n.op == "VarHandleOp");
        let assign = format!("{name}/Assign");
        let read = format!("{name}/{}", if is_resource { "Read/ReadVariableOp" } else { "read" });
        let initial = backbone.graph_def.find(&assign).and_then(|n| n.input.get(1).cloned());
        let Some(initial) = initial.filter(|_| has(&read)) else { continue };
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
