//! Writes the hub script's checkpoint: the variables in TensorFlow's V2 format, their graph
//! (`.meta`), and the file `checkpoint` that points to both.

use crate::error::Result;
use crate::fsio;
use crate::proto::{self, MetaGraphDef};
use crate::tf::{NamedTensor, write_checkpoint};
use std::path::Path;

/// Saves the variables under the path prefix `path`, as `tf.train.Saver.save` does. Creates the
/// directory if needed.
pub fn save_checkpoint(
    path: &Path,
    variables: &[NamedTensor],
    meta_graph: &MetaGraphDef,
) -> Result<()> {
    let dir = fsio::directory_of(path);
    fsio::ensure_dir_exists(dir)?;
    let mut sorted = variables.to_vec();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    write_checkpoint(path, &sorted)?;
    let mut meta = path.as_os_str().to_owned();
    meta.push(".meta");
    fsio::write(Path::new(&meta), &proto::serialize(meta_graph)?)?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    let state =
        format!("model_checkpoint_path: \"{name}\"\nall_model_checkpoint_paths: \"{name}\"\n");
    fsio::write(&dir.join("checkpoint"), state.as_bytes())
}
