//! Bars on a terminal.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

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
    Box::new(move |done| bar.set_position(done))
}
