//! Many photographs: read, decoded and labelled on all cores, and given out in order.

use super::model::Model;
use super::paths::{self, Found, Source};
use super::rows::Row;
use crate::error::{Error, Result};
use crate::inference::pipeline::{self, Steps};
use crate::inference::{BatchNetwork, Decoded, Inference};
use crate::tf::Tensor;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// How many batches may be under way besides those that wait for the network: one that takes long
/// (a huge photograph, a slow disk) does not let the others run ahead for ever.
const WINDOW: usize = 64;

/// A few images that go the way together.
#[derive(Debug)]
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

/// The rows of a labelling, in order, as they are done. Dropping them ends the work.
#[derive(Debug)]
pub struct Rows {
    /// `None` once the work has ended.
    batches: Option<Receiver<Result<Batch<Row>>>>,
    /// Gives back the ticket of a batch that is done; dropped, no further batch begins.
    tickets: Option<Sender<()>>,
    /// Dropped, a wait for further photographs ends.
    _going: Sender<()>,
    work: Option<JoinHandle<()>>,
    turn: u64,
    /// Batches that came before their turn.
    early: BTreeMap<u64, Batch<Row>>,
    rows: std::vec::IntoIter<Row>,
    skipped: usize,
}

/// Starts the work.
pub(super) fn label(model: Arc<Model>, sources: Vec<Source>) -> Rows {
    let inference = Inference::new(&model.name, &model.spec);
    let window = WINDOW + inference.backlog();
    // A ticket for each batch under way.
    let (give_back, tickets) = bounded(window);
    (0..window).for_each(|_| give_back.send(()).unwrap_or_default());
    let (going, stopped) = bounded(0);
    let (send, batches) = bounded(window);
    let work = std::thread::spawn(move || {
        let jobs = Jobs { sources, tickets, stopped };
        if let Err(error) = label_all(&model, &inference, jobs, &send) {
            // Nobody may be listening any more.
            let _ = send.send(Err(error));
        }
    });
    Rows {
        batches: Some(batches),
        tickets: Some(give_back),
        _going: going,
        work: Some(work),
        turn: 0,
        early: BTreeMap::new(),
        rows: Vec::new().into_iter(),
        skipped: 0,
    }
}

impl Rows {
    /// Files in directories, up to the last row given, that are no images.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The batch whose turn it is.
    fn next_batch(&mut self) -> Option<Result<Batch<Row>>> {
        loop {
            if let Some(batch) = self.early.remove(&self.turn) {
                self.turn += 1;
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

/// The work to come.
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
    let prepare = move || match probe.recv() {
        Err(_) => Ok(()),
        Ok(pixels) if single => {
            inference.prepare(|| BatchNetwork::published(&model.part(), &pixels))
        }
        Ok(pixels) => inference.prepare(|| BatchNetwork::of_part(&model.part(), &pixels)),
    };
    std::thread::scope(|scope| {
        let prepared = scope.spawn(prepare);
        let steps = Steps {
            load: read,
            first: decode,
            waits: |batch: &Batch<Item<_>>| batch.rows.iter().any(|item| item.content.is_ok()),
            second: |batch| Ok(scores(model, inference, batch)),
            ready: || inference.is_ready(),
            backlog: inference.backlog(),
        };
        let outcome = pipeline::run(batches(jobs, inference.batch_size()), steps, |batch| {
            let closed = |_| Error::tensorflow("labelling", "the rows are not wanted any more");
            send.send(Ok(batch?)).map_err(closed)
        });
        match prepared.join() {
            // What it says itself is clearer than what was made of it.
            Ok(Err(e)) => Err(model.wrong(&e)),
            _ => outcome,
        }
    })
}

/// Puts what was found into batches. Where images come slowly, a batch does not wait to be full.
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

impl<T> Batch<T> {
    fn map<U>(self, f: impl FnMut(T) -> U) -> Batch<U> {
        let rows = self.rows.into_iter().map(f).collect();
        Batch { number: self.number, rows, skipped: self.skipped }
    }
}

fn read(batch: Batch<Found>) -> Batch<Item<Vec<u8>>> {
    let count = batch.rows.len();
    let items = batch.rows.into_iter();
    let items = items.filter_map(|found| Some(Item { content: found.read()?, path: found.path }));
    let rows: Vec<_> = items.collect();
    Batch { number: batch.number, skipped: count - rows.len(), rows }
}

/// Runs the network on a batch.
fn scores(
    model: &Model,
    inference: &Inference,
    batch: Batch<Item<Tensor<f32>>>,
) -> Result<Batch<Row>> {
    let items = batch.rows.into_iter().map(|item| (item.path, item.content));
    let (paths, decoded): (Vec<PathBuf>, Decoded) = items.unzip();
    let scores = inference.run(decoded).map_err(|e| model.wrong(&e))?;
    let row = |(path, scores): (PathBuf, Result<Vec<f32>, String>)| {
        let top = match scores {
            Ok(scores) => {
                model.check_labels(scores.len())?;
                let finite = scores.iter().all(|s| s.is_finite());
                let message = || "has scores that are not finite numbers".to_owned();
                finite.then(|| model.top(&scores)).ok_or_else(message)
            }
            Err(message) => Err(message),
        };
        Ok(Row { path, top })
    };
    let rows = paths.into_iter().zip(scores).map(row).collect::<Result<_>>()?;
    Ok(Batch { number: batch.number, rows, skipped: batch.skipped })
}
