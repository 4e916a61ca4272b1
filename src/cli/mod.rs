//! The command lines of both programs: flags, parsing as Python's argparse does it, log lines,
//! progress bars, signals and exit codes.

mod argparse;
mod bars;
mod closing;
mod environment;
mod flag;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod label_image;
mod label_image_flags;
mod label_image_many;
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

/// The exit code of a wrong command line, as in argparse.
const USAGE: u8 = 2;
/// The exit code after the scripts' `return -1`, for an image_dir or an architecture that they
/// cannot use.
const MINUS_ONE: u8 = 255;

/// Logs an error and returns its exit code. The scripts `return -1` for errors about `image_dir`.
fn exit_code(error: Error, image_dir: Option<&Path>) -> ExitCode {
    match &error {
        // The name may be a mistyped flag, which `as_flags` would not know: show it as a flag here.
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
