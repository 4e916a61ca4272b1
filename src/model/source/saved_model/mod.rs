//! TensorFlow 2 SavedModels (Keras' `export`, `tf.saved_model.save`, modules of TF-Hub's second
//! format), frozen into one plain graph from their files alone: nothing in them is run.
//!
//! | step | where |
//! |---|---|
//! | the signature, or the function `__call__`, and which of its outputs count | `entry` |
//! | calls are followed from the outputs, so that each tensor has its source | `program` |
//! | what is reached becomes plain nodes; variables become constants | `emit` |
//! | variables' keys in the checkpoint, and their values | `objects` |
//! | half-precision numbers and integer pixels become 32-bit floats | `floats` |
//!
//! TensorFlow's own loader (`TF_LoadSessionFromSavedModel`) is not used: it runs the model's
//! initialisers, and fails on Keras models saved by `tf.saved_model.save`.

mod emit;
mod entry;
mod floats;
mod names;
mod objects;
mod ops;
mod program;
mod wanted;

pub(super) use wanted::{Convention, Wanted};

use crate::error::{Error, Result};
use crate::model::inspect::{bypass_augmentation, check_graph};
use crate::proto::{self, GraphDef, MetaGraphDef, SavedModel};
use emit::Emitted;
use entry::Entry;
use log::info;
use objects::Objects;
use program::Program;
use protobuf::Message;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The tag of the graph that serves.
const SERVE: &str = "serve";
/// The file that holds the graph.
pub(super) const FILE: &str = "saved_model.pb";

/// A SavedModel as one plain graph.
pub(super) struct Frozen {
    pub(super) graph: GraphDef,
    /// The tensor that the pixels are fed to.
    pub(super) input: String,
    pub(super) convention: Convention,
    /// The hash of the graph's file and of the variables' values.
    pub(super) content_hash: [u8; 32],
}

/// Whether a directory holds a SavedModel with a graph that serves.
pub(super) fn serves(dir: &Path) -> bool {
    let path = dir.join(FILE);
    let bytes = path.is_file().then(|| crate::fsio::read(&path).ok()).flatten();
    let model = bytes.and_then(|bytes| proto::parse::<SavedModel>(&path, &bytes).ok());
    model.is_some_and(|model| serving(model).is_ok())
}

/// Freezes the SavedModel in `dir`.
///
/// # Errors
/// If its files are broken, or something that the features need cannot be frozen: that is named.
pub(super) fn freeze(dir: &Path, wanted: Wanted<'_>) -> Result<Frozen> {
    let path = dir.join(FILE);
    let wrong = |message: String| Error::input(&path, message);
    if !path.is_file() {
        return Err(Error::input(dir, format!("holds no {FILE}: it is not a SavedModel")));
    }
    let bytes = crate::fsio::read(&path)?;
    let mut hash = Sha256::new_with_prefix(&bytes);
    let mut meta_graph = serving(proto::parse(&path, &bytes)?).map_err(wrong)?;
    let entry = Entry::choose(&mut meta_graph, wanted, &path)?;
    let objects = Objects::of(&meta_graph);
    let mut program = Program::new(&meta_graph.graph_def, &objects);
    let Emitted { mut nodes, variables } = emit::emit(&mut program, &entry).map_err(wrong)?;
    let values = objects.values(dir, &variables)?;
    for (constant, value) in variables.iter().zip(values) {
        hash.update(proto::serialize(&value)?);
        nodes[constant.node] = proto::constant(&nodes[constant.node].name, value);
    }
    let versions = meta_graph.graph_def.versions.clone();
    let mut graph = GraphDef { node: nodes, versions, ..GraphDef::default() };
    // Two signatures may give tensors of the same names.
    entry.outputs.iter().for_each(|output| hash.update(format!("\0{}", output.tensor)));
    let mut convention = entry.convention;
    let input = entry.input_name(&graph);
    for change in floats::to_floats(&mut graph, &input, &mut convention) {
        info!(target: "retrain", "{}: {change}", dir.display());
    }
    if graph.compute_size() > emit::MOST_BYTES {
        return Err(wrong(emit::TOO_LARGE.into()));
    }
    check_graph(&graph).map_err(wrong)?;
    for bypassed in bypass_augmentation(&mut graph, &input).map_err(|e| wrong(e.to_string()))? {
        info!(target: "retrain", "{}: {bypassed}", dir.display());
    }
    Ok(Frozen { graph, input, convention, content_hash: hash.finalize().into() })
}

/// The graph that serves.
fn serving(model: SavedModel) -> std::result::Result<MetaGraphDef, String> {
    let tags: Vec<String> =
        model.meta_graphs.iter().map(|m| format!("{:?}", m.meta_info_def.tags)).collect();
    let serves = |m: &MetaGraphDef| m.meta_info_def.tags.iter().any(|tag| tag == SERVE);
    let serving = model.meta_graphs.into_iter().find(serves);
    serving.ok_or_else(|| {
        format!("holds no graph with the tag '{SERVE}', only with {}", tags.join(", "))
    })
}
