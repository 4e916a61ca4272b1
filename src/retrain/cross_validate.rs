//! Cross-validation on the cached bottlenecks: each photograph is predicted by a layer that learned
//! from other photographs, trained as the run's own layer is.

use super::config::{Config, CrossValidate};
use super::plan::{Learnable, recipe};
use crate::bottleneck::Bottlenecks;
use crate::learn::{Features, folds, out_of_fold};
use crate::metrics::{Calibration, Confusion, argmax};
use crate::report::CrossValidation;
use log::warn;
use std::time::Instant;

/// The cross-validation that the settings ask for, over these rows of the bottlenecks.
pub(super) fn cross_validate(
    config: &Config,
    bottlenecks: &Bottlenecks<'_>,
    rows: &[usize],
    labels: &[String],
    seed: u64,
) -> Option<CrossValidation> {
    let CrossValidate { folds: k, repeats } = config.cross_validate?;
    let start = Instant::now();
    let learnable = Learnable::of(bottlenecks, rows);
    let (truth, groups) = (&learnable.truth, learnable.groups());
    let recipe = recipe(config, labels, seed);
    let features: &Features = &match recipe.may_rotate() {
        true => learnable.features.clone().rotated(),
        false => learnable.features.clone(),
    };
    let (mut scores, mut accuracies) = (Vec::new(), Vec::new());
    for repeat in 0..repeats {
        let fold_of = folds(k, truth, &groups, seed.wrapping_add(repeat as u64));
        let train = |rows: &[usize]| {
            let truth: Vec<usize> = rows.iter().map(|&i| truth[i]).collect();
            let groups: Vec<&[u8]> = rows.iter().map(|&i| groups[i]).collect();
            recipe.train(&features.select(rows), &truth, &groups)
        };
        let Some(of_repeat) = out_of_fold(features, truth, &fold_of, train) else {
            warn!(
                target: "retrain",
                "`cross_validate` is left out: a fold would leave fewer than two classes to learn"
            );
            return None;
        };
        let right = |i: &usize| argmax(&of_repeat[*i]) == truth[*i];
        for fold in 0..k {
            let held: Vec<usize> = (0..truth.len()).filter(|&i| fold_of[i] == fold).collect();
            let share = held.iter().filter(|i| right(i)).count() as f64 / held.len().max(1) as f64;
            accuracies.push(share);
        }
        scores.push(of_repeat);
    }
    let all = || scores.iter().flat_map(|of_repeat| truth.iter().zip(of_repeat));
    let n = accuracies.len() as f64;
    let mean = accuracies.iter().sum::<f64>() / n;
    let variance = accuracies.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / n;
    Some(CrossValidation {
        folds: k,
        repeats,
        accuracy_mean: mean,
        accuracy_sd: variance.sqrt(),
        ece: Calibration::of(all().map(|(&truth, row)| (truth, &row[..])))?.ece,
        confusion: Confusion::of(labels.len(), all().map(|(&truth, row)| (truth, argmax(row)))),
        scores: scores.swap_remove(0),
        seconds: start.elapsed().as_secs_f64(),
    })
}
