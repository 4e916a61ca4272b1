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

/// What the system is told by a thread of its own, because it makes it wait if the disk is busy.
pub(super) enum Advice {
    Read(Vec<usize>),
    SetAside(Vec<usize>),
}

/// Looks ahead.
pub(super) struct ReadAhead {
    advice: Sender<Advice>,
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
    ) -> Option<(Self, Receiver<Advice>)> {
        let bottlenecks = batches.bottlenecks;
        if !bottlenecks.exceed_memory() {
            return None;
        }
        info!(target: "retrain", "The bottlenecks do not fit into memory: they are read ahead");
        // Nothing but the rows that are asked for is to be read.
        bottlenecks.expect(Access::Random);
        let (advice, receiver) = bounded(2 * STEPS as usize);
        let ahead = Self { advice, sampler: batches.sampler().clone(), step, sizes };
        if let Some(epochs) = batches.epochs() {
            ahead.tell(Advice::Read(bottlenecks.in_file_order(epochs.now())));
        }
        Some((ahead, receiver))
    }

    /// Asks for the rows of the steps from `step` on.
    pub(super) fn look(&mut self, batches: &mut Batches<'_>, schedule: &Schedule, step: u64) {
        let bottlenecks = batches.bottlenecks;
        let mut training = self.sizes.training;
        if let Some(epochs) = batches.epochs() {
            training = None;
            // Used rows would otherwise drive out those that were read ahead.
            let done = epochs.take_done();
            if !done.is_empty() {
                self.tell(Advice::SetAside(bottlenecks.in_file_order(&done)));
            }
            self.tell(Advice::Read(bottlenecks.in_file_order(epochs.read_ahead())));
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
            self.tell(Advice::Read(rows));
        }
    }

    /// If the disk cannot keep up, the steps wait for their rows instead.
    fn tell(&self, advice: Advice) {
        let _ = self.advice.try_send(advice);
    }
}

/// Tells the system until there is nothing more to tell.
pub(super) fn pass_on(bottlenecks: &Bottlenecks<'_>, advice: &Receiver<Advice>) {
    for advice in advice {
        match advice {
            Advice::Read(rows) => bottlenecks.read_ahead(&rows),
            Advice::SetAside(rows) => bottlenecks.set_aside(&rows),
        }
    }
}
