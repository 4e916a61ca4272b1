//! Fine-tuning: after the new layer, the network itself is trained on the photographs.
//!
//! The loss is the cross-entropy with labels smoothed by 0.1, each class with the same weight;
//! AdamW with a one-cycle learning rate, ten times as high for the new layer; batches of 32
//! photographs, each turned by any angle, mirrored, closer, and brighter or darker. Normalisation
//! keeps its statistics; its scales and offsets are trained.

mod batches;
mod folds;
mod graph;
mod network;
mod photographs;
mod run;
mod schedule;
mod select;
mod workers;

pub use network::{Gradients, Network, Piece};
pub use select::{Layer, Selection, choose, layers};

pub(super) use folds::Rows;
pub(super) use run::{Start, run};

use super::config::Config;
use super::state::{Conditions, State};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::Backbone;
use crate::proto::{GraphDef, Value};
use crate::text;
use crate::tf::{NamedTensor, Tensor};
use batches::{Batches, right};
use log::info;
use photographs::Photographs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How the learning rate of the new layer differs from the network's.
const LAYER_FACTOR: f32 = 10.0;
/// How often the state is kept.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Validation photographs after each epoch.
const VALIDATED: usize = 100;

/// How the network is fine-tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTune {
    /// The layers to train.
    pub layers: Selection,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// How often each photograph is seen.
    pub epochs: u64,
}

impl FineTune {
    /// With the defaults.
    #[must_use]
    pub fn new(layers: Selection) -> Self {
        Self { layers, learning_rate: 1e-4, epochs: 30 }
    }
}

/// A network to fine-tune, as published, and how.
pub(super) struct Untuned<'a> {
    settings: &'a FineTune,
    backbone: Backbone,
}

impl<'a> Untuned<'a> {
    /// The backbone, if it is to be fine-tuned.
    pub(super) fn of(config: &'a Config, backbone: &Backbone) -> Option<Self> {
        let settings = config.training.fine_tune.as_ref()?;
        Some(Self { settings, backbone: backbone.clone() })
    }
}

/// What to fine-tune, and on what.
pub(super) struct Task<'a> {
    pub(super) settings: &'a FineTune,
    pub(super) backbone: &'a Backbone,
    /// The new layer's trained weights and biases.
    pub(super) head: &'a [NamedTensor],
    /// The photographs by row.
    pub(super) paths: &'a [&'a Path],
    /// The class of each row.
    pub(super) classes: &'a [usize],
    pub(super) class_count: usize,
    /// The rows to train on.
    pub(super) training: &'a [usize],
    /// The rows to validate on.
    pub(super) validation: &'a [usize],
    pub(super) random_seed: u64,
    pub(super) cancel: &'a CancelToken,
    /// Where the state is kept; `None` if it is not.
    pub(super) keep: Option<Keep>,
}

/// Where the state is kept, and what the run depends on.
pub(super) struct Keep {
    pub(super) path: PathBuf,
    pub(super) conditions: Conditions,
    /// Whether to go on from a state that is there.
    pub(super) resume: bool,
}

/// A step is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    /// How many are done.
    pub(super) done: u64,
    pub(super) total: u64,
    /// The loss of its batch.
    pub(super) cross_entropy: f32,
    /// The accuracy on its batch.
    pub(super) accuracy: f32,
    pub(super) learning_rate: f32,
    /// After an epoch, the accuracy on the validation photographs, and how many there were.
    pub(super) validation: Option<(f32, usize)>,
}

/// Follows fine-tuning.
pub(super) trait Watch {
    /// A step is done.
    fn step(&mut self, report: &Report) -> Result<()>;

    /// The state is about to be kept: everything reported so far must be on disk first.
    fn sync(&mut self) -> Result<()>;
}

