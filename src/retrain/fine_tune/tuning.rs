//! The steps of fine-tuning, and what is kept along the way.

use super::batches::{Batches, right};
use super::network::{Gradients, Network, Piece};
use super::photographs::Photographs;
use super::select::{choose, layers};
use super::task::{Report, Task, Watch};
use super::{graph, schedule, workers};
use crate::error::Result;
use crate::parallel;
use crate::retrain::state::State;
use crate::text;
use crate::tf::Tensor;
use log::info;
use std::time::{Duration, Instant};

/// How the learning rate of the new layer differs from the network's.
const LAYER_FACTOR: f32 = 10.0;
/// How often the state is kept.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Validation photographs after each epoch.
const VALIDATED: usize = 100;

/// Fine-tunes the network.
pub(super) fn fine_tune(task: &Task<'_>, watch: &mut dyn Watch) -> Result<Network> {
    let photographs = Photographs::new(&task.backbone.pixels, task.photographs);
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
        let (done, total) = (self.done, self.total);
        info!(target: "retrain", "Resuming after {done} of {total} steps of fine-tuning");
        Ok(())
    }

    /// Says what it will take. The time is measured on one piece per core, the second time each:
    /// the first prepares the session.
    fn estimate(&self, chosen: usize, all: usize) -> Result<()> {
        let pieces = self.batches.pieces(self.done)?;
        let lanes = parallel::cores().min(pieces.len());
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
            drawn: [0; 3],
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
