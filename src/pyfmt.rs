//! Formats and parses numbers and times as Python does, because files and log lines must match the
//! scripts' exactly.

use chrono::{DateTime, Local, Timelike};

/// A float32 as numpy's `str` prints it: the shortest decimal that reads back as the same float32,
/// in scientific notation below 1e-4 and from 1e16 up (`-3.117057`, `1e-05`, `2.0`).
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
    } else if value != 0.0 && !(1e-4..1e16).contains(&f64::from(value).abs()) {
        let shortest = format!("{value:e}");
        let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let exact = format!("{:.1$e}", f64::from(value), fraction_digits(digits));
        let exact = if reads_back(&exact, value) { &exact } else { &shortest };
        let digits = exact.split_once('e').map_or(digits, |(digits, _)| digits);
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(text, "{digits}e{sign}{:02}", exponent.abs());
    } else {
        let _ = write!(text, "{value}");
        let digits = fraction_digits(&text[start..]);
        // If the value lies exactly halfway between two decimals of the shortest length, Rust may
        // choose the upper one and numpy the lower.
        if text.ends_with(['1', '3', '5', '7', '9']) && digits > 0 && may_lie_between(value, digits)
        {
            let exact = format!("{:.digits$}", f64::from(value));
            if reads_back(&exact, value) {
                text.replace_range(start.., &exact);
            }
        } else if digits == 0 {
            text.push_str(".0");
        }
    }
}

/// Whether a float32 may lie exactly halfway between two numbers with that many decimals.
fn may_lie_between(value: f32, digits: usize) -> bool {
    // Up to 12 decimals the product is exact: a float32 has 24 bits, 5^12 has 28, and a float64
    // holds 53.
    digits > 12 || (2.0 * f64::from(value) * 10f64.powi(digits as i32)).fract() == 0.0
}

/// Whether a decimal reads back as that float. At a power of two it may not: the next float below
/// is closer than the next one above.
fn reads_back(number: &str, value: f32) -> bool {
    number.parse() == Ok(value)
}

/// The number of digits after the point.
fn fraction_digits(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// The content of a bottleneck file: the values separated by commas, no spaces, no newline.
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

/// Parses one number of a bottleneck file as Python's `float` does, rounded to float32 as the
/// script's feed is.
#[must_use]
pub fn parse_float(text: &str) -> Option<f32> {
    let trimmed = text.trim();
    // Rust parses the same decimals as Python except those with underscores between digits.
    match trimmed.parse::<f64>() {
        Ok(value) => Some(value as f32),
        Err(_) => python_number(trimmed)?.parse::<f64>().ok().map(|v| v as f32),
    }
}

/// A number's text without the underscores that Python allows between digits; `None` if an
/// underscore is anywhere else.
#[must_use]
pub fn python_number(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let misplaced = |(i, &b): (usize, &u8)| b == b'_' && !(i > 0 && digit(i - 1) && digit(i + 1));
    (!bytes.iter().enumerate().any(misplaced)).then(|| text.replace('_', ""))
}

/// `datetime.now()` as Python prints it, in local time, without microseconds if they are zero.
#[must_use]
pub fn timestamp(now: DateTime<Local>) -> String {
    let format =
        if now.nanosecond() / 1000 == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.6f" };
    now.format(format).to_string()
}
