//! The trained network with its variables: as a SavedModel for serving, and as a checkpoint with
//! its meta graph.

use super::evaluation::EvalNames;
use super::serving_bytes::{Served, add_serving_bytes};
use crate::error::Result;
use crate::export::{self, Method, Signature, SignatureEnd, meta_graph};
use crate::images::Reading;
use crate::layers::{FinalTrainingOps, SavedVariable, Saver, add_saver};
use crate::proto::{DataType, GraphDef, MetaGraphDef, SaverDef, VariableDef, saver_def, serialize};
use crate::rewrite::needed_nodes;
use crate::tf::{Graph, GraphBuilder, NamedTensor};
use log::{info, warn};
use std::collections::HashSet;
use std::path::Path;

/// The names used in a graph that can save and restore its variables.
pub(super) struct Names<'n> {
    pub(super) ops: &'n FinalTrainingOps,
    pub(super) saver: Saver,
}

/// The signature that TensorFlow Serving uses by default.
const SIGNATURE: &str = "serving_default";
/// The input node of graphs that decode the image themselves.
const ENCODED_IMAGE: &str = "DecodeJpeg/contents";

/// The input tensor of a frozen graph's SavedModel: the image's bytes if the graph decodes them
/// (Inception of 2015), else its pixels, as in TensorFlow 1.7's retrain.py.
pub(super) fn image_input<'g>(graph: &GraphDef, pixels: &'g str) -> &'g str {
    if graph.find(ENCODED_IMAGE).is_some() { ENCODED_IMAGE } else { pixels }
}

/// The training graph reduced to what the result and the layer's initial values need, plus a saver.
pub(super) fn serving_graph(
    mut graph: GraphDef,
    ops: &FinalTrainingOps,
) -> Result<(GraphDef, Names<'_>)> {
    let mut needed = HashSet::new();
    let initializers = ops.all_variables().map(|v| v.initializer.as_str());
    for output in initializers.chain([ops.final_tensor.as_str()]) {
        needed.extend(needed_nodes(&graph, output)?.into_iter().map(str::to_owned));
    }
    graph.node.retain(|node| needed.contains(&node.name));
    let mut b = GraphBuilder::on(&graph);
    let mut variables: Vec<SavedVariable> = ops.all_variables().map(layer_variable).collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    let saver = add_saver(&mut b, &variables);
    graph.node.extend(b.take_nodes());
    Ok((graph, Names { ops, saver }))
}

fn layer_variable(names: &crate::layers::VariableNames) -> SavedVariable {
    SavedVariable { name: names.variable.clone(), is_resource: false, dtype: DataType::DT_FLOAT }
}

/// The script's `export_model`: a SavedModel with the tag "serve". `image` is the input of the
/// script's signature.
pub(super) fn export_saved_model(
    dir: &Path,
    mut graph_def: GraphDef,
    names: Names<'_>,
    image: &str,
    served: &Served<'_>,
    variables: &[NamedTensor],
) -> Result<()> {
    // Training also has variables that this graph never reads: the averages behind the ranges.
    let read = |name: &str| graph_def.find(name).is_some();
    let mut saved: Vec<NamedTensor> = variables.iter().filter(|v| read(&v.0)).cloned().collect();
    saved.sort_by(|a, b| a.0.cmp(&b.0));
    let bytes = add_serving_bytes(&mut graph_def, served);
    let graph = Graph::import(&graph_def)?;
    let default = Signature {
        key: SIGNATURE,
        method: Method::Predict,
        inputs: vec![("image", SignatureEnd::of(&graph, image)?)],
        outputs: vec![("prediction", SignatureEnd::of(&graph, &names.ops.final_tensor)?)],
    };
    let signatures: Vec<Signature> =
        [default].into_iter().chain(bytes.signatures(&graph)?).collect();
    let assets = [bytes.asset(served.labels)];
    let meta_graph = meta_graph(&graph, graph_def, names.ops, &names.saver, variables, &["serve"])?;
    export::export_model(dir, meta_graph, &signatures, &assets, &saved)?;
    let path = dir.join("saved_model.pb");
    info!(target: "tensorflow", "SavedModel written to: {}", path.display());
    let Reading { exif_orientation, fast_decode, .. } = served.pixels.reading;
    for (setting, is_on) in [("exif_orientation", exif_orientation), ("fast_decode", fast_decode)] {
        if is_on {
            warn!(
                target: "retrain",
                "{}: its signatures that take files read them as they are stored; `{setting}` is \
                 label_image's alone",
                dir.display()
            );
        }
    }
    Ok(())
}

/// `tf.train.Saver.save`: the variables, and next to them their graph, for `import_meta_graph` and
/// `freeze_graph`.
pub(super) fn save_checkpoint(
    path: &Path,
    graph_def: &GraphDef,
    names: &EvalNames,
    variables: &[NamedTensor],
) -> Result<()> {
    let graph = Graph::import(graph_def)?;
    let meta_graph =
        meta_graph(&graph, graph_def.clone(), &names.ops, &names.saver, variables, &[])?;
    export::save_checkpoint(path, variables, &meta_graph)
}

fn meta_graph(
    graph: &Graph,
    graph_def: GraphDef,
    ops: &FinalTrainingOps,
    saver: &Saver,
    variables: &[NamedTensor],
    tags: &[&str],
) -> Result<MetaGraphDef> {
    let layer = meta_graph::variable_defs(ops.variables.iter(), true)?;
    let ranges = meta_graph::variable_defs(ops.ranges.iter(), false)?;
    let is_layers = |name: &str| ops.all_variables().any(|v| v.variable == name);
    let pretrained = variables.iter().map(|v| v.0.as_str()).filter(|name| !is_layers(name));
    let pretrained = pretrained_defs(&graph_def, pretrained)?;
    let all = pretrained.into_iter().chain(layer.iter().cloned()).chain(ranges).collect();
    Ok(MetaGraphDef {
        meta_info_def: Some(meta_graph::meta_info(graph, &graph_def, tags)?).into(),
        saver_def: Some(saver_def(saver)).into(),
        collection_def: vec![
            meta_graph::entry("trainable_variables", meta_graph::bytes(layer)),
            meta_graph::entry("variables", meta_graph::bytes(all)),
        ],
        graph_def: Some(graph_def).into(),
        ..MetaGraphDef::default()
    })
}

fn saver_def(saver: &Saver) -> SaverDef {
    SaverDef {
        filename_tensor_name: meta_graph::tensor(&saver.filename),
        save_tensor_name: meta_graph::tensor(&saver.save),
        restore_op_name: saver.restore.clone(),
        max_to_keep: 5,
        keep_checkpoint_every_n_hours: 10_000.0,
        version: saver_def::CheckpointFormatVersion::V2.into(),
        ..SaverDef::default()
    }
}

/// VariableDefs of the module's own variables. Skips a variable if its graph lacks the nodes that a
/// VariableDef must name.
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
