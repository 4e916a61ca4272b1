//! Whether scores are probabilities: of photographs with a score of 0.8, eight in ten should be
//! right. The expected calibration error measures by how much they are not; dividing the logits by
//! a temperature mends most of it (Guo et al. 2017, <https://arxiv.org/abs/1706.04599>).

use super::argmax;

/// Bins of equal width from 0 to 1.
const BINS: usize = 10;

/// The photographs whose highest score is in one tenth of the range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// How many there are.
    pub count: usize,
    /// The mean of their highest scores.
    pub confidence: f64,
    /// The share that was recognised.
    pub accuracy: f64,
}

/// How far scores are from probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Ten bins: the i-th holds the highest scores from i/10 to below (i + 1)/10, the last also 1.
    pub bins: Vec<Bin>,
    /// The expected calibration error: Σ count/total · |accuracy − confidence|, over the bins.
    pub ece: f64,
}

impl Calibration {
    /// Of true classes and scores (one per class). `None` without photographs.
    #[must_use]
    pub fn of<'s>(scored: impl IntoIterator<Item = (usize, &'s [f32])>) -> Option<Self> {
        let mut bins = vec![Bin::default(); BINS];
        let mut total = 0;
        for (truth, scores) in scored {
            let best = argmax(scores);
            let confidence = f64::from(scores[best]);
            let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
            bin.count += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(best == truth));
            total += 1;
        }
        if total == 0 {
            return None;
        }
        let mut ece = 0.0;
        for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
            ece += (bin.accuracy - bin.confidence).abs() / total as f64;
            bin.accuracy /= bin.count as f64;
            bin.confidence /= bin.count as f64;
        }
        Some(Self { bins, ece })
    }
}

/// Smaller probabilities count as this much: the logarithm of 0 is infinite.
const TINY: f64 = 1e-30;

fn log_scores(scores: &[f32]) -> impl Iterator<Item = f64> + '_ {
    scores.iter().map(|&s| f64::from(s).max(TINY).ln())
}

/// The scores with their logits divided by `temperature`: softmax(log(score) / temperature).
#[must_use]
pub fn tempered(scores: &[f32], temperature: f64) -> Vec<f32> {
    let logits: Vec<f64> = log_scores(scores).map(|l| l / temperature).collect();
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|l| (l - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| (p / sum) as f32).collect()
}

/// The temperatures tried: beyond them, scores are all equal or all 0 and 1.
const TEMPERATURES: [f64; 2] = [0.05, 20.0];

/// The temperature that makes the true classes most probable: the least sum of cross-entropies and
/// (log temperature)²/2. The second term keeps the temperature finite where few photographs are all
/// recognised, and is lost among many. `None` without photographs.
#[must_use]
pub fn best_temperature(scored: &[(usize, &[f32])]) -> Option<f64> {
    if scored.is_empty() {
        return None;
    }
    let logits: Vec<(usize, Vec<f64>)> =
        scored.iter().map(|&(truth, scores)| (truth, log_scores(scores).collect())).collect();
    let loss = |log_temperature: f64| {
        let scale = (-log_temperature).exp();
        let one = |(truth, logits): &(usize, Vec<f64>)| {
            let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|l| ((l - highest) * scale).exp()).sum();
            sum.ln() - (logits[*truth] - highest) * scale
        };
        logits.iter().map(one).sum::<f64>() + log_temperature * log_temperature / 2.0
    };
    let [low, high] = TEMPERATURES.map(f64::ln);
    Some(golden_section(loss, low, high).exp())
}

/// The minimum of a function that has one between `low` and `high`.
fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (f(left), f(right));
    while high - low > 1e-6 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = f(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = f(right);
        }
    }
    f64::midpoint(low, high)
}
