//! Labels many photographs: rows on standard output, or an evaluation, and a bar on a terminal.

use super::argparse::Parsed;
use super::bars::{self, Labelling};
use super::label_image_flags::{GRAPH, LABELS};
use crate::error::{Error, Result};
use crate::images::ImageFormat;
use crate::label_image::{
    Evaluation, Format, Ids, LabelConfig, Labeller, Row, RowWriter, Rows, Sorter, Source,
    check_apart,
};
use crate::text::{counted, shown};
use log::{error, info, warn};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How many directories without a label are named.
const UNNAMED: usize = 5;

/// What to do with many photographs.
pub(super) struct Wishes {
    output: OutputKind,
    sort_into: Option<PathBuf>,
}

enum OutputKind {
    Rows(Format),
    Tables,
    Json,
}

impl Wishes {
    /// Reads the flags. `None` if there is nothing but one photograph to label as the script does.
    pub(super) fn read(parsed: &Parsed) -> Result<Option<Self>> {
        let evaluates = parsed.switch("evaluate");
        if parsed.switch("json") && !evaluates {
            let message = "is for --evaluate; --format=json prints a line for each photograph";
            return Err(Error::usage("json", message));
        }
        if evaluates && parsed.given("format") {
            let message = "prints no line for each photograph, so --format cannot be given, too; \
                           --json prints the evaluation as JSON";
            return Err(Error::usage("evaluate", message));
        }
        let sort_into = parsed.given("sort_into").then(|| parsed.path("sort_into"));
        if sort_into.as_ref().is_some_and(|dir| dir.as_os_str().is_empty()) {
            let message = "must not be empty: give a directory, or leave it out";
            return Err(Error::usage("sort_into", message));
        }
        let format = parsed.choice("format", &Format::NAMES)?;
        let is_for_many = !parsed.paths.is_empty()
            || parsed.given("format")
            || parsed.given("image_list")
            || parsed.given("cutouts");
        if !(is_for_many || evaluates || sort_into.is_some()) {
            return Ok(None);
        }
        let output = match (evaluates, parsed.switch("json")) {
            (false, _) => OutputKind::Rows(Format::named(&format).unwrap_or(Format::Text)),
            (true, false) => OutputKind::Tables,
            (true, true) => OutputKind::Json,
        };
        Ok(Some(Self { output, sort_into }))
    }
}

/// Labels photographs. Returns how many could not be labelled; these are also logged.
pub(super) fn label_many(
    config: &LabelConfig,
    mut sources: Vec<Source>,
    wishes: &Wishes,
) -> Result<u32> {
    let start = Instant::now();
    if let Some(dir) = &config.save_preview {
        let wrong = |message| Error::usage("save_preview", message);
        check_apart(dir, &sources).map_err(wrong)?;
    }
    let labeller = open(config)?;
    cut_out(&mut sources, &labeller, wishes)?;
    let sorter = wishes.sort_into.as_deref();
    let sorter = sorter.map(|dir| Sorter::new(dir, labeller.labels(), &sources)).transpose()?;
    let place = match sources.first() {
        Some(Source::Path(path)) => path.clone(),
        Some(Source::Catalogue(catalogue)) => catalogue.image_list.clone(),
        _ => "standard input".into(),
    };
    let ids = if has_ids(&sources)? { Ids::First } else { Ids::None };
    let output = Output::new(&wishes.output, &labeller, ids)?;
    let bar = bars::labelling(&sources);
    let mut rows = labeller.rows(sources);
    let mut work = Work { output, sorter, bar, labelled: 0, failed: 0 };
    if !work.through(&mut rows)? {
        return Ok(work.failed);
    }
    drop(work.bar);
    work.output.finish()?;
    if let (Some(sorter), Some(dir)) = (&work.sorter, &wishes.sort_into) {
        say_sorted(sorter, dir);
    }
    let count = work.labelled + work.failed;
    if count == 0 {
        return Err(Error::input(place, format!("holds no {} image", ImageFormat::names())));
    }
    if count > 1 {
        let others = match rows.skipped() {
            0 => String::new(),
            skipped => format!("; {} skipped", counted(skipped as u64, "other file")),
        };
        let images = counted(work.labelled.into(), "image");
        let time = start.elapsed().as_secs_f64();
        let each = time * 1e3 / f64::from(count);
        info!(
            target: "retrain",
            "{images} labelled in {time:.2} s: {each:.2} ms an image{others}"
        );
    }
    Ok(work.failed)
}

/// Checks cut-outs, and reads their frame as the graph's metadata says.
fn cut_out(sources: &mut [Source], labeller: &Labeller, wishes: &Wishes) -> Result<()> {
    for source in sources {
        let Source::Catalogue(catalogue) = source else { continue };
        let Some(cutouts) = &mut catalogue.cutouts else { continue };
        if wishes.sort_into.is_some() {
            let message = "is for files; cut-outs are not files, but --format=csv lists them";
            return Err(Error::usage("sort_into", message));
        }
        cutouts.fits = labeller.reading().fits.clone();
        cutouts.check()?;
    }
    Ok(())
}

/// Whether there is a catalogue with names for its photographs; says which columns it uses.
fn has_ids(sources: &[Source]) -> Result<bool> {
    let mut has_ids = false;
    for source in sources {
        if let Source::Catalogue(catalogue) = source {
            let rows = catalogue.open()?;
            info!(target: "retrain", "{}: {}", shown(&catalogue.image_list), rows.said());
            has_ids |= rows.has_ids();
        }
    }
    Ok(has_ids)
}

