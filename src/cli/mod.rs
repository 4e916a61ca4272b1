//! From words to work: flag tables, the habits of Python's argparse, exit codes.

mod argparse;
mod bars;
mod closing;
mod environment;
mod flag;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod label_image;
mod label_image_flags;
mod logging;
mod names;
mod own_graph;
mod pixels;
mod retrain;
mod retrain_flags;
mod settings;
mod signals;
mod slips;
mod terminal;

pub use argparse::{Parsed, full_names};
pub use flag::{Flag, Kind, Script};
pub use label_image::label_image;
pub use label_image_flags::LABEL_IMAGE_FLAGS;
pub use retrain::{config_from, retrain};
pub use retrain_flags::RETRAIN_FLAGS;

use crate::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// The exit code of a wrong command line, argparse's.
const USAGE: u8 = 2;
/// The scripts end with `return -1` for an image_dir or an architecture they cannot use.
const MINUS_ONE: u8 = 255;

/// Reports an error and turns it into an exit code. `image_dir` is the directory whose faults the
/// scripts report with `return -1`.
fn exit_code(error: Error, image_dir: Option<&Path>) -> ExitCode {
    match &error {
        // What was typed need not be a flag, so its name is shown as typed.
        Error::Setting { setting, message } => {
            log::error!(target: "tensorflow", "--{setting}: {message}");
        }
        _ => log::error!(target: "tensorflow", "{error}"),
    }
    match error {
        Error::Setting { .. } => ExitCode::from(USAGE),
        Error::Input { path, .. } if Some(path.as_path()) == image_dir => ExitCode::from(MINUS_ONE),
        Error::Model { .. } => ExitCode::from(MINUS_ONE),
        _ => ExitCode::FAILURE,
    }
}
