//! The program `label_image`: from its command line to labels on standard output.

use super::argparse::{self, Parsed, Paths};
use super::help::Program;
use super::label_image_flags::{GRAPH, LABEL_IMAGE_FLAGS};
use super::logging::{self, LogFile};
use super::{environment, exit_code, pixels};
use crate::error::{Error, Result};
use crate::images::ImageFormat;
use crate::label_image::{Format, LabelConfig, Labeller, RowWriter, Source};
use crate::text::counted;
use log::{LevelFilter, error, info};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

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
    environment::prepare(LevelFilter::Info);
    logging::init(LevelFilter::Info, LogFile::None);
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = argparse::parse_with_paths(&PROGRAM, LABEL_IMAGE_FLAGS, PATHS, &args);
    let outcome = parsed.and_then(|parsed| {
        let Some(parsed) = parsed else { return Ok(0) };
        parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
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
    if parsed.paths.is_empty() && !parsed.given("format") {
        if !parsed.given("image") {
            let message = "must be given: the photograph to label (or list several without a flag)";
            return Err(Error::usage("image", message));
        }
        print_labels(&config, &parsed.path("image"))?;
        return Ok(0);
    }
    let format = parsed.choice("format", &Format::NAMES)?;
    let format = Format::named(&format).unwrap_or(Format::Text);
    let image = parsed.given("image").then(|| Source::Path(parsed.path("image")));
    let words = parsed.paths.iter().map(|word| Source::typed(word));
    let sources: Vec<Source> = image.into_iter().chain(words).collect();
    if sources.is_empty() {
        let message = "must be given, or list photographs or directories without a flag";
        return Err(Error::usage("image", message));
    }
    label_many(&config, sources, format)
}

/// Labels one photograph and prints the labels as the script does.
fn print_labels(config: &LabelConfig, path: &Path) -> Result<()> {
    // If both the photograph and the graph are missing, report the photograph.
    std::fs::metadata(path).map_err(Error::io("reading", path))?;
    let text = open(config)?.label(path)?.to_string();
    let mut out = std::io::stdout().lock();
    is_written(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// Opens the graph. If there is none at its default place, nothing has been trained yet.
fn open(config: &LabelConfig) -> Result<Labeller> {
    let LabelConfig { graph, labels, .. } = config;
    if graph == Path::new(GRAPH) && !graph.exists() {
        let message = format!(
            "there is no graph yet; train first: retrain --image_dir=<directory> \
             --architecture=mobilenet_0.50_224 --output_graph={GRAPH} --output_labels={}",
            labels.display(),
        );
        return Err(Error::input(graph, message));
    }
    Labeller::open(config)
}

/// Whether output was written. A closed pipe (`label_image … | head -3`) is `Ok(false)`, not an
/// error.
fn is_written(outcome: std::io::Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Error::io("writing to", Path::new("standard output"))(e)),
    }
}

/// Prints a row for each photograph. Returns how many could not be labelled; these are also logged.
fn label_many(config: &LabelConfig, sources: Vec<Source>, format: Format) -> Result<u32> {
    let start = Instant::now();
    let labeller = open(config)?;
    let first = sources.first().cloned();
    let mut rows = labeller.rows(sources);
    let mut out = std::io::stdout().lock();
    let mut line = Vec::new();
    let writer = RowWriter::new(format, labeller.labels().len(), &mut line);
    let writer = writer.map_err(Error::io("writing", Path::new("a header")))?;
    let (mut labelled, mut failed) = (0u32, 0u32);
    for row in rows.by_ref() {
        let row = row?;
        match &row.top {
            Ok(_) => labelled += 1,
            Err(message) => {
                failed += 1;
                error!(target: "retrain", "{}: {message}", row.path.display());
            }
        }
        let outcome = writer.write(&row, &mut line).and_then(|()| out.write_all(&line));
        line.clear();
        if !is_written(outcome)? {
            return Ok(failed);
        }
    }
    is_written(out.write_all(&line).and_then(|()| out.flush()))?;
    match (labelled + failed, first) {
        (0, Some(Source::Path(path))) => Err(no_images(&path)),
        (0, _) => Err(no_images(Path::new("standard input"))),
        (1, _) => Ok(failed),
        (count, _) => {
            let skipped = rows.skipped();
            let others = if skipped > 0 {
                format!("; {} skipped", counted(skipped as u64, "other file"))
            } else {
                String::new()
            };
            let images = counted(labelled.into(), "image");
            let time = start.elapsed().as_secs_f64();
            let each = time * 1e3 / f64::from(count);
            info!(
                target: "retrain",
                "{images} labelled in {time:.2} s: {each:.2} ms an image{others}"
            );
            Ok(failed)
        }
    }
}

fn no_images(place: &Path) -> Error {
    Error::input(place, format!("holds no {} image", ImageFormat::names()))
}

pub(super) fn config(parsed: &Parsed) -> Result<LabelConfig> {
    for name in ["image", "graph", "labels"] {
        if parsed.given(name) && parsed.os(name).is_empty() {
            let message = "must not be empty: give a path, or leave it out";
            return Err(Error::usage(name, message));
        }
    }
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
