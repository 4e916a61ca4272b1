//! astropy's intervals: which values of a plane become black and white.

use super::sample::{Sample, of_ranks};
use super::settings::Interval;
use super::zscale::zscale;

/// The values that become black and white.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub(super) black: f64,
    pub(super) white: f64,
}

impl Limits {
    /// Those of the finite values of a plane; `None` if it has none.
    pub(super) fn of<T: Sample>(plane: &[T], interval: Interval) -> Option<Self> {
        let (black, white) = match interval {
            Interval::MinMax => min_max(plane)?,
            Interval::Percentile(percentage) => percentile(plane, percentage)?,
            Interval::ZScale => zscale(plane)?,
        };
        Some(Self { black, white })
    }

    /// What is divided by; 1 where astropy does not divide.
    pub(super) fn span(self) -> f64 {
        if self.white > self.black { self.white - self.black } else { 1.0 }
    }

    /// A value as 0 to 1; NaN stays.
    pub(super) fn unit(self, value: f64) -> f64 {
        ((value - self.black) / self.span()).clamp(0.0, 1.0)
    }
}

fn is_finite<T: Sample>(value: T) -> bool {
    value.wide().is_finite()
}

fn min_max<T: Sample>(plane: &[T]) -> Option<(f64, f64)> {
    // As many at a time as a processor can compare.
    const LANES: usize = 16;
    let mut least = [T::INFINITY; LANES];
    let mut greatest = [T::NEG_INFINITY; LANES];
    let mut compare = |values: &[T]| {
        for ((&value, least), greatest) in values.iter().zip(&mut least).zip(&mut greatest) {
            // What is not finite is in neither.
            *least = if value < *least && value > T::NEG_INFINITY { value } else { *least };
            *greatest = if value > *greatest && value < T::INFINITY { value } else { *greatest };
        }
    };
    let chunks = plane.chunks_exact(LANES);
    compare(chunks.remainder());
    chunks.for_each(compare);
    let least = least.iter().map(|v| v.wide()).fold(f64::INFINITY, f64::min);
    let greatest = greatest.iter().map(|v| v.wide()).fold(f64::NEG_INFINITY, f64::max);
    (least <= greatest).then_some((least, greatest))
}

/// Half of what is beyond the percentage is left out below, and half above.
fn percentile<T: Sample>(plane: &[T], percentage: f64) -> Option<(f64, f64)> {
    let count = plane.iter().filter(|&&v| is_finite(v)).count();
    let last = count.checked_sub(1)?;
    let below = (100.0 - percentage) * 0.5;
    let places = [below, 100.0 - below].map(|p| p / 100.0 * last as f64);
    let ranks = places.map(|place| [place as usize, (place as usize + 1).min(last)]);
    let mut sorted = ranks.concat();
    sorted.sort_unstable();
    let values = of_ranks(plane, is_finite, &sorted);
    let value = |rank: usize| values[sorted.partition_point(|&r| r < rank)].wide();
    let at = |i: usize| {
        let [before, after] = ranks[i].map(value);
        before + (after - before) * (places[i] - ranks[i][0] as f64)
    };
    Some((at(0), at(1)))
}
