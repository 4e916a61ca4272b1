//! What reports are made of.

use super::{Outcome, Thumbnails};
use crate::bottleneck::Bottlenecks;
use crate::learn::{
    Batch, ClassWeights, Examples, Optimizer, Recipe, WeightDecay, folds, out_of_fold, pick,
};

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
    /// photographs, so that a wrong label was not learned from; with `cross_validate`, by a layer
    /// that was trained as the run's. `None` if there are too few photographs, or too many.
    pub cross_validated: Option<Vec<Vec<f32>>>,
    /// Makes the thumbnails.
    pub thumbnails: Thumbnails,
}

/// Folds of the cross-validation.
const FOLDS: usize = 5;
/// Beyond this many numbers in all bottlenecks it would take too much memory.
const MOST_NUMBERS: usize = 40_000_000;
/// Beyond this many multiplications for the logits of all photographs it would take minutes.
const MOST_MULTIPLICATIONS: usize = 100_000_000;

impl<'a> Material<'a> {
    /// Gathers it.
    #[must_use]
    pub fn new(outcome: &'a Outcome, bottlenecks: &'a Bottlenecks<'a>, rows: &'a [usize]) -> Self {
        let cross_validated = match &outcome.cross_validation {
            Some(cv) => Some(cv.scores.clone()),
            None => cross_validated(outcome, bottlenecks, rows),
        };
        let thumbnails = Thumbnails::new(&outcome.model.pixels.reading);
        Self { outcome, bottlenecks, rows, cross_validated, thumbnails }
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
    let learnable = bottlenecks.learnable(rows);
    let (truth, groups) = (&learnable.truth, learnable.groups());
    let features = learnable.features.clone().rotated();
    let recipe = Recipe {
        optimizer: Optimizer::Lbfgs,
        // scikit-learn's C = 1
        weight_decay: WeightDecay::Value(1.0 / rows.len() as f64),
        scaled: false,
        class_weights: &ClassWeights::None,
        label_smoothing: 0.0,
        steps: 0,
        learning_rate: 0.0,
        batch: Batch::All,
        labels: &outcome.labels,
        seed: outcome.random_seed,
    };
    let fold_of = folds(FOLDS, truth, &groups, outcome.random_seed);
    let train = |rows: &[usize]| {
        let (truth, weights) = (pick(truth, rows), pick(&learnable.weights, rows));
        let features = &features.select(rows);
        recipe.train(Examples { features, truth: &truth, groups: &[], weights: &weights })
    };
    out_of_fold(&features, truth, &fold_of, train)
}
