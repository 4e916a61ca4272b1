//! The command lines of the programs: flags, parsing as Python's argparse does it, log lines,
//! progress bars, signals and exit codes.

mod argparse;
mod bars;
mod cache_bottlenecks;
mod cache_bottlenecks_flags;
mod closing;
mod download_images;
mod download_images_flags;
mod environment;
mod flag;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod generate;
mod head;
mod help;
mod label_image;
mod label_image_flags;
mod label_image_many;
mod logging;
mod names;
mod own_graph;
mod photographs;
mod pixels;
mod presets;
mod reading;
mod retrain;
mod retrain_flags;
mod retrain_worker;
mod retrain_worker_flags;
mod settings;
mod shard;
mod signals;
mod slips;
mod terminal;
mod workers;

pub use argparse::{Parsed, full_names};
pub use cache_bottlenecks::cache_bottlenecks;
pub use cache_bottlenecks_flags::CACHE_BOTTLENECKS_FLAGS;
pub use download_images::download_images;
pub use download_images_flags::DOWNLOAD_IMAGES_FLAGS;
pub use flag::{Flag, Group, Kind, Script};
pub use generate::{GENERATED, generate};
pub use help::Program;
pub use label_image::label_image;
pub use label_image_flags::LABEL_IMAGE_FLAGS;
pub use retrain::{config_from, retrain};
pub use retrain_flags::RETRAIN_FLAGS;
pub use retrain_worker::retrain_worker;
pub use retrain_worker_flags::RETRAIN_WORKER_FLAGS;

use crate::CancelToken;
use crate::error::{Error, Result};
use log::LevelFilter;
use logging::LogFile;
use retrain_flags::LEVELS;
use std::path::Path;
use std::process::ExitCode;

/// The exit code of a wrong command line, as in argparse.
const USAGE: u8 = 2;
/// The exit code after the scripts' `return -1`, for an image_dir or an architecture that they
/// cannot use.
const MINUS_ONE: u8 = 255;

/// How the errors begin that the scripts log themselves. All others are ours.
const SCRIPTS_ERRORS: [&str; 6] = [
    "Image directory not found",
    "No valid folders of images found at ",
    "Only one valid folder of images found at ",
    "Couldn't understand architecture ",
    "The Mobilenet version should be ",
    "The Mobilenet input size should be ",
];

/// The log target of an error: TensorFlow's for an error that the scripts log, else ours.
fn target(error: &Error) -> &'static str {
    match error {
        Error::Input { message, .. } | Error::Model { message, .. }
            if SCRIPTS_ERRORS.iter().any(|start| message.starts_with(start)) =>
        {
            "tensorflow"
        }
        _ => "retrain",
    }
}

/// Logs that a signal stopped a run, with what was `kept`, and returns the exit code.
fn stopped(token: &CancelToken, kept: &str) -> ExitCode {
    let (signal, name) = signals::received(token).unwrap_or((signals::SIGINT, "SIGINT"));
    log::error!(target: "retrain", "stopped by {name}: {kept}");
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
}

/// Starts logging as the command line asks, and says what was noticed in it.
fn begin(parsed: &Parsed, file: LogFile) -> Result<()> {
    let verbosity = logging_verbosity(parsed);
    let level = *verbosity.as_ref().unwrap_or(&LevelFilter::Info);
    environment::prepare(level);
    logging::init(level, file);
    parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
    parsed.notes.iter().for_each(|note| log::info!(target: "retrain", "{note}"));
    verbosity.map(drop)
}

/// The level that `--logging_verbosity` asks for.
fn logging_verbosity(parsed: &Parsed) -> Result<LevelFilter> {
    Ok(match parsed.choice("logging_verbosity", LEVELS)?.as_str() {
        "DEBUG" => LevelFilter::Debug,
        "INFO" => LevelFilter::Info,
        "WARN" => LevelFilter::Warn,
        // Even at FATAL, the error that ends the run is shown.
        _ => LevelFilter::Error,
    })
}

/// Logs an error and returns its exit code. The scripts `return -1` for errors about `image_dir`.
fn exit_code(error: Error, image_dir: Option<&Path>) -> ExitCode {
    let target = target(&error);
    match &error {
        // The name may be a mistyped flag, which `as_flags` would not know: show it as a flag here.
        Error::Setting { setting, message } => {
            log::error!(target: target, "--{setting}: {message}");
        }
        _ => log::error!(target: target, "{error}"),
    }
    match error {
        Error::Setting { .. } => ExitCode::from(USAGE),
        Error::Input { path, .. } if Some(path.as_path()) == image_dir => ExitCode::from(MINUS_ONE),
        Error::Model { .. } => ExitCode::from(MINUS_ONE),
        _ => ExitCode::FAILURE,
    }
}
