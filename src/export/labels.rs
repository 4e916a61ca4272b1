//! Reads and writes `retrained_labels.txt`: one label per line, in order of class index.

use crate::error::{Error, Result};
use crate::fsio;
use crate::text::shown;
use log::warn;
use std::path::Path;

/// U+FEFF, which some editors put at the start of a file. It has no meaning in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Writes the labels, each followed by a newline.
pub fn save_labels<'a>(path: &Path, labels: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let text: String = labels.into_iter().flat_map(|label| [label, "\n"]).collect();
    fsio::write(path, text.as_bytes())
}

/// Reads a file of labels, with a warning if it is not plain UTF-8.
///
/// # Errors
/// If the file cannot be read, or is UTF-16.
pub fn read_labels(path: &Path) -> Result<Vec<String>> {
    let bytes = fsio::read(path)?;
    if is_utf_16(&bytes) {
        return Err(Error::input(path, "is UTF-16; save it as UTF-8"));
    }
    let file = shown(path);
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.starts_with(BYTE_ORDER_MARK) => {
            warn!(target: "retrain", "{file}: begins with a byte-order mark, which is ignored");
        }
        Ok(_) => {}
        Err(e) => {
            let line = 1 + bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            let message = "is not UTF-8; save the file as UTF-8";
            warn!(target: "retrain", "{file}: line {line} {message}");
        }
    }
    Ok(parse_labels(&bytes))
}

/// Whether the bytes look like UTF-16: they begin with its byte-order mark, or have many zeros
/// (every second byte of Latin text).
fn is_utf_16(bytes: &[u8]) -> bool {
    let zeros = bytes.iter().filter(|&&b| b == 0).count();
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || zeros > bytes.len() / 4
}

/// The labels in UTF-8 text: one per line, without trailing white space. A blank line counts as an
/// empty label, except at the end of the file.
#[must_use]
pub fn parse_labels(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(BYTE_ORDER_MARK).trim_end();
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}
