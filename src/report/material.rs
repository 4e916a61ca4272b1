//! What reports are made of.

use super::Outcome;
use crate::bottleneck::Bottlenecks;
use crate::dataset::hash_name;
use crate::learn::{Features, Objective, folds, out_of_fold};

/// What reports are made of: the outcome, the bottlenecks, and what follows from both.
#[derive(Debug)]
pub struct Material<'a> {
    /// The run's outcome.
    pub outcome: &'a Outcome,
    /// The bottlenecks.
    pub bottlenecks: &'a Bottlenecks<'a>,
    /// The row in `bottlenecks` of each of `outcome.photographs`.
    pub rows: &'a [usize],
    /// The scores of each of `outcome.photographs` by a logistic regression that learned from other
    /// photographs: whoever labelled a photograph wrongly did not teach it this one. `None` if there
    /// are too few photographs, or too many.
    pub cross_validated: Option<Vec<Vec<f32>>>,
}

/// Folds of the cross-validation.
const FOLDS: usize = 5;
/// Beyond this many numbers in all bottlenecks it would take too much memory.
const MOST_NUMBERS: usize = 40_000_000;
/// Beyond this many multiplications for the logits of all photographs it would take minutes.
const MOST_MULTIPLICATIONS: usize = 100_000_000;
/// The strength of the penalty, as scikit-learn's default.
const C: f64 = 1.0;

impl<'a> Material<'a> {
    /// Gathers it.
    #[must_use]
    pub fn new(outcome: &'a Outcome, bottlenecks: &'a Bottlenecks<'a>, rows: &'a [usize]) -> Self {
        let cross_validated = cross_validated(outcome, bottlenecks, rows);
        Self { outcome, bottlenecks, rows, cross_validated }
    }
}

fn cross_validated(
    outcome: &Outcome,
    bottlenecks: &Bottlenecks<'_>,
    rows: &[usize],
) -> Option<Vec<Vec<f32>>> {
    let (n, classes) = (rows.len(), outcome.labels.len());
    let multiplications = n * bottlenecks.size.min(n) * classes;
    let too_many = n * bottlenecks.size > MOST_NUMBERS || multiplications > MOST_MULTIPLICATIONS;
    if n < 2 * FOLDS || too_many {
        return None;
    }
    let photographs = &outcome.photographs;
    let truth: Vec<usize> = photographs.iter().map(|p| p.truth).collect();
    let groups: Vec<_> =
        photographs.iter().map(|p| hash_name(p.path.as_os_str().as_encoded_bytes())).collect();
    let groups: Vec<&[u8]> = groups.iter().map(|group| &**group).collect();
    let features = Features::new(bottlenecks.size, rows.iter().map(|&row| bottlenecks.row(row)));
    let features = features.rotated();
    let objective =
        Objective { features: &features, truth: &truth, sample_weights: &[], classes, c: C };
    out_of_fold(objective, &folds(FOLDS, &truth, &groups, outcome.random_seed))
}
