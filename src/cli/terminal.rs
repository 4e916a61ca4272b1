//! Progress on a terminal: bars below the log lines. Where standard error is no terminal, none is
//! drawn.

use super::logging;
use crate::bottleneck::Progress;
use crate::error::Result;
use crate::retrain::Observer;
use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressFinish, ProgressState, ProgressStyle,
};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

/// A rate is shown after this long: before, it would jump.
const MEANINGFUL: Duration = Duration::from_millis(300);

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
    /// When the first bottleneck had been computed, and how many were in the cache then. What was
    /// cached took no time, and the first images waited for the network: neither says how long the
    /// rest will take.
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
        let bar = self.bottlenecks.get_or_insert_with(|| bar(progress.total, Arc::clone(began)));
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

fn bar(total: usize, began: Arc<OnceLock<(Instant, u64)>>) -> ProgressBar {
    let rate = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        let Some((start, first)) = began.get() else { return };
        let (seconds, done) = (start.elapsed().as_secs_f64(), state.pos() - first);
        if done == 0 || seconds < MEANINGFUL.as_secs_f64() {
            return;
        }
        let rate = done as f64 / seconds;
        let left = (state.len().unwrap_or(0) - state.pos()) as f64 / rate;
        let left = HumanDuration(Duration::from_secs_f64(left.ceil()));
        let _ = write!(out, "{rate:.0}/s, {left:#} left");
    };
    let style = ProgressStyle::with_template("Bottlenecks {wide_bar} {pos}/{len} {rate}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate);
    BARS.add(ProgressBar::new(total as u64).with_style(style))
}

/// A bar for a download ([`crate::net::ShowProgress`]), gone when the download has ended.
pub(super) fn download(name: &str, total: Option<u64>) -> Box<dyn Fn(u64)> {
    let style =
        ">> Downloading {prefix} {percent}% {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(style);
    let bar = total
        .map_or_else(ProgressBar::no_length, ProgressBar::new)
        .with_prefix(name.to_owned())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_finish(ProgressFinish::AndClear);
    let bar = BARS.add(bar);
    Box::new(move |done| bar.set_position(done))
}
