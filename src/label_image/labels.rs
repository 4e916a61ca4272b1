//! Finds the labels that belong to a graph.

use super::LabelConfig;
use crate::error::Result;
use crate::export::{Metadata, read_labels};
use std::path::{Path, PathBuf};

/// The script's default.
const SCRIPT_LABELS: &str = "tf_files/retrained_labels.txt";
/// Names of label files, after those made from the graph's own name.
const USUAL_NAMES: [&str; 3] = ["retrained_labels.txt", "output_labels.txt", "labels.txt"];

/// Labels, by class index, and the file that they are from.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) names: Vec<String>,
    pub(super) file: PathBuf,
    /// Whether the file was found beside the graph, and is not the script's default.
    pub(super) is_guessed: bool,
}

/// Reads the labels: of the settings, the metadata, a file beside the graph, or the script's
/// default, whichever comes first.
pub(super) fn labels(config: &LabelConfig, metadata: Option<&Metadata>) -> Result<Labels> {
    if let (None, Some(metadata)) = (&config.labels, metadata) {
        let file = Metadata::path_of(&config.graph);
        return Ok(Labels { names: metadata.labels.clone(), file, is_guessed: false });
    }
    let beside = || beside(&config.graph);
    let file = config.labels.clone().or_else(beside).unwrap_or_else(|| SCRIPT_LABELS.into());
    let is_guessed = config.labels.is_none() && file != Path::new(SCRIPT_LABELS);
    Ok(Labels { names: read_labels(&file)?, file, is_guessed })
}

/// The label file beside a graph: `x_labels.txt` for `x_graph.pb`, `x_labels.txt` for `x.pb`, or
/// one with a usual name.
fn beside(graph: &Path) -> Option<PathBuf> {
    let stem = graph.file_stem()?.to_string_lossy();
    let paired = stem.strip_suffix("graph").map(|start| format!("{start}labels.txt"));
    let own = [paired, Some(format!("{stem}_labels.txt"))].into_iter().flatten();
    let names = own.chain(USUAL_NAMES.map(str::to_owned));
    names.map(|name| graph.with_file_name(name)).find(|path| path.is_file())
}
