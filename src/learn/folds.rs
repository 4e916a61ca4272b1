//! Folds for cross-validation: stratified by class, with groups kept together.

use super::{Logistic, Objective};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// The fold, 0 to `k` − 1, of each photograph.
///
/// Photographs of one group (given as equal bytes) are in one fold. Each class is spread evenly:
/// its groups, shuffled by `seed` and the large ones first, go to the fold that has the fewest of
/// the class, and among those to the fold with the fewest photographs.
#[must_use]
pub fn folds(k: usize, truth: &[usize], groups: &[&[u8]], seed: u64) -> Vec<usize> {
    let mut members: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (photograph, group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(photograph);
    }
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    members.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    members.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let classes = truth.iter().max().map_or(0, |most| most + 1);
    let mut per_class = vec![vec![0; classes]; k];
    let mut sizes = vec![0; k];
    let mut fold_of = vec![0; truth.len()];
    for group in members {
        let class = truth[group[0]];
        let fewest = (0..k).min_by_key(|&fold| (per_class[fold][class], sizes[fold]));
        let Some(fold) = fewest else { break };
        for photograph in group {
            fold_of[photograph] = fold;
            per_class[fold][truth[photograph]] += 1;
            sizes[fold] += 1;
        }
    }
    fold_of
}

/// The scores of each photograph by a logistic regression that was trained on the other folds.
/// `None` if some fold would leave fewer than two classes to learn from.
#[must_use]
pub fn out_of_fold(objective: Objective<'_>, fold_of: &[usize]) -> Option<Vec<Vec<f32>>> {
    let k = fold_of.iter().max()? + 1;
    let mut scores = vec![Vec::new(); fold_of.len()];
    for fold in 0..k {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..fold_of.len()).partition(|&i| fold_of[i] == fold);
        let truth: Vec<usize> = rest.iter().map(|&i| objective.truth[i]).collect();
        if truth.iter().all(|&class| class == truth[0]) {
            return None;
        }
        let weights = &objective.sample_weights;
        let weights: Vec<f64> = rest.iter().filter_map(|&i| weights.get(i).copied()).collect();
        let model = Logistic::fit(Objective {
            features: &objective.features.select(&rest),
            truth: &truth,
            sample_weights: &weights,
            ..objective
        });
        let predicted: Vec<Vec<f32>> = model.predict(&objective.features.select(&held));
        held.into_iter().zip(predicted).for_each(|(i, row): (usize, Vec<f32>)| scores[i] = row);
    }
    Some(scores)
}
