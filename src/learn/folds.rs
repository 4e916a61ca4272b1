//! Folds for cross-validation: stratified by class, with groups kept together.

use super::{Features, Logistic};
use crate::parallel;
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

/// The scores of each photograph by a classifier that `train` made from the rows of the other
/// folds. `None` if some fold leaves fewer than two classes to learn from. The folds are spread
/// over all cores.
pub fn out_of_fold(
    features: &Features,
    truth: &[usize],
    fold_of: &[usize],
    train: impl Fn(&[usize]) -> Logistic + Sync,
) -> Option<Vec<Vec<f32>>> {
    let k = fold_of.iter().max()? + 1;
    let rows = |of_fold: bool, fold: usize| -> Vec<usize> {
        (0..fold_of.len()).filter(|&i| (fold_of[i] == fold) == of_fold).collect()
    };
    let learns = |rest: &[usize]| rest.iter().any(|&i| truth[i] != truth[rest[0]]);
    if !(0..k).all(|fold| learns(&rows(false, fold))) {
        return None;
    }
    let one = |fold: usize| {
        let held = rows(true, fold);
        let scores = train(&rows(false, fold)).predict(&features.select(&held));
        held.into_iter().zip(scores).collect::<Vec<_>>()
    };
    let mut scores = vec![Vec::new(); fold_of.len()];
    for (i, row) in parallel::map(k, one).into_iter().flatten() {
        scores[i] = row;
    }
    Some(scores)
}
