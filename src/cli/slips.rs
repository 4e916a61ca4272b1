//! Words that belong to no flag, and what the slip was: a wrong character before a flag, dashes
//! left out, a backslash that did not continue the line.

use super::names::Names;
use std::ffi::OsStr;
use std::fmt::{Display, Formatter, Result};

/// What a word that belongs to no flag was meant to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slip {
    /// This flag, with this value.
    Flag(&'static str, Option<String>),
    /// The end of a line, where there is white space after its backslash.
    LineEnd,
    /// The end of a line, in a shell that has another sign for it.
    Backslash,
}

/// What went wrong with a word, if that can be told.
pub(super) fn of_word(names: &Names<'_>, word: &OsStr) -> Option<Slip> {
    let text = word.to_string_lossy();
    match text.trim() {
        "" if !text.is_empty() => return Some(Slip::LineEnd),
        "\\" => return Some(Slip::Backslash),
        _ => {}
    }
    let bare = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let (name, value) = bare.split_once('=').map_or((bare, None), |(n, v)| (n, Some(v)));
    let flag = names.find(name).ok().flatten()?;
    let before = &text[..text.len() - bare.len()];
    let dashed = before.contains(is_dash) && !before.contains('/');
    let undashed = bare.len() == text.len() && name == flag.name && value.is_some();
    (dashed || undashed).then(|| Slip::Flag(flag.name, value.map(str::to_owned)))
}

/// Whether a character is, or looks like, a dash: word processors put long ones for `--`.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

impl Display for Slip {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Flag(name, None) => write!(f, "did you mean --{name}?"),
            Self::Flag(name, Some(value)) => write!(f, "did you mean --{name}={value}?"),
            Self::LineEnd => {
                f.write_str("a backslash that continues a line must be the last character on it")
            }
            Self::Backslash => f.write_str(
                "a backslash continues a line only as the last character on it, and in cmd.exe \
                 and PowerShell not at all: they have ^ and `",
            ),
        }
    }
}
