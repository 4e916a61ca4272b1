//! Shows a run's progress on a terminal.

use super::bars::{self, Began};
use super::logging;
use super::shard;
use crate::bottleneck::{MissingShard, Progress};
use crate::error::Result;
use crate::retrain::{Evaluation, Observer, Step};
use indicatif::ProgressBar;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between two updates of the live line; a step may take only 0.2 ms.
const INTERVAL: Duration = Duration::from_millis(200);

/// Draws a bar for the bottlenecks and a live line for the training, and has the log kept in the
/// run's directory.
#[derive(Default)]
pub(super) struct Terminal {
    bottlenecks: Option<ProgressBar>,
    /// When the first bottleneck had been computed, and how many were done by then. The rate is
    /// measured from here: cached bottlenecks take no time, and the first batch waits for the
    /// network to load.
    began: Began,
    steps: Option<Steps>,
    fine_tuning: Option<Steps>,
    evaluation: Option<Evaluation>,
    /// The flags that decide which bottlenecks there are.
    flags_of_cache: String,
}

impl Terminal {
    /// For a command line with these flags of the cache.
    pub(super) fn new(flags_of_cache: String) -> Self {
        let mut terminal = Self::default();
        terminal.flags_of_cache = flags_of_cache;
        terminal
    }
}

/// The live line of a training.
struct Steps {
    bar: ProgressBar,
    last_drawn: Instant,
}

impl Steps {
    fn new(step: Step) -> Self {
        let now = Instant::now();
        let bar = bars::steps(step.total, Arc::new((now, step.done).into()));
        Self { bar, last_drawn: now }
    }
}

/// An evaluation as the live line shows it.
fn shown(evaluation: &Evaluation) -> String {
    let loss = format!("loss {:.3}", evaluation.cross_entropy);
    match evaluation.validation {
        Some((accuracy, _)) => format!("accuracy {:.1}%, {loss},", accuracy * 100.0),
        None => format!("{loss},"),
    }
}

impl Observer for Terminal {
    fn started(&mut self, summaries_dir: &Path) -> Result<()> {
        logging::keep_log_in(&summaries_dir.join("retrain.log"))
    }

    fn bottlenecks(&mut self, progress: Progress) {
        let done = progress.done as u64;
        if progress.computed > 0 {
            self.began.get_or_init(|| (Instant::now(), done));
        }
        let began = &self.began;
        let bar = self
            .bottlenecks
            .get_or_insert_with(|| bars::bottlenecks(progress.total, Arc::clone(began)));
        bar.set_position(done);
        if progress.done == progress.total {
            bar.finish_and_clear();
        }
    }

    fn missing_shards(&mut self, missing: &[MissingShard]) {
        if let Some(said) = shard::said(missing, &self.flags_of_cache) {
            log::warn!(target: "retrain", "{said}");
        }
    }

    fn fine_tuned(&mut self, step: Step) {
        if !bars::are_drawn() {
            return;
        }
        let steps = self.fine_tuning.get_or_insert_with(|| Steps::new(step));
        steps.bar.set_message("fine-tuning,");
        steps.bar.set_position(step.done);
        if step.done == step.total {
            steps.bar.finish_and_clear();
        }
    }

    fn step(&mut self, step: Step) {
        if !bars::are_drawn() {
            return;
        }
        let steps = self.steps.get_or_insert_with(|| Steps::new(step));
        if step.done == step.total {
            steps.bar.finish_and_clear();
        } else if steps.last_drawn.elapsed() >= INTERVAL {
            steps.last_drawn = Instant::now();
            if let Some(evaluation) = &self.evaluation {
                steps.bar.set_message(shown(evaluation));
            }
            steps.bar.set_position(step.done);
        }
    }

    fn evaluated(&mut self, evaluation: Evaluation) {
        self.evaluation = Some(evaluation);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let steps = self.steps.iter().chain(&self.fine_tuning).map(|steps| &steps.bar);
        self.bottlenecks.iter().chain(steps).for_each(ProgressBar::finish_and_clear);
    }
}
