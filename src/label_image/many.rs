//! Many photographs in one process: read, decoded and labelled on all cores, and written in the
//! order they were given. What is in memory does not grow with their number.

use super::paths::{self, Found, Source};
use super::rows::{Format, Row, RowWriter};
use super::{LabelConfig, Model, top_k};
use crate::error::{Error, Result};
use crate::images::ImageFormat;
use crate::inference::pipeline::{self, Steps};
use crate::inference::{BatchNetwork, Decoded, Inference, Part};
use crate::tf::{self, Chatter, Tensor};
use crossbeam_channel::{Receiver, bounded, select};
use log::{error, info};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How many batches may be under way besides those that wait for the network: one that takes long
/// (a huge photograph, a slow disk) does not let the others run ahead for ever.
const WINDOW: usize = 64;

/// How it went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Images that have a label.
    pub labelled: usize,
    /// Images that were at fault.
    pub failed: usize,
    /// Files in directories that are no images.
    pub skipped: usize,
}

/// Labels all images of `sources`, one row each, as they come. A bad image is named in the log and
/// in its row, and the others go on. Whoever reads `out` may stop: so does this.
///
/// # Errors
/// Where the graph, its labels or `out` are of no use, or where there are no images at all.
pub fn label_many(
    config: &LabelConfig,
    sources: Vec<Source>,
    format: Format,
    out: &mut impl Write,
) -> Result<Summary> {
    let start = Instant::now();
    let model = Model::load(config)?;
    tf::load(Chatter::Quiet)?;
    model.import(config)?;
    let mut out = io::BufWriter::new(out);
    let mut summary = Summary::default();
    let written = RowWriter::new(format, model.labels.len(), &mut out)
        .and_then(|rows| out.flush().map(|()| rows));
    let written =
        written.map_err(Error::io("writing to", Path::new("standard output"))).and_then(|rows| {
            label_all(config, &model, sources.clone(), |batch| {
                for row in &batch.rows {
                    match &row.top {
                        Ok(_) => summary.labelled += 1,
                        Err(message) => {
                            summary.failed += 1;
                            error!(target: "retrain", "{}: {message}", row.path.display());
                        }
                    }
                    rows.write(row, &mut out)?;
                }
                summary.skipped += batch.skipped;
                out.flush()
            })
        });
    match written {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(summary);
        }
        written => written?,
    }
    let Summary { labelled, failed, skipped } = summary;
    if labelled + failed == 0 {
        let place = match sources.first() {
            Some(Source::Path(path)) => path.clone(),
            _ => "standard input".into(),
        };
        return Err(Error::input(place, format!("holds no {} image", ImageFormat::names())));
    }
    if labelled + failed > 1 {
        let time = start.elapsed().as_secs_f64();
        let others =
            if skipped > 0 { format!("; {skipped} other files skipped") } else { String::new() };
        let each = time * 1e3 / (labelled + failed) as f64;
        info!(target: "retrain", "{labelled} images labelled in {time:.2} s: {each:.2} ms an image{others}");
    }
    Ok(summary)
}

/// A few images that go the way together.
struct Batch<T> {
    /// How many batches came before.
    number: u64,
    rows: Vec<T>,
    /// Files that turned out to be no images.
    skipped: usize,
}

/// An image on its way.
struct Item<T> {
    path: PathBuf,
    content: Result<T, String>,
}

