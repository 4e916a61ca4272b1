//! IRAF's zscale, as astropy's `ZScaleInterval` computes it: a line is fitted through a sorted
//! sample, outliers are left out, and the line's slope gives the limits.

use super::sample::Sample;

const SAMPLES: usize = 1000;
const CONTRAST: f64 = 0.25;
const MAX_REJECT: f64 = 0.5;
const MIN_PIXELS: usize = 5;
/// In standard deviations.
const REJECTED_BEYOND: f64 = 2.5;
const MAX_ITERATIONS: usize = 5;

/// The limits of a plane; `None` if no value is finite.
pub(super) fn zscale<T: Sample>(plane: &[T]) -> Option<(f64, f64)> {
    let samples = samples(plane);
    let (&least, &greatest) = (samples.first()?, samples.last()?);
    let count = samples.len();
    let Some(slope) = slope(&samples) else { return Some((least, greatest)) };
    let slope = slope / CONTRAST;
    let centre = (count - 1) / 2;
    let median = f64::midpoint(samples[centre], samples[count / 2]);
    Some((
        least.max(median - (centre as f64 - 1.0) * slope),
        greatest.min(median + (count - centre) as f64 * slope),
    ))
}

/// Every nth finite value, sorted.
fn samples<T: Sample>(plane: &[T]) -> Vec<f64> {
    let count = plane.iter().filter(|v| v.wide().is_finite()).count();
    let stride = (count / SAMPLES).max(1);
    let samples: Vec<f64> = if count == plane.len() {
        plane.iter().step_by(stride).take(SAMPLES).map(|v| v.wide()).collect()
    } else {
        let finite = plane.iter().map(|v| v.wide()).filter(|v| v.is_finite());
        finite.step_by(stride).take(SAMPLES).collect()
    };
    let mut samples = samples;
    samples.sort_unstable_by(f64::total_cmp);
    samples
}

/// The slope of the line through the samples that are kept; `None` if these are too few.
fn slope(samples: &[f64]) -> Option<f64> {
    let count = samples.len();
    let fewest = MIN_PIXELS.max((count as f64 * MAX_REJECT) as usize);
    let grown = (count / 100).max(1);
    let mut is_bad = vec![false; count];
    let (mut good, mut good_before, mut slope) = (count, count + 1, 0.0);
    for _ in 0..MAX_ITERATIONS {
        if good >= good_before || good < fewest {
            break;
        }
        let line = fit(samples, &is_bad);
        slope = line.0;
        reject(samples, line, &mut is_bad);
        is_bad = dilated(&is_bad, grown);
        good_before = good;
        good = is_bad.iter().filter(|bad| !**bad).count();
    }
    (good >= fewest).then_some(slope)
}

/// Slope and offset of the line through those that are not bad, by least squares.
fn fit(samples: &[f64], is_bad: &[bool]) -> (f64, f64) {
    let good = || samples.iter().zip(is_bad).enumerate().filter(|(_, (_, bad))| !**bad);
    let count = good().count() as f64;
    let mean_x = good().map(|(x, _)| x as f64).sum::<f64>() / count;
    let mean_y = good().map(|(_, (y, _))| y).sum::<f64>() / count;
    let along = |x: usize| x as f64 - mean_x;
    let covariance: f64 = good().map(|(x, (y, _))| along(x) * (y - mean_y)).sum();
    let variance: f64 = good().map(|(x, _)| along(x).powi(2)).sum();
    let slope = covariance / variance;
    (slope, mean_y - slope * mean_x)
}

/// Marks what is too far from the line.
fn reject(samples: &[f64], (slope, offset): (f64, f64), is_bad: &mut [bool]) {
    let flat: Vec<f64> =
        samples.iter().enumerate().map(|(x, y)| y - (slope * x as f64 + offset)).collect();
    let good = || flat.iter().zip(&*is_bad).filter(|(_, bad)| !**bad).map(|(value, _)| value);
    let count = good().count() as f64;
    let mean = good().sum::<f64>() / count;
    let deviation = (good().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let threshold = REJECTED_BEYOND * deviation;
    is_bad.iter_mut().zip(&flat).for_each(|(bad, value)| *bad |= value.abs() > threshold);
}

/// Each that has a bad one within a window of `width`, as `numpy.convolve(…, mode="same")`.
fn dilated(is_bad: &[bool], width: usize) -> Vec<bool> {
    let ahead = (width - 1) / 2;
    let behind = width - 1 - ahead;
    let near = |i: usize| {
        let end = (i + ahead + 1).min(is_bad.len());
        is_bad[i.saturating_sub(behind)..end].contains(&true)
    };
    (0..is_bad.len()).map(near).collect()
}
