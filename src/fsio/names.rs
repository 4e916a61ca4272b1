//! Names that every file system can store.

use crate::error::{Error, Result};
use std::path::{Component, Path};

/// Names that Windows keeps for devices, in lower case, also with an ending.
const RESERVED: [&str; 7] = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];
/// Devices with a number from 0 to 9.
const NUMBERED: [&str; 2] = ["com", "lpt"];

/// Whether a name may hold this character: one that can be seen, and separates nothing.
pub(crate) fn is_safe(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{ffff}'
    );
    !c.is_control()
        && !is_invisible
        && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Whether Windows drops this character at the end of a name.
pub(crate) fn ends_badly(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// At most `longest` bytes of a name, without dots and spaces at the end.
pub(crate) fn shortened(name: &str, longest: usize) -> String {
    let ends = name.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= longest).last().unwrap_or_default();
    name[..end].trim_end_matches(ends_badly).to_owned()
}

/// Whether Windows keeps the name for a device, in either case and with any ending.
pub(crate) fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let mut shorter = stem.chars();
    let last = shorter.next_back();
    let numbered = last.is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'));
    RESERVED.contains(&stem.as_str()) || (numbered && NUMBERED.contains(&shorter.as_str()))
}

/// Why Windows cannot have a file of this name, if so: it would write to a device, or under another
/// name.
#[must_use]
pub fn fault_on_windows(name: &str) -> Option<String> {
    if is_reserved(name) {
        return Some(format!("'{name}', which Windows keeps for a device"));
    }
    if name.ends_with(['.', ' ']) {
        return Some(format!("'{name}', of which Windows drops the end"));
    }
    // `a:b` is not a file but a stream of the file `a`.
    let c = name.chars().find(|&c| matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|'))?;
    Some(format!("'{name}', but Windows allows no {c} in names"))
}

/// Refuses a path to be written that Windows would take for something else.
pub(crate) fn check_names(path: &Path) -> Result<()> {
    if !cfg!(windows) {
        return Ok(());
    }
    let fault = path.components().find_map(|component| match component {
        Component::Normal(name) => fault_on_windows(&name.to_string_lossy()),
        // `\\.\NUL`
        Component::Prefix(prefix) => match prefix.kind() {
            std::path::Prefix::DeviceNS(name) => Some(format!("a device, {}", name.display())),
            _ => None,
        },
        _ => None,
    });
    match fault {
        None => Ok(()),
        Some(fault) => Err(Error::input(path, format!("names {fault}; give another path"))),
    }
}
