//! How a run reports its progress.

use crate::bottleneck::{MissingShard, Progress};
use crate::error::Result;
use crate::report::Evaluation;
use std::path::Path;

/// Receives a run's progress. Every method does nothing by default; `()` observes nothing. (Log
/// lines go through the `log` crate.)
pub trait Observer {
    /// The cheap checks have passed, and the summaries directory exists.
    ///
    /// # Errors
    /// An error ends the run.
    fn started(&mut self, summaries_dir: &Path) -> Result<()> {
        let _ = summaries_dir;
        Ok(())
    }

    /// Another bottleneck is in the cache.
    fn bottlenecks(&mut self, progress: Progress) {
        let _ = progress;
    }

    /// Of the shards beside the cache, these are not there or not complete. The run goes on and
    /// computes the photographs they lack.
    fn missing_shards(&mut self, missing: &[MissingShard]) {
        let _ = missing;
    }

    /// A training step is done.
    fn step(&mut self, step: Step) {
        let _ = step;
    }

    /// A step of fine-tuning is done.
    fn fine_tuned(&mut self, step: Step) {
        let _ = step;
    }

    /// The new layer was evaluated.
    fn evaluated(&mut self, evaluation: Evaluation) {
        let _ = evaluation;
    }
}

impl Observer for () {}

/// A training step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How many steps are done.
    pub done: u64,
    /// How many there are in all.
    pub total: u64,
}
