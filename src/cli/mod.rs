//! From words to work: flag tables, the habits of Python's argparse, exit codes.

mod argparse;
mod flag;
pub(crate) mod fuzzing;
mod label_image;
mod names;
mod own_graph;
mod pixels;
mod retrain;
mod simulate_clusters;
mod slips;

pub use argparse::{Parsed, full_names};
pub use flag::{Flag, Kind, Script};
pub use label_image::{LABEL_IMAGE_FLAGS, label_image};
pub use retrain::{RETRAIN_FLAGS, config_from, retrain};
pub use simulate_clusters::simulate_clusters;

use crate::error::{Error, Result};
use std::path::Path;
use std::process::ExitCode;

/// The exit code of a wrong command line, argparse's.
const USAGE: u8 = 2;
/// The scripts end with `return -1` for an image_dir or an architecture they cannot use.
const MINUS_ONE: u8 = 255;

/// Reports an error and turns it into an exit code. `image_dir` is the directory whose faults the
/// scripts report with `return -1`.
fn exit_code(outcome: Result<()>, image_dir: Option<&Path>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    log::error!(target: "tensorflow", "{error}");
    match error {
        Error::Usage { .. } => ExitCode::from(USAGE),
        Error::Input { path, .. } if Some(path.as_path()) == image_dir => ExitCode::from(MINUS_ONE),
        Error::Stopped { signal, .. } => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
        Error::Model { .. } => ExitCode::from(MINUS_ONE),
        _ => ExitCode::FAILURE,
    }
}
