//! Text for messages: paths on one line, counts and numbers, and the known name closest to a
//! mistyped one.

use std::path::Path;

/// A path as messages show it: on one line, with control characters escaped.
#[must_use]
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = if cfg!(windows) { unprefixed(&text) } else { None };
    one_line(plain.as_deref().unwrap_or(&text))
}

/// A Windows path without the prefix by which the system takes it as it is, `\\?\`; `None` if it
/// has none.
#[must_use]
pub fn unprefixed(path: &str) -> Option<String> {
    match path.strip_prefix(r"\\?\UNC\") {
        Some(share) => Some(format!(r"\\{share}")),
        None => path.strip_prefix(r"\\?\").map(str::to_owned),
    }
}

/// Text with its control characters escaped.
#[must_use]
pub fn one_line(text: &str) -> String {
    let escaped =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// Bytes as hexadecimal digits, such as a checksum is shown and compared as.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text as this system's shell reads it as one word: a POSIX shell, or Windows' command prompt.
#[must_use]
pub fn command_word(text: &str) -> String {
    if cfg!(windows) { prompt_word(text) } else { shell_word(text) }
}

/// Text as Windows' command prompt, and the program it starts, read it as one word. (PowerShell
/// does, too, but for `$` and the backquote.)
#[must_use]
pub fn prompt_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || r"_-./\:=+@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    // Backslashes before a quotation mark count twice.
    let mut word = String::from('"');
    let mut backslashes = 0;
    for c in text.chars() {
        if c == '"' {
            word += &r"\".repeat(backslashes + 1);
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        word.push(c);
    }
    word + &r"\".repeat(backslashes) + "\""
}

/// Text as a POSIX shell reads it as one word.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=+,@%".contains(c);
    let is_plain = !text.is_empty() && text.chars().all(plain);
    if is_plain { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// One typing error is allowed for this many characters of a name.
const CHARACTERS_PER_ERROR: usize = 5;
/// Names shorter than this are too similar to guess which one was meant.
const SHORTEST: usize = 3;

/// The known name that was probably meant by `typed`: the only one that is [`near`].
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    match near(typed, known)[..] {
        [name] => Some(name),
        _ => None,
    }
}

/// The known names nearest to `typed`, at most a few typing errors away (a character missing,
/// added, wrong, or swapped with the next). Case is ignored.
pub fn near<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let wanted = typed.to_lowercase();
    let length = wanted.chars().count();
    let (mut least, mut best) = (usize::MAX, Vec::new());
    for name in known {
        let longest = length.max(name.chars().count());
        let allowed = if longest < SHORTEST { 0 } else { (longest / CHARACTERS_PER_ERROR).max(1) };
        // The lengths alone rule out most names.
        if longest - length.min(name.chars().count()) > allowed {
            continue;
        }
        let errors = strsim::osa_distance(&wanted, &name.to_lowercase());
        if errors > allowed || errors > least {
            continue;
        }
        if errors < least {
            (least, best) = (errors, Vec::new());
        }
        if !best.contains(&name) {
            best.push(name);
        }
    }
    best
}

/// A count of things: `1 image`, `2 images`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
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
