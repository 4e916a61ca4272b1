//! The one-cycle learning rate (Smith & Topin 2017, arXiv:1708.07120): up to the highest rate in
//! the first part of the steps, then down to nearly 0, both along a cosine.

use std::f32::consts::PI;

/// The part of the steps in which the rate rises.
const RISE: f32 = 0.3;
/// The highest rate, relative to the first.
const START: f32 = 25.0;
/// The first rate, relative to the last.
const END: f32 = 1e4;

/// The rate of a step, from 0 to `total` − 1, where the highest is `highest`.
pub(super) fn rate(step: u64, total: u64, highest: f32) -> f32 {
    let last = total.saturating_sub(1) as f32;
    let top = (RISE * total as f32 - 1.0).max(0.0);
    let (first, end) = (highest / START, highest / START / END);
    let step = step as f32;
    if step <= top && top > 0.0 {
        return between(first, highest, step / top);
    }
    between(highest, end, (step - top) / (last - top).max(1.0))
}

/// From one value to another along a cosine.
fn between(from: f32, to: f32, part: f32) -> f32 {
    to + (from - to) * (1.0 + (PI * part.min(1.0)).cos()) / 2.0
}