/// Opens the graph. If there is none at its default place, nothing has been trained yet.
pub(super) fn open(config: &LabelConfig) -> Result<Labeller> {
    let graph = &config.graph;
    if graph == Path::new(GRAPH) && !graph.exists() {
        let labels = config.labels.as_deref().unwrap_or(Path::new(LABELS)).display();
        let message = format!(
            "there is no graph yet; train first: retrain --image_dir=<directory> \
             --architecture=mobilenet_0.50_224 --output_graph={GRAPH} --output_labels={labels}"
        );
        return Err(Error::input(graph, message));
    }
    Labeller::open(config)
}

struct Work {
    output: Output,
    sorter: Option<Sorter>,
    bar: Option<Labelling>,
    labelled: u32,
    failed: u32,
}

impl Work {
    /// Works off the rows. `false` if nobody reads the output any more.
    fn through(&mut self, rows: &mut Rows) -> Result<bool> {
        while let Some(row) = rows.next() {
            let row = row?;
            match &row.top {
                Ok(_) => self.labelled += 1,
                Err(message) => {
                    self.failed += 1;
                    error!(target: "retrain", "{}: {message}", row.path.display());
                }
            }
            if let Some(sorter) = &mut self.sorter {
                sorter.place(&row)?;
            }
            if let Some(bar) = &self.bar {
                bar.set(u64::from(self.labelled + self.failed) + rows.skipped() as u64);
            }
            if !self.output.add(&row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is printed.
enum Output {
    Rows { writer: RowWriter, line: Vec<u8>, is_terminal: bool },
    Tables(Evaluation),
    Json(Evaluation),
}

impl Output {
    fn new(kind: &OutputKind, labeller: &Labeller, ids: Ids) -> Result<Self> {
        Ok(match kind {
            OutputKind::Rows(format) => {
                let mut line = Vec::new();
                let writer = RowWriter::new(*format, labeller.listed(), ids, &mut line);
                let writer = writer.map_err(Error::io("writing", Path::new("a header")))?;
                Self::Rows { writer, line, is_terminal: io::stdout().is_terminal() }
            }
            OutputKind::Tables => Self::Tables(Evaluation::new(labeller.labels())),
            OutputKind::Json => Self::Json(Evaluation::new(labeller.labels())),
        })
    }

    /// Prints or counts a row. `false` if nobody reads the output any more.
    fn add(&mut self, row: &Row) -> Result<bool> {
        match self {
            Self::Rows { writer, line, is_terminal } => {
                let outcome = writer.write(row, line).and_then(|()| {
                    let print = || io::stdout().lock().write_all(line);
                    if *is_terminal { bars::above(print) } else { print() }
                });
                line.clear();
                is_written(outcome)
            }
            Self::Tables(evaluation) | Self::Json(evaluation) => {
                evaluation.add(row);
                Ok(true)
            }
        }
    }

    /// Prints what is left.
    fn finish(self) -> Result<()> {
        let rest = match self {
            Self::Rows { line, .. } => line,
            Self::Tables(evaluation) => checked(&evaluation)?.to_string().into_bytes(),
            Self::Json(evaluation) => format!("{}\n", checked(&evaluation)?.to_json()).into_bytes(),
        };
        let mut out = io::stdout().lock();
        is_written(out.write_all(&rest).and_then(|()| out.flush())).map(drop)
    }
}

/// Warns of directories that are named after no label.
///
/// # Errors
/// If there are no others.
fn checked(evaluation: &Evaluation) -> Result<&Evaluation> {
    let unnamed = &evaluation.unnamed();
    let photographs: usize = unnamed.values().sum();
    if photographs == 0 {
        return Ok(evaluation);
    }
    let named: Vec<String> = unnamed.keys().take(UNNAMED).map(|dir| shown(dir)).collect();
    let more = if unnamed.len() > UNNAMED { ", …" } else { "" };
    let named = named.join(", ") + more;
    let labels = evaluation.labels().iter().take(UNNAMED).map(String::as_str).collect::<Vec<_>>();
    let labels = labels.join(", ");
    let (source, like) = match evaluation.is_of_catalogue() {
        true => ("catalogue's label", "the graph's"),
        false => ("directory", "named after its"),
    };
    if evaluation.confusion().total() == 0 {
        let message = format!(
            "the {source} of each photograph must be {like} label, but {named} is not; labels are: \
             {labels}"
        );
        return Err(Error::usage("evaluate", message));
    }
    warn!(
        target: "retrain",
        "{} not counted: no label is called like the {source}: {named}",
        counted(photographs as u64, "photograph")
    );
    Ok(evaluation)
}

fn say_sorted(sorter: &Sorter, dir: &Path) {
    let sorted = sorter.sorted().iter().map(|(name, count)| format!("{count} {name}"));
    let sorted: Vec<String> = sorted.collect();
    let [linked, copied, there] = sorter.placed();
    info!(
        target: "retrain",
        "Sorted into {}: {} ({linked} linked, {copied} copied, {there} already there)",
        shown(dir),
        if sorted.is_empty() { "nothing".into() } else { sorted.join(", ") }
    );
}

/// Whether output was written. A closed pipe (`label_image … | head -3`) is `Ok(false)`, not an
/// error.
pub(super) fn is_written(outcome: io::Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Error::io("writing to", Path::new("standard output"))(e)),
    }
}
