//! Shows a run's progress on a terminal.

use super::{bars, logging};
use crate::bottleneck::Progress;
use crate::error::Result;
use crate::retrain::Observer;
use indicatif::ProgressBar;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Draws a bar for the bottlenecks, and has the log kept in the run's directory.
#[derive(Default)]
pub(super) struct Terminal {
    bottlenecks: Option<ProgressBar>,
    /// When the first bottleneck had been computed, and how many were done by then. The rate is
    /// measured from here: cached bottlenecks take no time, and the first batch waits for the
    /// network to load.
    began: Arc<OnceLock<(Instant, u64)>>,
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
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.bottlenecks.iter().for_each(ProgressBar::finish_and_clear);
    }
}
