//! Parses the scripts' text files: comma-separated numbers as numpy prints them.

use crate::pyfmt;

/// The numbers of a text file; `None` unless there are exactly `size` of them, all finite.
#[must_use]
pub fn parse_bottleneck(text: &str, size: usize) -> Option<Vec<f32>> {
    let number = |v| pyfmt::parse_float(v).filter(|v| v.is_finite());
    let values: Option<Vec<f32>> = text.split(',').map(number).collect();
    values.filter(|v| v.len() == size)
}
