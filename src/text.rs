//! Text for messages: one line each, whatever a name holds.

use std::path::Path;

/// A path as messages show it: in one line, whatever its name holds.
#[must_use]
pub fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

/// Text with its control characters escaped.
#[must_use]
pub fn one_line(text: &str) -> String {
    let escaped =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}
