//! The program `label_image`: from its command line to labels on standard output.

use super::argparse::{self, Parsed, Paths};
use super::help::Program;
use super::label_image_flags::LABEL_IMAGE_FLAGS;
use super::label_image_many::{Wishes, is_written, label_many, open};
use super::logging::{self, LogFile};
use super::workers::workers;
use super::{environment, exit_code, offline, photographs, pixels, reading};
use crate::error::{Error, Result};
use crate::label_image::{LabelConfig, Source};
use crate::text::counted;
use log::LevelFilter;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "label_image",
    about: "Labels one or many photographs with a retrained graph.",
    usage: "label_image --image=<photograph> [flags]\n       label_image [flags] <path>...",
    example: "    label_image --image=flower_photos/daisy/1.jpg",
    exit_codes: "    \
    0    done
    1    failure, or a photograph that could not be labelled
    2    a wrong command line
    130  stopped by Ctrl-C, and 143 by SIGTERM: 128 + the signal's number",
};

pub(super) const PATHS: Paths = Paths {
    flag: "image",
    help: "More photographs: files, directories (searched recursively), or - to read paths from \
           standard input, one per line. Prints one line for each photograph",
};

/// Runs the program and returns its exit code.
#[must_use]
pub fn label_image() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = argparse::parse_with_paths(&PROGRAM, LABEL_IMAGE_FLAGS, PATHS, &args);
    if matches!(parsed, Ok(Some(_))) {
        environment::prepare(LevelFilter::Info, None);
    }
    logging::init(LevelFilter::Info, LogFile::None);
    let outcome = parsed.and_then(|parsed| {
        let Some(parsed) = parsed else { return Ok(0) };
        parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
        offline::obey(&parsed);
        run(&parsed)
    });
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            let images = counted(failed.into(), "image");
            log::error!(target: "retrain", "{images} could not be labelled");
            ExitCode::FAILURE
        }
        Err(error) => exit_code(error, None),
    }
}

/// Labels the photographs on the command line. Returns how many could not be labelled.
fn run(parsed: &Parsed) -> Result<u32> {
    let config = config(parsed)?;
    let catalogue = photographs::catalogue(parsed, "image")?;
    let Some(wishes) = Wishes::read(parsed)? else {
        if !parsed.given("image") {
            let message = "must be given: the photograph to label (or list several without a flag)";
            return Err(Error::usage("image", message));
        }
        print_labels(&config, &parsed.path("image"))?;
        return Ok(0);
    };
    let is_frame = catalogue.as_ref().is_some_and(|catalogue| catalogue.cutouts.is_some());
    let is_photograph = parsed.given("image") && !is_frame;
    let image = is_photograph.then(|| Source::Path(parsed.path("image")));
    let words = parsed.paths.iter().map(|word| Source::typed(word));
    let mut sources: Vec<Source> = image.into_iter().chain(words).collect();
    if let Some(catalogue) = catalogue {
        if !sources.is_empty() {
            let message = "cannot be combined with other photographs; give the catalogue alone";
            let setting = if is_frame { "cutouts" } else { "image_list" };
            return Err(Error::usage(setting, message));
        }
        sources.push(Source::Catalogue(catalogue));
    }
    if sources.is_empty() {
        let message = "must be given, or list photographs or directories without a flag";
        return Err(Error::usage("image", message));
    }
    label_many(&config, sources, &wishes)
}

/// Labels one photograph and prints the labels as the script does.
fn print_labels(config: &LabelConfig, path: &Path) -> Result<()> {
    // If both the photograph and the graph are missing, report the photograph.
    std::fs::metadata(path).map_err(Error::io("reading", path))?;
    let text = open(config)?.label(path)?.to_string();
    let mut out = std::io::stdout().lock();
    is_written(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// The settings of the labeller.
pub(super) fn config(parsed: &Parsed) -> Result<LabelConfig> {
    for name in ["image", "graph", "labels", "image_list", "cutouts", "save_preview"] {
        if parsed.given(name) && parsed.os(name).is_empty() {
            let message = "must not be empty: give a path, or leave it out";
            return Err(Error::usage(name, message));
        }
    }
    let number = |name: &str, read: fn(&Parsed, &str) -> Result<f32>| {
        parsed.given(name).then(|| read(parsed, name)).transpose()
    };
    let path = |name: &str| parsed.given(name).then(|| parsed.path(name));
    let text = |name: &str| parsed.given(name).then(|| parsed.text(name)).transpose();
    let top_k = parsed.int("top_k")?;
    let top_k = usize::try_from(top_k).ok().filter(|&k| k > 0);
    Ok(LabelConfig {
        graph: parsed.path("graph"),
        labels: path("labels"),
        input_height: pixels::side(parsed, "input_height")?,
        input_width: pixels::side(parsed, "input_width")?,
        input_mean: number("input_mean", pixels::mean)?,
        input_std: number("input_std", pixels::std)?,
        input_layer: text("input_layer")?,
        output_layer: text("output_layer")?,
        top_k: top_k.ok_or_else(|| Error::usage("top_k", "must be 1 or more"))?,
        threshold: threshold(parsed)?,
        calibrated: parsed.switch("calibrated"),
        format_options: reading::options(parsed)?,
        save_preview: path("save_preview"),
        workers: workers(parsed)?,
    })
}

fn threshold(parsed: &Parsed) -> Result<Option<f32>> {
    if !parsed.given("threshold") {
        return Ok(None);
    }
    let value = parsed.float("threshold")?;
    let wrong = || Error::usage("threshold", format!("must be from 0 to 1, not {value}"));
    (0.0..=1.0).contains(&value).then_some(Some(value as f32)).ok_or_else(wrong)
}
