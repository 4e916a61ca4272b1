//! Published frozen graphs: found, downloaded or built in model_dir, and read unchanged.

use super::flatten::add_flattening;
use super::{archive, wheel};
use crate::error::{Error, Result};
use crate::model::architecture::{ModelInfo, Source};
use crate::model::backbone::Backbone;
use crate::model::builtin;
use crate::model::inspect::check_graph;
use crate::proto::{self, GraphDef, InputRef};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Makes sure that the graph is in `model_dir`: downloads it, or makes it there. Returns where it
/// is.
///
/// # Errors
/// If it cannot be had.
pub fn provide(info: &ModelInfo, model_dir: &Path) -> Result<PathBuf> {
    let file = model_dir.join(&info.model_file_name);
    match &info.source {
        Source::Archive(base, name) => {
            let architecture = &info.architecture;
            archive::maybe_download_and_extract(architecture, base, name, model_dir, &file)?
        }
        Source::BuiltIn => builtin::maybe_write_miniature(&file)?,
        Source::Wheel(wheel) => wheel::maybe_build(wheel, model_dir, &file)?,
    }
    Ok(file)
}

/// Makes sure that the graph is in `model_dir`, and reads it (the script's
/// `maybe_download_and_extract` and `create_model_graph`).
///
/// # Errors
/// If the graph cannot be had or read, or lacks one of the tensors of `info`.
pub fn create_model_graph(info: &ModelInfo, model_dir: &Path) -> Result<Backbone> {
    let file = provide(info, model_dir)?;
    let bytes = crate::fsio::read(&file)?;
    let mut graph_def: GraphDef = proto::parse(&file, &bytes)?;
    check_graph(&graph_def).map_err(|message| Error::input(&file, message))?;
    for tensor in [info.resized_input_tensor_name, info.bottleneck_tensor_name] {
        let node = InputRef::parse(tensor).node;
        if graph_def.find(node).is_none() {
            let message =
                format!("holds no node '{node}'; is it the graph of {}?", info.architecture);
            return Err(Error::input(file, message));
        }
    }
    let content_hash = Sha256::digest(&bytes).into();
    let (bottleneck, size) =
        (info.bottleneck_tensor_name.trim_end_matches(":0"), info.bottleneck_tensor_size);
    // A MobileNet's pooled features are a map of one pixel.
    let is_map = graph_def.find(bottleneck).is_some_and(|node| node.op == "AvgPool");
    let bottleneck = match is_map {
        true => add_flattening(&mut graph_def, bottleneck, size),
        false => bottleneck.into(),
    };
    Ok(Backbone {
        name: info.cache_name(),
        wants_quantization: false,
        content_hash,
        graph_def,
        variables: Vec::new(),
        input: info.resized_input_tensor_name.into(),
        bottleneck,
        bottleneck_size: size,
        pixels: info.pixels.clone(),
        views: None,
    })
}
