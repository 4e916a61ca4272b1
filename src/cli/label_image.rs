//! The program `label_image`.

use super::argparse::{self, Flag, Kind, Parsed};
use super::{exit_code, pixels};
use crate::error::{Error, Result};
use crate::label_image::{LabelConfig, classify, report};
use crate::logging;
use log::LevelFilter;
use std::process::ExitCode;

const ABOUT: &str = "Says what is in a photograph, by a retrained graph.";

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, original: true }
}

const FLAGS: &[Flag] = &[
    flag("image", Kind::Str, "", "The photograph: JPEG, PNG, GIF or BMP"),
    flag("graph", Kind::Str, "tf_files/retrained_graph.pb", "The graph"),
    flag("labels", Kind::Str, "tf_files/retrained_labels.txt", "The labels, one a line"),
    flag("input_height", Kind::Int, "", "Height the graph wants [default: as the graph says, else 224]"),
    flag("input_width", Kind::Int, "", "Width the graph wants [default: as the graph says, else 224]"),
    flag("input_mean", Kind::Float, "128", "What is subtracted from each pixel value of 0 to 255"),
    flag("input_std", Kind::Float, "128", "What the difference is divided by"),
    flag("input_layer", Kind::Str, "input", "The node that is fed"),
    flag("output_layer", Kind::Str, "final_result", "The node that is read"),
];

/// The program.
#[must_use]
pub fn label_image() -> ExitCode {
    logging::init(LevelFilter::Info);
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = argparse::parse("label_image", ABOUT, FLAGS, &args).and_then(|parsed| {
        let Some(parsed) = parsed else { return Ok(()) };
        parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
        let outcome = classify(&config(&parsed)?)?;
        report(&outcome, &mut std::io::stdout().lock())
    });
    exit_code(outcome, None)
}

fn config(parsed: &Parsed) -> Result<LabelConfig> {
    if !parsed.given("image") {
        return Err(Error::usage("image", "must be given: the photograph to label"));
    }
    Ok(LabelConfig {
        image: parsed.path("image"),
        graph: parsed.path("graph"),
        labels: parsed.path("labels"),
        input_height: pixels::side(parsed, "input_height")?,
        input_width: pixels::side(parsed, "input_width")?,
        input_mean: pixels::mean(parsed, "input_mean")?,
        input_std: pixels::std(parsed, "input_std")?,
        input_layer: parsed.text("input_layer")?,
        output_layer: parsed.text("output_layer")?,
    })
}
