//! What a run writes: the frozen graph, its labels and metadata, a SavedModel if asked for, and for
//! TF-Hub modules a checkpoint.

mod checkpoint;
mod frozen_graph;
mod labels;
pub(crate) mod meta_graph;
mod metadata;
mod saved_model;

pub use checkpoint::save_checkpoint;
pub use frozen_graph::save_graph_to_file;
pub use labels::{parse_labels, read_labels, save_labels};
pub use metadata::{
    AccuracyMetadata, InputMetadata, METADATA_VERSION, Metadata, ModelMetadata, OutputMetadata,
    SplitMetadata,
};
pub use saved_model::{Asset, Method, Signature, SignatureEnd, check_free, export_model};
