//! Frozen graphs: a pretrained network as it was published, untouched.

use super::architecture::{ModelInfo, Source};
use super::graph_checks::check_graph;
use super::pixels::PixelSpec;
use super::{archive, miniature};
use crate::error::{Error, Result};
use crate::proto::{self, GraphDef, InputRef};
use crate::tf::{NamedTensor, convert_variables_to_constants};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Which of the two scripts a network is retrained like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// `--architecture`: tensorflow-for-poets.
    Poets,
    /// `--tfhub_module`: the examples of tensorflow/hub.
    Hub,
}

/// A pretrained network, ready to have its bottlenecks read and a new layer put on it.
#[derive(Debug, Clone)]
pub struct Backbone {
    /// What bottleneck files bear after the image's name.
    pub name: String,
    /// Which script it belongs to.
    pub generation: Generation,
    /// Whether it was prepared for quantized use, so that the new layer must be, too.
    pub wants_quantization: bool,
    /// The SHA-256 of the files it was read from.
    pub content_hash: [u8; 32],
    /// The graph as published.
    pub graph_def: GraphDef,
    /// The values of the graph's variables; a frozen graph has none.
    pub variables: Vec<NamedTensor>,
    /// The tensor fed with pixels.
    pub input: String,
    /// The tensor whose values are the bottleneck.
    pub bottleneck: String,
    /// How many numbers a bottleneck has.
    pub bottleneck_size: usize,
    /// The pixels it wants.
    pub pixels: PixelSpec,
}

impl Backbone {
    /// The part that computes bottlenecks, with constants for variables.
    pub fn frozen(&self) -> Result<GraphDef> {
        convert_variables_to_constants(
            &self.graph_def,
            InputRef::parse(&self.bottleneck).node,
            &self.variables,
        )
    }
}

/// The script's `create_model_graph`, with what comes before it: the graph is brought into
/// `model_dir` where it is not there, and read.
pub fn create_model_graph(info: &ModelInfo, model_dir: &Path) -> Result<Backbone> {
    let file = model_dir.join(&info.model_file_name);
    match &info.source {
        Source::Archive(base, name) => {
            archive::maybe_download_and_extract(base, name, model_dir, &file)?
        }
        Source::BuiltIn => miniature::maybe_write_miniature(&file)?,
    }
    let bytes = crate::fsio::read(&file)?;
    let graph_def: GraphDef = proto::parse(&file, &bytes)?;
    check_graph(&graph_def).map_err(|message| Error::input(&file, message))?;
    for tensor in [info.resized_input_tensor_name, info.bottleneck_tensor_name] {
        let node = InputRef::parse(tensor).node;
        if graph_def.find(node).is_none() {
            let message =
                format!("holds no node '{node}'; is it the graph of {}?", info.architecture);
            return Err(Error::input(file, message));
        }
    }
    Ok(Backbone {
        name: info.architecture.clone(),
        generation: Generation::Poets,
        wants_quantization: false,
        content_hash: Sha256::digest(&bytes).into(),
        graph_def,
        variables: Vec::new(),
        input: info.resized_input_tensor_name.into(),
        bottleneck: info.bottleneck_tensor_name.trim_end_matches(":0").into(),
        bottleneck_size: info.bottleneck_tensor_size,
        pixels: info.pixels.clone(),
    })
}
