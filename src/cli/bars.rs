//! Progress bars below the log lines. None are drawn if standard error is not a terminal.

use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressFinish, ProgressState, ProgressStyle,
};
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

/// No rate is shown before this much time has passed: it would jump about.
const MIN_ELAPSED: Duration = Duration::from_millis(300);

/// All bars, so that log lines can be written above them instead of through them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Whether bars are drawn at all.
pub(super) fn are_drawn() -> bool {
    !BARS.is_hidden()
}

/// Runs `write` while the bars are hidden.
pub(super) fn above<R>(write: impl FnOnce() -> R) -> R {
    BARS.suspend(write)
}

/// When the counting of a bar began, and how much was done then.
pub(super) type Began = Arc<OnceLock<(Instant, u64)>>;

/// The rate per second, and the time that is left.
fn rate(began: &Began, state: &ProgressState) -> Option<(f64, HumanDuration)> {
    let (start, first) = began.get()?;
    let (seconds, done) = (start.elapsed().as_secs_f64(), state.pos().saturating_sub(*first));
    if done == 0 || seconds < MIN_ELAPSED.as_secs_f64() {
        return None;
    }
    let rate = done as f64 / seconds;
    let remaining = state.len().unwrap_or(0).saturating_sub(state.pos()) as f64 / rate;
    Some((rate, HumanDuration(Duration::from_secs_f64(remaining.ceil()))))
}

/// A bar for bottlenecks. `began` says when the first was computed, and how many were done then.
pub(super) fn bottlenecks(total: usize, began: Began) -> ProgressBar {
    let rate = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        if let Some((rate, remaining)) = rate(&began, state) {
            let _ = write!(out, "{rate:.0}/s, {remaining:#} left");
        }
    };
    let style = ProgressStyle::with_template("Bottlenecks {wide_bar} {pos}/{len} {rate}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate);
    BARS.add(ProgressBar::new(total as u64).with_style(style))
}

/// A bar for training steps. Its message is about the last evaluation.
pub(super) fn steps(total: u64, began: Began) -> ProgressBar {
    let remaining = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        if let Some((_, remaining)) = rate(&began, state) {
            let _ = write!(out, "{remaining:#} left");
        }
    };
    let style = ProgressStyle::with_template("Step {pos}/{len} {wide_bar} {msg} {remaining}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    BARS.add(ProgressBar::new(total).with_style(style.with_key("remaining", remaining)))
}

/// A bar for a download ([`crate::net::ShowProgress`]), removed when the download ends.
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
