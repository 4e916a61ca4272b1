//! Labels many photographs on all cores, and returns the results in order.

use super::model::Model;
use super::paths::{self, Found, Key, Source};
use super::rows::Row;
use crate::error::{Error, Result};
use crate::inference::{self, BatchNetwork, Decoded, Inference, Vectors, Workers};
use crate::tf::Tensor;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// How many batches may be in progress, not counting those that wait for the network. Without a
/// limit, one slow batch (a huge photograph, a slow disk) would let the results of all later ones
/// pile up in memory.
const WINDOW: usize = 64;

/// A few images that are processed together.
#[derive(Debug)]
struct Batch<T> {
    /// How many batches came before.
    number: u64,
    rows: Vec<T>,
    /// How many files turned out not to be images.
    skipped: usize,
}

/// An image in progress: `content` is its bytes, or what is wrong with it.
struct Item {
    path: PathBuf,
    key: Option<Box<Key>>,
    content: Result<Vec<u8>, String>,
}

/// An image, and its row in a catalogue.
type Named = (PathBuf, Option<Box<Key>>);

/// Iterates over labelled images, in order, as they become ready. Dropping it stops the work.
#[derive(Debug)]
pub struct Rows {
    /// `None` once the work has ended.
    batches: Option<Receiver<Result<Batch<Row>>>>,
    /// Returns the ticket of a finished batch. Once this is dropped, no further batch starts.
    tickets: Option<Sender<()>>,
    /// Dropping this ends the wait for further photographs.
    _stop_on_drop: Sender<()>,
    work: Option<JoinHandle<()>>,
    /// The number of the batch to return next.
    next: u64,
    /// Batches that were finished before an earlier one.
    early: BTreeMap<u64, Batch<Row>>,
    rows: std::vec::IntoIter<Row>,
    skipped: usize,
}

/// Starts labelling on threads of its own.
pub(super) fn label(model: Arc<Model>, workers: Option<&Workers>, sources: Vec<Source>) -> Rows {
    let inference = Inference::new(&model.name, &model.usage.spec, 1, workers);
    let elsewhere = inference.fleet().map_or(0, |fleet| fleet.in_flight());
    let window = WINDOW + inference.backlog() + elsewhere;
    // A batch needs a ticket to start.
    let (give_back, tickets) = bounded(window);
    (0..window).for_each(|_| give_back.send(()).unwrap_or_default());
    let (stop_on_drop, stopped) = bounded(0);
    let (send, batches) = bounded(window);
    let work = std::thread::spawn(move || {
        let jobs = Jobs { sources, tickets, stopped };
        if let Err(error) = label_all(&model, &inference, jobs, &send) {
            // This fails if the rows have been dropped.
            let _ = send.send(Err(error));
        }
    });
    Rows {
        batches: Some(batches),
        tickets: Some(give_back),
        _stop_on_drop: stop_on_drop,
        work: Some(work),
        next: 0,
        early: BTreeMap::new(),
        rows: Vec::new().into_iter(),
        skipped: 0,
    }
}