fn label_all(
    config: &LabelConfig,
    model: &Model,
    sources: Vec<Source>,
    mut write: impl FnMut(&Batch<Row>) -> io::Result<()>,
) -> Result<()> {
    let name = config.graph.display().to_string();
    let part = Part {
        name: &name,
        graph: &model.graph_def,
        input: &config.input_layer,
        output: &config.output_layer,
        pixels: &model.spec,
        size: None,
        probabilities: true,
    };
    let single = matches!(&sources[..], [Source::Path(path)] if !path.is_dir());
    let inference = &Inference::new(&name, &model.spec);
    let window = WINDOW + inference.backlog();
    // A ticket for each batch under way. When nobody gives tickets back any more, no batch begins.
    let (give_back, tickets) = bounded(window);
    (0..window)
        .try_for_each(|_| give_back.send(()))
        .map_err(|e| Error::tensorflow("starting", e))?;
    let (stop, stopped) = bounded(0);
    let jobs = batches(paths::find(sources), tickets, stopped, inference.batch_size());
    // The first image that can be decoded is what the rewritten network is tried on.
    let (send_probe, probe) = bounded::<Tensor<f32>>(1);
    let decode = move |batch: Batch<Item<Vec<u8>>>| {
        batch.map(|item| {
            let content = item.content.and_then(|image| inference.decode(image));
            if let (Ok(pixels), false) = (&content, send_probe.is_full() || inference.is_ready()) {
                let _ = send_probe.try_send(pixels.clone());
            }
            Item { path: item.path, content }
        })
    };
    std::thread::scope(|scope| {
        let prepared = scope.spawn(move || match probe.recv() {
            Err(_) => Ok(()),
            Ok(_) if single => inference.prepare(|| BatchNetwork::published(&part)),
            Ok(pixels) => inference.prepare(|| BatchNetwork::of_part(&part, &pixels)),
        });
        let steps = Steps {
            load: read,
            first: decode,
            second: |batch| Ok(label(config, model, inference, batch)),
            ready: || inference.is_ready(),
            backlog: inference.backlog(),
        };
        let mut going = Some((give_back, stop));
        let mut order = InOrder::default();
        let outcome = pipeline::run(jobs, steps, |batch| {
            let write_next = || {
                order.add(batch?);
                while let Some(next) = order.next() {
                    write(&next).map_err(Error::io("writing to", Path::new("standard output")))?;
                    let _ = going.as_ref().map(|(tickets, _)| tickets.try_send(()));
                }
                Ok(())
            };
            let outcome = write_next();
            if outcome.is_err() {
                going = None;
            }
            outcome
        });
        match prepared.join() {
            // What it says itself is clearer than what was made of it.
            Ok(Err(e)) => Err(Error::input(&config.graph, e.to_string())),
            _ => outcome,
        }
    })
}

/// Puts what was found into batches. Where images come slowly, a batch does not wait to be full.
fn batches(
    found: Receiver<Found>,
    tickets: Receiver<()>,
    stopped: Receiver<()>,
    size: usize,
) -> impl Iterator<Item = Batch<Found>> + Send {
    (0..).map_while(move |number| {
        tickets.recv().ok()?;
        let first = select! {
            recv(found) -> first => first.ok()?,
            recv(stopped) -> _ => return None,
        };
        let rows = std::iter::once(first).chain(found.try_iter()).take(size).collect();
        Some(Batch { number, rows, skipped: 0 })
    })
}

impl<T> Batch<T> {
    fn map<U>(self, f: impl FnMut(T) -> U) -> Batch<U> {
        Batch {
            number: self.number,
            rows: self.rows.into_iter().map(f).collect(),
            skipped: self.skipped,
        }
    }
}

fn read(batch: Batch<Found>) -> Batch<Item<Vec<u8>>> {
    let count = batch.rows.len();
    let items = batch
        .rows
        .into_iter()
        .filter_map(|found| Some(Item { content: found.read()?, path: found.path }));
    let rows: Vec<_> = items.collect();
    Batch { number: batch.number, skipped: count - rows.len(), rows }
}

fn label(
    config: &LabelConfig,
    model: &Model,
    inference: &Inference,
    batch: Batch<Item<Tensor<f32>>>,
) -> Result<Batch<Row>> {
    let (paths, decoded): (Vec<PathBuf>, Decoded) =
        batch.rows.into_iter().map(|i| (i.path, i.content)).unzip();
    let scores = inference.run(decoded).map_err(|e| Error::input(&config.graph, e.to_string()))?;
    let row = |(path, scores): (PathBuf, Result<Vec<f32>, String>)| {
        let top = match scores {
            Ok(scores) => {
                model.check_labels(config, scores.len())?;
                match scores.iter().all(|s| s.is_finite()) {
                    true => Ok(top_k(&scores, &model.labels)),
                    false => Err("has scores that are no finite numbers".into()),
                }
            }
            Err(message) => Err(message),
        };
        Ok(Row { path, top })
    };
    let rows = paths.into_iter().zip(scores).map(row).collect::<Result<_>>()?;
    Ok(Batch { number: batch.number, rows, skipped: batch.skipped })
}

/// Batches that came before their turn.
#[derive(Default)]
struct InOrder {
    turn: u64,
    waiting: BTreeMap<u64, Batch<Row>>,
}

impl InOrder {
    fn add(&mut self, batch: Batch<Row>) {
        self.waiting.insert(batch.number, batch);
    }

    fn next(&mut self) -> Option<Batch<Row>> {
        let next = self.waiting.remove(&self.turn);
        self.turn += u64::from(next.is_some());
        next
    }
}