impl Watch for () {
    fn step(&mut self, _: &Report) -> Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Fine-tunes the network.
pub(super) fn fine_tune(task: &Task<'_>, watch: &mut dyn Watch) -> Result<Network> {
    let photographs = Photographs::new(&task.backbone.pixels, task.paths);
    let batches = task.batches(&photographs);
    let part = graph::part(task.backbone)?;
    let all = layers(&part, &task.backbone.input, &task.backbone.bottleneck);
    let chosen = choose(&all, &task.settings.layers)?;
    let network = Network::new(task.backbone, &chosen, task.head)?;
    let total = task.settings.epochs * batches.steps();
    let mut tuning =
        Tuning { task, batches: &batches, network, total, done: 0, kept: Instant::now() };
    tuning.resume()?;
    if tuning.done < total {
        tuning.estimate(chosen.len(), all.len())?;
        tuning.train(watch)?;
    }
    Ok(tuning.network)
}

impl<'a> Task<'a> {
    fn batches(&self, photographs: &'a Photographs<'a>) -> Batches<'a> {
        Batches {
            photographs,
            rows: self.training,
            classes: self.classes,
            class_count: self.class_count,
            seed: self.random_seed,
        }
    }
}

/// A fine-tuning on its way.
struct Tuning<'a> {
    task: &'a Task<'a>,
    batches: &'a Batches<'a>,
    network: Network,
    total: u64,
    done: u64,
    kept: Instant,
}

impl Tuning<'_> {
    fn resume(&mut self) -> Result<()> {
        let Some(keep) = self.task.keep.as_ref().filter(|keep| keep.resume) else { return Ok(()) };
        let Some(state) = State::load(&keep.path)? else { return Ok(()) };
        state.check(&keep.conditions, &keep.path)?;
        self.network.set(&state.variables)?;
        self.done = state.step;
        info!(target: "retrain", "Resuming after {} of {} steps of fine-tuning", self.done, self.total);
        Ok(())
    }

    /// Says what it will take. The time is measured on one piece per core, the second time each:
    /// the first prepares the session.
    fn estimate(&self, chosen: usize, all: usize) -> Result<()> {
        let pieces = self.batches.pieces(self.done)?;
        let lanes = workers::cores().min(pieces.len());
        let pieces = &pieces[..lanes];
        let photographs: usize = pieces.iter().map(|p| p.pixels.dims()[0] as usize).sum();
        let mut seconds = 0.0;
        for _ in 0..2 {
            let start = Instant::now();
            workers::map(pieces, |piece| self.network.gradients(piece))?;
            seconds = start.elapsed().as_secs_f64() / photographs as f64;
        }
        let numbers = self.network.numbers();
        let memory = self.network.memory(photographs as u64) >> 20;
        let (rows, epochs) = (self.batches.rows.len(), self.task.settings.epochs);
        let left = (self.total - self.done) as f64 / self.total as f64;
        let minutes = seconds * rows as f64 * epochs as f64 * left / 60.0;
        info!(
            target: "retrain",
            "Fine-tuning {chosen} of {all} layers of {} ({} numbers): {} of {} each; about \
             {minutes:.1} min ({:.0} ms an image) and {memory} MiB of memory",
            self.task.backbone.name,
            text::grouped(numbers as i64),
            text::counted(epochs, "epoch"),
            text::counted(rows as u64, "photograph"),
            seconds * 1e3
        );
        Ok(())
    }

    fn train(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let rows = &self.task.validation[..self.task.validation.len().min(VALIDATED)];
        let validation = self.batches.whole(rows)?;
        let (first, total, batches) = (self.done, self.total, self.batches);
        let mut epoch = Epoch::default();
        workers::ahead(
            first..total,
            |step| batches.pieces(step),
            |pieces| {
                let mut report = self.step(&pieces)?;
                epoch.add(&report);
                if self.done.is_multiple_of(batches.steps()) {
                    report.validation = self.validate(&validation)?;
                    epoch.log(&report, self.done / batches.steps(), self.task.settings.epochs);
                    epoch = Epoch::default();
                }
                watch.step(&report)?;
                let cancelled = self.task.cancel.is_cancelled();
                let due = self.kept.elapsed() >= KEEP_EVERY;
                if cancelled || due || self.done == total {
                    watch.sync()?;
                    self.keep()?;
                }
                self.check_cancelled()
            },
        )
    }

    fn step(&mut self, pieces: &[Piece]) -> Result<Report> {
        let rate = schedule::rate(self.done, self.total, self.task.settings.learning_rate);
        let results = workers::map(pieces, |piece| self.network.gradients(piece))?;
        let cross_entropy = results.iter().map(|r| r.loss).sum();
        let right: usize = pieces.iter().zip(&results).map(|(p, r)| right(p, &r.logits)).sum();
        let count: u64 = pieces.iter().map(|p| p.pixels.dims()[0]).sum();
        self.network.step(&sum(results), [rate, rate * LAYER_FACTOR])?;
        self.done += 1;
        Ok(Report {
            done: self.done,
            total: self.total,
            cross_entropy,
            accuracy: right as f32 / count.max(1) as f32,
            learning_rate: rate,
            validation: None,
        })
    }

    fn validate(&self, pieces: &[Piece]) -> Result<Option<(f32, usize)>> {
        let count: usize = pieces.iter().map(|p| p.pixels.dims()[0] as usize).sum();
        let logits = workers::map(pieces, |piece| self.network.logits(&piece.pixels))?;
        let right: usize = pieces.iter().zip(&logits).map(|(p, l)| right(p, l)).sum();
        Ok((count > 0).then(|| (right as f32 / count as f32, count)))
    }

    fn keep(&mut self) -> Result<()> {
        self.kept = Instant::now();
        let Some(keep) = &self.task.keep else { return Ok(()) };
        let state = State {
            step: self.done,
            seed: self.task.random_seed,
            drawn: [0, 0],
            conditions: keep.conditions.clone(),
            early_stopping: serde_json::Value::Null,
            variables: self.network.variables()?,
        };
        state.save(&keep.path)
    }

    /// Ends a cancelled run, unless all steps are done.
    fn check_cancelled(&self) -> Result<()> {
        if self.done == self.total {
            return Ok(());
        }
        self.task.cancel.check(|| {
            let (done, total) = (self.done, self.total);
            match &self.task.keep {
                None => format!("{done} of {total} steps of fine-tuning are done"),
                Some(keep) => {
                    let path = keep.path.display();
                    format!(
                        "{done} of {total} steps of fine-tuning are done and kept in {path}; the \
                         same command with `resume` goes on"
                    )
                }
            }
        })
    }
}

