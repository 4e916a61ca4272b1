//! Cross-validation on the cached bottlenecks: each photograph is predicted by a layer that learned
//! from other photographs, trained as the run's own layer is.

use super::config::{Config, CrossValidate};
use super::fine_tune::{Rows, Untuned};
use super::plan::{Learnable, recipe};
use crate::bottleneck::Bottlenecks;
use crate::error::Result;
use crate::learn::{Features, folds, out_of_fold};
use crate::metrics::{Calibration, Confusion, argmax};
use crate::report::CrossValidation;
use log::warn;
use std::time::Instant;

/// What is cross-validated: these rows of the bottlenecks of the network as published.
pub(super) struct Validated<'a, 'l> {
    pub(super) config: &'a Config,
    pub(super) bottlenecks: &'a Bottlenecks<'l>,
    pub(super) rows: &'a [usize],
    pub(super) labels: &'a [String],
    pub(super) seed: u64,
    /// The network, if it is fine-tuned.
    pub(super) untuned: Option<&'a Untuned<'a>>,
}

/// The cross-validation that the settings ask for. A network that is fine-tuned is tuned anew for
/// each fold.
pub(super) fn cross_validate(validated: &Validated<'_, '_>) -> Result<Option<CrossValidation>> {
    let Validated { config, bottlenecks, rows, labels, seed, untuned } = *validated;
    let Some(CrossValidate { folds: k, repeats }) = config.cross_validate else { return Ok(None) };
    let start = Instant::now();
    let learnable = Learnable::of(bottlenecks, rows);
    let (truth, groups) = (&learnable.truth, learnable.groups());
    let recipe = recipe(config, labels, seed);
    let features: &Features = &match recipe.may_rotate() && untuned.is_none() {
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
        let of_repeat = match untuned {
            None => out_of_fold(features, truth, &fold_of, train),
            Some(untuned) => {
                let rows = Rows { bottlenecks, rows, truth, class_count: labels.len() };
                untuned.out_of_fold(&rows, &fold_of, seed, &config.cancel, train)?
            }
        };
        let Some(of_repeat) = of_repeat else {
            warn!(
                target: "retrain",
                "`cross_validate` is left out: a fold would leave fewer than two classes to learn"
            );
            return Ok(None);
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
    let Some(calibration) = Calibration::of(all().map(|(&truth, row)| (truth, &row[..]))) else {
        return Ok(None);
    };
    let confusion = Confusion::of(labels.len(), all().map(|(&truth, row)| (truth, argmax(row))));
    Ok(Some(CrossValidation {
        folds: k,
        repeats,
        accuracy_mean: mean,
        accuracy_sd: variance.sqrt(),
        ece: calibration.ece,
        confusion,
        scores: scores.swap_remove(0),
        seconds: start.elapsed().as_secs_f64(),
    }))
}