impl Rows {
    /// How many files in directories were skipped so far because they are not images.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The next batch in order.
    fn next_batch(&mut self) -> Option<Result<Batch<Row>>> {
        loop {
            if let Some(batch) = self.early.remove(&self.next) {
                self.next += 1;
                let _ = self.tickets.as_ref().map(|tickets| tickets.try_send(()));
                return Some(Ok(batch));
            }
            match self.batches.as_ref()?.recv() {
                Ok(Ok(batch)) => drop(self.early.insert(batch.number, batch)),
                Ok(Err(error)) => {
                    (self.batches, self.tickets) = (None, None);
                    return Some(Err(error));
                }
                Err(_) => {
                    self.batches = None;
                    if let Some(Err(panic)) = self.work.take().map(JoinHandle::join) {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.next_batch()? {
                Ok(batch) => {
                    self.skipped += batch.skipped;
                    self.rows = batch.rows.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// What to label, and when to go on or stop.
struct Jobs {
    sources: Vec<Source>,
    tickets: Receiver<()>,
    stopped: Receiver<()>,
}

fn label_all(
    model: &Model,
    inference: &Inference,
    jobs: Jobs,
    send: &Sender<Result<Batch<Row>>>,
) -> Result<()> {
    let single = matches!(&jobs.sources[..], [Source::Path(path)] if !path.is_dir());
    // The rewritten network is tried out on the first image that can be decoded.
    let (send_probe, probes) = bounded::<Vec<u8>>(1);
    let wanted = Cell::new(true);
    let load = move |batch| {
        let loaded = Loaded { model, batch: read(batch) };
        if wanted.get() {
            // This fails once one can be decoded.
            let sent = |image: &[u8]| send_probe.send(image.to_vec()).is_ok();
            wanted.set(inference::Batch::images(&loaded).into_iter().all(sent));
        }
        loaded
    };
    std::thread::scope(|scope| {
        let prepared = scope.spawn(move || prepare(model, inference, probes, single));
        let batches = batches(jobs, inference.batch_size());
        let outcome = inference::run(inference, batches, load, |batch| {
            let closed = |_| Error::tensorflow("labelling", "the caller dropped the rows");
            send.send(Ok(batch)).map_err(closed)
        });
        match prepared.join() {
            // Its own error is clearer than those of the batches that waited for it.
            Ok(Err(e)) => Err(model.bad_graph(&e)),
            _ => outcome,
        }
    })
}

/// Makes the network: for a single photograph as it is, else the rewritten one.
fn prepare(
    model: &Model,
    inference: &Inference,
    probes: Receiver<Vec<u8>>,
    single: bool,
) -> Result<()> {
    let decoded = |image: Vec<u8>| Some((inference.decode(image.clone()).ok()?, image));
    let Some((pixels, image)) = probes.into_iter().find_map(decoded) else {
        // No thread needs it, but one may ask for it.
        let unusable = || Err(Error::model(&model.name, "has no image to be tested on"));
        return inference.prepare(unusable).or(Ok(()));
    };
    inference.prepare(|| match single {
        true => BatchNetwork::published(&model.part(), &pixels),
        false => BatchNetwork::of_part(&model.part(), &pixels),
    })?;
    inference.muster(image);
    Ok(())
}

/// Collects images into batches of at most `size`. If images arrive slowly, a batch starts before
/// it is full.
fn batches(jobs: Jobs, size: usize) -> impl Iterator<Item = Batch<Found>> + Send {
    let Jobs { sources, tickets, stopped } = jobs;
    let found = paths::find(sources);
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

fn read(batch: Batch<Found>) -> Batch<Item> {
    let count = batch.rows.len();
    let items = batch.rows.into_iter();
    let items = items.filter_map(|found| {
        Some(Item {
            content: found.read()?,
            path: found.photograph.path().to_owned(),
            key: found.key,
        })
    });
    let rows: Vec<_> = items.collect();
    Batch { number: batch.number, skipped: count - rows.len(), rows }
}

/// A batch whose files have been read.
struct Loaded<'m> {
    model: &'m Model,
    batch: Batch<Item>,
}

impl inference::Batch for Loaded<'_> {
    type Done = Batch<Row>;

    fn images(&self) -> Vec<&[u8]> {
        let read = self.batch.rows.iter().filter_map(|item| item.content.as_ref().ok());
        read.map(|image| &image[..]).collect()
    }

    fn take_images(&mut self) -> Vec<Vec<u8>> {
        let read = self.batch.rows.iter_mut().filter_map(|item| item.content.as_mut().ok());
        read.map(std::mem::take).collect()
    }

    fn decoded(&self, images: Decoded) -> Decoded {
        let rows = self.batch.rows.iter().filter(|item| item.content.is_ok());
        let seen = |(item, pixels): (&Item, Result<Tensor<f32>, String>)| {
            let pixels = pixels?;
            self.model.save_preview(&item.path, &pixels)?;
            Ok(pixels)
        };
        rows.zip(images).map(seen).collect()
    }

    fn finish(self, vectors: Result<Vectors>) -> Result<Self::Done> {
        let mut vectors = vectors.map_err(|e| self.model.bad_graph(&e))?.into_iter();
        let missing = || Err("was not computed".to_owned());
        let row = |Item { path, key, content }| {
            let scores = content.and_then(|_| vectors.next().unwrap_or_else(missing));
            row(self.model, (path, key), scores)
        };
        let Batch { number, rows, skipped } = self.batch;
        let rows = rows.into_iter().map(row).collect::<Result<_>>()?;
        Ok(Batch { number, rows, skipped })
    }
}

/// What the scores of a photograph say.
fn row(model: &Model, (path, key): Named, scores: Result<Vec<f32>, String>) -> Result<Row> {
    let answer = match scores {
        Ok(scores) => {
            model.check_labels(scores.len())?;
            let finite = scores.iter().all(|s| s.is_finite());
            let message = || "has scores that are not finite numbers".to_owned();
            finite.then(|| model.answer(&scores)).ok_or_else(message)
        }
        Err(message) => Err(message),
    };
    let class = answer.as_ref().ok().and_then(|answer| answer.class);
    Ok(Row { path, key, top: answer.map(|answer| answer.top), class })
}