/// Sums over an epoch's steps.
#[derive(Default)]
struct Epoch {
    steps: u32,
    cross_entropy: f32,
    accuracy: f32,
}

impl Epoch {
    fn add(&mut self, report: &Report) {
        self.steps += 1;
        self.cross_entropy += report.cross_entropy;
        self.accuracy += report.accuracy;
    }

    fn log(&self, report: &Report, epoch: u64, epochs: u64) {
        let steps = self.steps as f32;
        let (loss, percent) = (self.cross_entropy / steps, 100.0 * self.accuracy / steps);
        let validation = report.validation.map(|(accuracy, n)| {
            format!(", validation accuracy = {:.1}% (N={n})", accuracy * 100.0)
        });
        info!(
            target: "retrain",
            "Fine-tuning: epoch {epoch} of {epochs}: cross entropy = {loss:.4}, train accuracy = \
             {percent:.1}%{}",
            validation.unwrap_or_default()
        );
    }
}

/// Adds up the gradients of a batch's pieces, always in the same order.
fn sum(results: Vec<Gradients>) -> Vec<Tensor<f32>> {
    let mut pieces = results.into_iter().map(|r| r.gradients);
    let mut total = pieces.next().unwrap_or_default();
    for piece in pieces {
        for (total, gradient) in total.iter_mut().zip(&piece) {
            total.iter_mut().zip(gradient.iter()).for_each(|(total, g)| *total += g);
        }
    }
    total
}

/// Replaces the values of a graph's constants, by name.
pub(super) fn replace_values(graph: &mut GraphDef, values: &[NamedTensor]) {
    for node in graph.node.iter_mut().filter(|n| n.op == "Const") {
        if let Some((_, value)) = values.iter().find(|(name, _)| *name == node.name) {
            node.set_attr("value", Value::Tensor(value.clone()));
        }
    }
}
