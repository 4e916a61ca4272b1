//! `--architecture=path/to/graph.pb`, and the flags that go with it.

use super::argparse::Parsed;
use super::pixels;
use crate::error::{Error, Result};
use crate::model::{OwnGraph, create_model_info};
use std::ffi::OsStr;
use std::path::Path;

/// The flags that describe a graph of one's own.
const FLAGS: [&str; 6] =
    ["bottleneck_tensor", "input_tensor", "input_width", "input_height", "input_mean", "input_std"];

/// Whether an architecture is a path: by its ending, by a slash, or because there is such a file
/// and no such name.
fn is_path(architecture: &OsStr) -> bool {
    let text = architecture.to_string_lossy();
    let path = Path::new(architecture);
    text.ends_with(".pb")
        || text.contains(std::path::is_separator)
        || create_model_info(&text).is_err() && path.is_file()
}

/// The graph of one's own that the command line asks for, if it does.
///
/// # Errors
/// Where one of the flags that go with such a graph is wrong, or there without one.
pub(super) fn own_graph(parsed: &Parsed) -> Result<Option<OwnGraph>> {
    if parsed.given("tfhub_module") || !is_path(&parsed.os("architecture")) {
        return match FLAGS.iter().find(|f| parsed.given(f)) {
            Some(flag) => Err(Error::usage(
                *flag,
                "goes with --architecture=path/to/graph.pb, a graph of your own",
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
        bottleneck_tensor: text("bottleneck_tensor")?,
        input_tensor: text("input_tensor")?,
        input_width: pixels::side(parsed, "input_width")?,
        input_height: pixels::side(parsed, "input_height")?,
        input_mean: number("input_mean", pixels::mean).transpose()?,
        input_std: number("input_std", pixels::std).transpose()?,
    }))
}
