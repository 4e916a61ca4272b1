//! Reads `--architecture=path/to/graph.pb`, or of a SavedModel, and the flags that describe such a
//! network.

use super::argparse::Parsed;
use super::pixels;
use crate::error::{Error, Result};
use crate::model::{OwnGraph, create_model_info};
use std::ffi::OsStr;
use std::path::Path;

/// The flags that describe a graph of the user's own.
const FLAGS: [&str; 7] = [
    "signature",
    "bottleneck_tensor",
    "input_tensor",
    "input_width",
    "input_height",
    "input_mean",
    "input_std",
];

/// Whether an architecture is a path: it ends in `.pb`, has a slash, or is a file or directory and
/// not the name of an architecture.
fn is_path(architecture: &OsStr) -> bool {
    let text = architecture.to_string_lossy();
    let path = Path::new(architecture);
    text.ends_with(".pb")
        || text.contains(std::path::is_separator)
        || create_model_info(&text).is_err() && path.exists()
}

/// The user's own graph, if the command line names one.
///
/// # Errors
/// If a flag that describes such a graph is wrong, or given without a graph.
pub(super) fn own_graph(parsed: &Parsed) -> Result<Option<OwnGraph>> {
    if parsed.given("tfhub_module") || !is_path(&parsed.os("architecture")) {
        return match FLAGS.iter().find(|f| parsed.given(f)) {
            Some(flag) => Err(Error::usage(
                *flag,
                "applies only to a network of your own: --architecture=path/to/graph.pb or \
                 --architecture=path/to/saved_model",
            )),
            None => Ok(None),
        };
    }
    let text = |name: &str| parsed.given(name).then(|| parsed.text(name)).transpose();
    let number = |name: &str, read: fn(&Parsed, &str) -> Result<f32>| {
        parsed.given(name).then(|| read(parsed, name))
    };
    Ok(Some(OwnGraph {
        path: parsed.path("architecture"),
        signature: text("signature")?,
        bottleneck_tensor: text("bottleneck_tensor")?,
        input_tensor: text("input_tensor")?,
        input_width: pixels::side(parsed, "input_width")?,
        input_height: pixels::side(parsed, "input_height")?,
        input_mean: number("input_mean", pixels::mean).transpose()?,
        input_std: number("input_std", pixels::std).transpose()?,
    }))
}
