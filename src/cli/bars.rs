//! Progress bars below the log lines. None are drawn if standard error is not a terminal.

use crate::label_image::{Source, count};
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

/// The rate per second, and the time that is left if the total is known.
fn rate(began: &Began, state: &ProgressState) -> Option<(f64, Option<HumanDuration>)> {
    let (start, first) = began.get()?;
    let (seconds, done) = (start.elapsed().as_secs_f64(), state.pos().saturating_sub(*first));
    if done == 0 || seconds < MIN_ELAPSED.as_secs_f64() {
        return None;
    }
    let rate = done as f64 / seconds;
    let left = |total: u64| {
        let remaining = total.saturating_sub(state.pos()) as f64 / rate;
        HumanDuration(Duration::from_secs_f64(remaining.ceil()))
    };
    Some((rate, state.len().map(left)))
}

/// A bar with the rate, and the total and the time left if they are known.
fn with_rate(template: &str, total: Option<u64>, began: Began) -> ProgressBar {
    let rate = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        if let Some((rate, remaining)) = rate(&began, state) {
            let _ = write!(out, "{rate:.0}/s");
            let _ = remaining.map(|remaining| write!(out, ", {remaining:#} left"));
        }
    };
    let count = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{}", state.pos());
        if let Some(total) = state.len() {
            let _ = write!(out, "/{total}");
        }
    };
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rate", rate).with_key("count", count);
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    BARS.add(bar.with_style(style))
}

/// A bar for bottlenecks. `began` says when the first was computed, and how many were done then.
pub(super) fn bottlenecks(total: usize, began: Began) -> ProgressBar {
    with_rate("Bottlenecks {wide_bar} {count} {rate}", Some(total as u64), began)
}

/// A bar for labelling, removed when this is dropped.
pub(super) struct Labelling {
    bar: ProgressBar,
    began: Began,
}

/// A bar for labelling what is in `sources`, if standard error is a terminal. The total is counted
/// meanwhile; there is none for standard input.
pub(super) fn labelling(sources: &[Source]) -> Option<Labelling> {
    if !are_drawn() {
        return None;
    }
    let began = Began::default();
    let bar = with_rate("Labelling {wide_bar} {count} {rate}", None, Arc::clone(&began));
    let (counted, sources) = (bar.clone(), sources.to_vec());
    std::thread::spawn(move || {
        if let Some(total) = count(&sources) {
            counted.set_length(total);
        }
    });
    Some(Labelling { bar, began })
}

impl Labelling {
    /// Shows that so many are done.
    pub(super) fn set(&self, done: u64) {
        // The first waits for the network to load: the rate is measured from there.
        self.began.get_or_init(|| (Instant::now(), done));
        self.bar.set_position(done);
    }
}

impl Drop for Labelling {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for the downloads of a list, removed when this is dropped.
pub(super) struct Downloading {
    bar: ProgressBar,
    began: Began,
}

/// A bar for downloading `total` photographs.
pub(super) fn downloading(total: u64) -> Downloading {
    let began = Began::default();
    let bar = with_rate("Downloading {wide_bar} {count} {rate}", Some(total), Arc::clone(&began));
    Downloading { bar, began }
}

impl Downloading {
    /// Shows that so many are done; `before` of them were before the run.
    pub(super) fn set(&self, done: u64, before: u64) {
        self.began.get_or_init(|| (Instant::now(), before));
        self.bar.set_position(done);
    }
}

impl Drop for Downloading {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for training steps. Its message is about the last evaluation.
pub(super) fn steps(total: u64, began: Began) -> ProgressBar {
    let remaining = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        if let Some((_, Some(remaining))) = rate(&began, state) {
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
