//! Confidence intervals of a share.

/// The bounds of a 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound, 0 to 1.
    pub low: f64,
    /// The upper bound, 0 to 1.
    pub high: f64,
}

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The Wilson score interval, at 95 %, of a share of `right` in `total`; `None` if `total` is 0.
///
/// With p = right/total and n = total, its bounds are
/// (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n).
#[must_use]
pub fn wilson(right: usize, total: usize) -> Option<Interval> {
    if total == 0 {
        return None;
    }
    let n = total as f64;
    let p = right as f64 / n;
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let low = ((centre - half) / scale).max(0.0);
    Some(Interval { low, high: ((centre + half) / scale).min(1.0) })
}
