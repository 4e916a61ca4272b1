//! Reads the bottlenecks of coming steps from the disk while the present step runs, where they do
//! not all fit into memory.
//!
//! What coming steps will draw is found with a copy of the random stream, so that the draws
//! themselves stay as they are.

use super::batches::Batches;
use super::schedule::Schedule;
use crate::bottleneck::{Access, Bottlenecks};
use crate::dataset::{Category, Sampler};
use crossbeam_channel::{Receiver, Sender, bounded};
use log::info;

/// How many steps are looked ahead. One step of 100 bottlenecks is shorter than most disks need for
/// as many reads.
const STEPS: u64 = 8;

/// Rows to read, on their way to the thread that asks for them: the system makes it wait if the
/// disk is busy.
pub(super) type Rows = Vec<usize>;

/// Looks ahead.
pub(super) struct ReadAhead {
    rows: Sender<Rows>,
    /// The random stream as it will be before `step`.
    sampler: Sampler,
    step: u64,
    sizes: Sizes,
}

/// How many photographs a step draws of each set; `None` for all, which are drawn once.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) training: Option<usize>,
    pub(super) validation: Option<usize>,
}

impl ReadAhead {
    /// Looks ahead from `step`, if the bottlenecks do not fit into memory.
    pub(super) fn new(
        batches: &mut Batches<'_>,
        step: u64,
        sizes: Sizes,
    ) -> Option<(Self, Receiver<Rows>)> {
        let bottlenecks = batches.bottlenecks;
        if !bottlenecks.exceed_memory() {
            return None;
        }
        info!(target: "retrain", "The bottlenecks do not fit into memory: they are read ahead");
        let (rows, receiver) = bounded(2 * STEPS as usize);
        let ahead = Self { rows, sampler: batches.sampler().clone(), step, sizes };
        match batches.epochs() {
            Some(epochs) => ahead.ask(bottlenecks.in_file_order(epochs.now())),
            None => bottlenecks.expect(Access::Random),
        }
        Some((ahead, receiver))
    }

    /// Asks for the rows of the steps from `step` on.
    pub(super) fn look(&mut self, batches: &mut Batches<'_>, schedule: &Schedule, step: u64) {
        let bottlenecks = batches.bottlenecks;
        let mut training = self.sizes.training;
        if let Some(epochs) = batches.epochs() {
            training = None;
            let rows = bottlenecks.in_file_order(epochs.read_ahead());
            self.ask(rows);
        }
        while self.step < schedule.steps.min(step + STEPS) {
            let validates = schedule.evaluates(self.step);
            self.draw(batches, Category::Training, training);
            self.draw(batches, Category::Validation, self.sizes.validation.filter(|_| validates));
            self.step += 1;
        }
    }

    fn draw(&mut self, batches: &Batches<'_>, category: Category, how_many: Option<usize>) {
        let mut rows = Vec::new();
        if let Some(n) = how_many {
            batches.population(category).draw(&mut self.sampler, n, &mut rows);
            self.ask(rows);
        }
    }

    /// If the disk cannot keep up, the steps wait for their rows instead.
    fn ask(&self, rows: Rows) {
        let _ = self.rows.try_send(rows);
    }
}

/// Has the rows read until there are no more.
pub(super) fn read(bottlenecks: &Bottlenecks<'_>, rows: &Receiver<Rows>) {
    for rows in rows {
        bottlenecks.read_ahead(&rows);
    }
}
