//! The program `label_image`.

use super::argparse::{self, Flag, Kind, Parsed};
use super::{exit_code, pixels};
use crate::error::{Error, Result};
use crate::label_image::{Format, LabelConfig, Source, classify, label_many, report};
use crate::logging;
use log::LevelFilter;
use std::process::ExitCode;

const ABOUT: &str = "Says what is in a photograph, or in many, by a retrained graph.";

const PATHS: &str = "More photographs: files, directories with all that is in them, or - for a list of paths, one a \
                     line, on standard input. The answer is then a line for each";

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, original: true }
}

pub(super) const FLAGS: &[Flag] = &[
    flag("image", Kind::Str, "", "The photograph: {formats}"),
    flag("graph", Kind::Str, "tf_files/retrained_graph.pb", "The graph"),
    flag("labels", Kind::Str, "tf_files/retrained_labels.txt", "The labels, one a line"),
    flag(
        "input_height",
        Kind::Int,
        "",
        "Height the graph wants [default: as the graph says, else 224]",
    ),
    flag(
        "input_width",
        Kind::Int,
        "",
        "Width the graph wants [default: as the graph says, else 224]",
    ),
    flag("input_mean", Kind::Float, "128", "What is subtracted from each pixel value of 0 to 255"),
    flag("input_std", Kind::Float, "128", "What the difference is divided by"),
    flag("input_layer", Kind::Str, "input", "The node that is fed"),
    flag("output_layer", Kind::Str, "final_result", "The node that is read"),
    Flag {
        original: false,
        ..flag(
            "format",
            Kind::Choice(&Format::NAMES),
            "text",
            "A line for each photograph: text (path, label, score; tabs between them), csv (with a header), or json. \
             Without this flag and with --image alone, the script's lines",
        )
    },
];

/// The program.
#[must_use]
pub fn label_image() -> ExitCode {
    logging::init(LevelFilter::Info);
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome =
        argparse::parse_with_paths("label_image", ABOUT, FLAGS, PATHS, &args).and_then(|parsed| {
            let Some(parsed) = parsed else { return Ok(0) };
            parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
            run(&parsed)
        });
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            let what = if failed == 1 { "image" } else { "images" };
            log::error!(target: "retrain", "{failed} {what} could not be labelled");
            ExitCode::FAILURE
        }
        Err(e) => exit_code(Err(e), None),
    }
}

/// Labels what the command line names, and returns how many images were at fault.
fn run(parsed: &Parsed) -> Result<usize> {
    let config = config(parsed)?;
    let out = &mut std::io::stdout().lock();
    if parsed.paths.is_empty() && !parsed.given("format") {
        if !parsed.given("image") {
            return Err(Error::usage(
                "image",
                "must be given: the photograph to label (or name several without a flag)",
            ));
        }
        report(&classify(&config, &parsed.path("image"))?, out)?;
        return Ok(0);
    }
    let format = parsed.choice("format", &Format::NAMES)?;
    let format = Format::named(&format).unwrap_or(Format::Text);
    let image = parsed.given("image").then(|| Source::Path(parsed.path("image")));
    let sources: Vec<Source> =
        image.into_iter().chain(parsed.paths.iter().map(|word| Source::typed(word))).collect();
    if sources.is_empty() {
        return Err(Error::usage(
            "image",
            "must be given, or name photographs or directories without a flag",
        ));
    }
    Ok(label_many(&config, sources, format, out)?.failed)
}

pub(super) fn config(parsed: &Parsed) -> Result<LabelConfig> {
    Ok(LabelConfig {
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
