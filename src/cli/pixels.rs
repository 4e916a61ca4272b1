//! Reads the flags about pixels, which both programs have.

use super::argparse::Parsed;
use crate::error::{Error, Result};

/// A width or height in pixels, if given.
pub(super) fn side(parsed: &Parsed, name: &str) -> Result<Option<i32>> {
    if !parsed.given(name) {
        return Ok(None);
    }
    let value = parsed.int(name)?;
    let size = i32::try_from(value).ok().filter(|v| (1..=16_384).contains(v));
    size.map(Some).ok_or_else(|| {
        Error::usage(name, format!("must be between 1 and 16384 pixels, not {value}"))
    })
}

/// The number to subtract from pixel values.
pub(super) fn mean(parsed: &Parsed, name: &str) -> Result<f32> {
    let value = parsed.float(name)? as f32;
    let wrong = || Error::usage(name, format!("must be a finite number, not {value}"));
    value.is_finite().then_some(value).ok_or_else(wrong)
}

/// The number to divide pixel values by.
pub(super) fn std(parsed: &Parsed, name: &str) -> Result<f32> {
    match mean(parsed, name)? {
        0.0 => Err(Error::usage(name, "must not be 0: pixel values are divided by it")),
        std => Ok(std),
    }
}
