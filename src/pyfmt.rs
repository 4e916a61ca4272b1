//! Text as Python prints it: the scripts' files and log lines are compared with ours to the letter.

use chrono::{DateTime, Local, Timelike};

/// A float32 as numpy's `str` prints it: the shortest decimal that reads back as the same float32,
/// scientific below 1e-4 and from 1e16 on (`-3.117057`, `1e-05`, `2.0`).
#[must_use]
pub fn float32(value: f32) -> String {
    let mut text = String::new();
    push_float32(&mut text, value);
    text
}

/// Appends what [`float32`] returns.
pub fn push_float32(text: &mut String, value: f32) {
    use std::fmt::Write;
    let start = text.len();
    // Writing to a String cannot fail.
    if value.is_nan() {
        text.push_str("nan");
    } else if value.is_infinite() {
        text.push_str(if value < 0.0 { "-inf" } else { "inf" });
    } else if value != 0.0 && !(1e-4..1e16).contains(&value.abs()) {
        let _ = write!(text, "{value:e}");
        let exponent_at = text[start..].find('e').map_or(text.len(), |i| start + i);
        let exponent: i32 = text[exponent_at + 1..].parse().unwrap_or(0);
        text.truncate(exponent_at);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(text, "e{sign}{:02}", exponent.abs());
    } else {
        let _ = write!(text, "{value}");
        if !text[start..].contains('.') {
            text.push_str(".0");
        }
    }
}

/// A list of values as a bottleneck file holds it: comma-separated, no spaces, no newline.
#[must_use]
pub fn bottleneck_string(values: &[f32]) -> String {
    let mut text = String::with_capacity(values.len() * 12);
    for (i, &value) in values.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        push_float32(&mut text, value);
    }
    text
}

/// Parses one number of a bottleneck file as Python's `float` does, rounded to float32 as the script's feed is.
#[must_use]
pub fn parse_float(text: &str) -> Option<f32> {
    let trimmed = text.trim();
    // Rust reads the same decimals as Python; underscores between digits are the one habit it lacks.
    match trimmed.parse::<f64>() {
        Ok(value) => Some(value as f32),
        Err(_) => python_number(trimmed)?.parse::<f64>().ok().map(|v| v as f32),
    }
}

/// A number's text without the underscores Python allows between digits; `None` where they stand elsewhere.
#[must_use]
pub fn python_number(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let misplaced = |(i, &b): (usize, &u8)| b == b'_' && !(i > 0 && digit(i - 1) && digit(i + 1));
    (!bytes.iter().enumerate().any(misplaced)).then(|| text.replace('_', ""))
}

/// `datetime.now()` as Python prints it, in local time; microseconds are left out where they are zero.
#[must_use]
pub fn timestamp(now: DateTime<Local>) -> String {
    let format = if now.nanosecond() / 1000 == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.6f" };
    now.format(format).to_string()
}
