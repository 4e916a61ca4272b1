//! What is due after which step.

use super::config::{Head, Outputs, Training};
use crate::learn::Optimizer;
use std::time::{Duration, Instant};

/// How often a run's state is kept by default.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// When a run evaluates, stores a graph and keeps its state. Steps count from 0.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) steps: u64,
    evaluate_every: u64,
    store_every: u64,
    keep_every: u64,
    kept: Instant,
}

impl Schedule {
    pub(super) fn new(training: &Training, head: &Head, outputs: &Outputs) -> Self {
        let steps = training.how_many_training_steps;
        Self {
            // L-BFGS converges in a single step of ours.
            steps: if head.optimizer == Optimizer::Lbfgs { steps.min(1) } else { steps },
            evaluate_every: training.eval_step_interval,
            store_every: outputs.intermediate_store_frequency,
            keep_every: training.checkpoint_frequency,
            kept: Instant::now(),
        }
    }

    /// Whether accuracies are logged after this step.
    pub(super) fn evaluates(&self, step: u64) -> bool {
        step.is_multiple_of(self.evaluate_every) || step + 1 == self.steps
    }

    /// Whether an intermediate graph is stored after this step.
    pub(super) fn stores(&self, step: u64) -> bool {
        self.store_every > 0 && step > 0 && step.is_multiple_of(self.store_every)
    }

    /// Whether the state is kept after this step.
    pub(super) fn keeps(&self, step: u64) -> bool {
        let done = step + 1;
        let due = match self.keep_every {
            0 => self.kept.elapsed() >= CHECKPOINT_INTERVAL,
            frequency => done.is_multiple_of(frequency),
        };
        due || done >= self.steps
    }

    /// Notes that the state has just been kept.
    pub(super) fn kept(&mut self) {
        self.kept = Instant::now();
    }
}
