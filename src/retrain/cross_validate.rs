//! Cross-validation on the cached bottlenecks: each photograph is predicted by a layer that learned
//! from other photographs, trained as the run's own layer is.

use super::config::{Config, CrossValidate};
use super::fine_tune::{Rows, Untuned};
use super::plan::recipe;
use crate::bottleneck::Bottlenecks;
use crate::error::Result;
use crate::learn::{Examples, folds, out_of_fold, pick};
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
    let learnable = bottlenecks.learnable(rows);
    let groups = learnable.groups();
    let recipe = recipe(config, labels, seed);
    let truth = &learnable.truth;
    let features = match recipe.may_rotate() && untuned.is_none() {
        true => &learnable.features.clone().rotated(),
        false => &learnable.features,
    };
    let (mut scores, mut accuracies) = (Vec::new(), Vec::new());
    for repeat in 0..repeats {
        let fold_of = folds(k, truth, &groups, seed.wrapping_add(repeat as u64));
        let train = |rows: &[usize]| {
            let (truth, groups) = (&pick(truth, rows), &pick(&groups, rows));
            let (features, weights) = (&features.select(rows), &pick(&learnable.weights, rows));
            recipe.train(Examples { features, truth, groups, weights })
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
        accuracies.extend((0..k).map(|fold| accuracy(fold, &fold_of, truth, &of_repeat)));
        scores.push(of_repeat);
    }
    let all = || scores.iter().flat_map(|of_repeat| truth.iter().zip(of_repeat));
    let (accuracy_mean, accuracy_sd) = mean_and_sd(&accuracies);
    let Some(calibration) = Calibration::of(all().map(|(&truth, row)| (truth, &row[..]))) else {
        return Ok(None);
    };
    let confusion = Confusion::of(labels.len(), all().map(|(&truth, row)| (truth, argmax(row))));
    Ok(Some(CrossValidation {
        folds: k,
        repeats,
        accuracy_mean,
        accuracy_sd,
        ece: calibration.ece,
        confusion,
        scores: scores.swap_remove(0),
        seconds: start.elapsed().as_secs_f64(),
    }))
}

/// The share of a fold's photographs that was recognised.
fn accuracy(fold: usize, fold_of: &[usize], truth: &[usize], scores: &[Vec<f32>]) -> f64 {
    let held = || (0..truth.len()).filter(|&i| fold_of[i] == fold);
    let right = held().filter(|&i| argmax(&scores[i]) == truth[i]).count();
    right as f64 / held().count().max(1) as f64
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (mean, variance.sqrt())
}
