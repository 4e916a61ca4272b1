//! Text for messages: one line each, whatever a name holds; and what was meant by a name that is
//! not known.

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

/// Of this many characters of a name, one may be a typing error.
const CHARACTERS_AN_ERROR: usize = 5;
/// Shorter names are too much alike.
const SHORTEST: usize = 3;

/// The known name that was probably meant by one that is not known: a few typing errors away (a
/// character too many, too few, wrong, or swapped with the next), and the only one so near. Upper
/// and lower case are the same.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = typed.to_lowercase();
    let length = wanted.chars().count();
    let mut best: Option<(usize, &str)> = None;
    let mut only = true;
    for name in known {
        let longest = length.max(name.chars().count());
        let most = if longest < SHORTEST { 0 } else { (longest / CHARACTERS_AN_ERROR).max(1) };
        // The lengths alone rule most names out.
        if longest - length.min(name.chars().count()) > most {
            continue;
        }
        let errors = strsim::osa_distance(&wanted, &name.to_lowercase());
        if errors > most {
            continue;
        }
        match best {
            Some((least, _)) if errors > least => {}
            Some((least, other)) if errors == least => only &= other == name,
            _ => (best, only) = (Some((errors, name)), true),
        }
    }
    best.filter(|_| only).map(|(_, name)| name)
}

/// A number as messages show it: 1,048,576.
#[must_use]
pub fn grouped(number: impl Into<i64>) -> String {
    let number: i64 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut grouped = if number < 0 { String::from("-") } else { String::new() };
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
