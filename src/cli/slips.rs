//! Guesses the typing slip behind a word that belongs to no flag: wrong or missing dashes, or a
//! backslash that did not continue the line.

use super::names::Names;
use std::ffi::OsStr;
use std::fmt::{Display, Formatter, Result};

/// What a word that belongs to no flag was probably meant to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slip {
    /// This flag, with this value.
    Flag(&'static str, Option<String>),
    /// A line continuation, but white space follows the backslash.
    LineEnd,
    /// A line continuation, but the shell uses another character, or more text follows.
    Backslash,
}

/// The slip behind a word, if it can be recognised.
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

/// Whether a character is or looks like a dash: word processors turn `--` into a long dash.
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
                "a backslash continues a line only as the last character on it; cmd.exe uses ^ \
                 instead, and PowerShell `",
            ),
        }
    }
}
