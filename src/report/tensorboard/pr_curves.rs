//! A precision–recall curve per class: how the class is told from all others, on the test
//! photographs.

use super::super::Outcome;
use super::tags::Tag;
use crate::error::Result;
use crate::proto::{self, PrCurvePluginData, float_tensor, summary::Value};

/// Thresholds from 0 to 1: TensorBoard's default.
const THRESHOLDS: usize = 201;
/// The smallest divisor, as in TensorBoard's own summary.
const LEAST: f64 = 1e-7;

/// The curves of all classes; none without test photographs.
pub(super) fn values(outcome: &Outcome) -> Result<Vec<Value>> {
    if outcome.tested.is_empty() {
        return Ok(Vec::new());
    }
    let data =
        PrCurvePluginData { num_thresholds: THRESHOLDS as u32, ..PrCurvePluginData::default() };
    let content = proto::serialize(&data)?;
    let curve = |(class, label): (usize, &String)| {
        let scored = outcome.tested().map(|p| (p.scores[class], p.truth == class));
        let tag = Tag {
            content: content.clone(),
            display_name: label.clone(),
            description: format!(
                "{label} against all others, {} test photographs",
                outcome.tested.len()
            ),
            ..Tag::new("pr_curves", format!("retrain/{label}/pr_curves"))
        };
        tag.value(float_tensor(&[6, THRESHOLDS as i64], &curve(scored)))
    };
    Ok(outcome.labels.iter().enumerate().map(curve).collect())
}

/// Rows of one number per threshold: true and false positives, true and false negatives, precision,
/// recall.
fn curve(scored: impl Iterator<Item = (f32, bool)>) -> Vec<f32> {
    // How many photographs score a threshold or more, but less than the next.
    let (mut of_class, mut of_others) = ([0.0; THRESHOLDS], [0.0; THRESHOLDS]);
    for (score, is) in scored {
        let bucket = ((score * (THRESHOLDS - 1) as f32) as usize).min(THRESHOLDS - 1);
        let buckets = if is { &mut of_class } else { &mut of_others };
        buckets[bucket] += 1.0;
    }
    let [tp, fp] = [of_class, of_others].map(sums_from_each_on);
    let rest = |sums: &[f64]| sums.iter().map(|sum| sums[0] - sum).collect::<Vec<_>>();
    let (tn, fneg) = (rest(&fp), rest(&tp));
    let share = |others: &[f64]| {
        let shares = tp.iter().zip(others).map(|(tp, other)| tp / (tp + other).max(LEAST));
        shares.collect::<Vec<_>>()
    };
    let (precision, recall) = (share(&fp), share(&fneg));
    let rows = [tp, fp, tn, fneg, precision, recall];
    rows.into_iter().flatten().map(|number| number as f32).collect()
}

fn sums_from_each_on(mut counts: [f64; THRESHOLDS]) -> Vec<f64> {
    for i in (0..THRESHOLDS - 1).rev() {
        counts[i] += counts[i + 1];
    }
    counts.to_vec()
}
