//! Progress on a terminal: bars below the log lines. Where standard error is no terminal, none is
//! drawn.

use super::logging;
use crate::bottleneck::Progress;
use crate::error::Result;
use crate::retrain::Observer;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::path::Path;
use std::sync::LazyLock;

/// All bars: a log line is written above them, or the two would run into one another.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes to the terminal while no bar is in the way.
pub(super) fn above_the_bars<R>(write: impl FnOnce() -> R) -> R {
    BARS.suspend(write)
}

/// Shows a run on the terminal, and keeps its log.
#[derive(Default)]
pub(super) struct Terminal {
    bottlenecks: Option<ProgressBar>,
    /// Whether the time left is counted already.
    timed: bool,
}

impl Observer for Terminal {
    fn started(&mut self, summaries_dir: &Path) -> Result<()> {
        logging::keep_log_in(&summaries_dir.join("retrain.log"))
    }

    fn bottlenecks(&mut self, progress: Progress) {
        let bar = self.bottlenecks.get_or_insert_with(|| bar("Bottlenecks", progress.total));
        bar.set_position(progress.done as u64);
        // What was cached took no time, and the first images waited for the network.
        if progress.computed > 0 && !self.timed {
            self.timed = true;
            bar.reset_eta();
        }
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

fn bar(what: &'static str, total: usize) -> ProgressBar {
    let template = "{prefix} {wide_bar} {pos}/{len} {per_sec} {eta}";
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total as u64).with_style(style).with_prefix(what);
    BARS.add(bar)
}
