//! `retrained_labels.txt`: one label a line, in class-index order.

use crate::error::Result;
use std::path::Path;

/// Writes the labels, with a newline at the end.
pub fn save_labels<'a>(path: &Path, labels: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let text: String = labels.into_iter().flat_map(|label| [label, "\n"]).collect();
    crate::fsio::write(path, text.as_bytes())
}

/// Reads labels as label_image does: one a line, white space at a line's end removed.
#[must_use]
pub fn parse_labels(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}
