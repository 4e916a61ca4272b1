//! Photographs whose label is probably wrong, by confident learning (Northcutt et al. 2021,
//! <https://arxiv.org/abs/1911.00068>), from the scores of a classifier that did not learn from
//! them.

/// A photograph whose label is probably wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelError {
    /// The index of the photograph.
    pub photograph: usize,
    /// The class it seems to be of.
    pub suggested: usize,
    /// By how much that class's score is above the label's.
    pub margin: f64,
}

/// The photographs that are confidently of another class than their label, the most certain first.
///
/// A class is confidently seen in a photograph if its score is at least the mean of its scores over
/// all photographs of that label. Of the classes so seen, the one with the highest score is
/// suggested, unless the label itself scores as high.
#[must_use]
pub fn label_errors(truth: &[usize], scores: &[Vec<f32>]) -> Vec<LabelError> {
    let thresholds = self_confidence(truth, scores);
    let mut errors = Vec::new();
    for (photograph, (&label, scores)) in truth.iter().zip(scores).enumerate() {
        let score = |class: usize| f64::from(scores[class]);
        let seen = (0..scores.len()).filter(|&class| score(class) >= thresholds[class]);
        let Some(suggested) = seen.max_by(|&a, &b| score(a).total_cmp(&score(b))) else { continue };
        let margin = score(suggested) - score(label);
        if margin > 0.0 {
            errors.push(LabelError { photograph, suggested, margin });
        }
    }
    errors.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    errors
}

/// For each class, the mean of its scores over the photographs of that label; infinite if there are
/// none.
fn self_confidence(truth: &[usize], scores: &[Vec<f32>]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); scores.first().map_or(0, Vec::len)];
    for (&label, scores) in truth.iter().zip(scores) {
        sums[label].0 += f64::from(scores[label]);
        sums[label].1 += 1.0;
    }
    sums.iter().map(|&(sum, n)| if n > 0.0 { sum / n } else { f64::INFINITY }).collect()
}
