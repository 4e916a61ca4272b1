//! Precision and recall of one class against the others, for every threshold of its score.

/// A point of a precision–recall curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrPoint {
    /// Photographs that score this or more count as being of the class.
    pub threshold: f32,
    /// Of these, the share that is of the class.
    pub precision: f64,
    /// Of the class, the share among these.
    pub recall: f64,
}

/// The precision–recall curve of photographs given as (score, is of the class), from the highest
/// threshold to the lowest, one point per distinct score. Empty if none is of the class.
#[must_use]
pub fn pr_curve(scored: &[(f32, bool)]) -> Vec<PrPoint> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let of_class = sorted.iter().filter(|(_, is)| *is).count();
    let mut points = Vec::new();
    if of_class == 0 {
        return points;
    }
    let mut right = 0;
    for (i, &(threshold, is)) in sorted.iter().enumerate() {
        right += usize::from(is);
        if sorted.get(i + 1).is_none_or(|next| next.0 != threshold) {
            let precision = right as f64 / (i + 1) as f64;
            points.push(PrPoint { threshold, precision, recall: right as f64 / of_class as f64 });
        }
    }
    points
}

/// The average precision, Σ (Rₙ − Rₙ₋₁) Pₙ over the points of the curve, as scikit-learn's
/// `average_precision_score` defines it. `None` if no photograph is of the class.
#[must_use]
pub fn average_precision(scored: &[(f32, bool)]) -> Option<f64> {
    let points = pr_curve(scored);
    let mut before = 0.0;
    let area = points.iter().map(|p| {
        let gained = p.recall - before;
        before = p.recall;
        gained * p.precision
    });
    let area = area.sum();
    (!points.is_empty()).then_some(area)
}
