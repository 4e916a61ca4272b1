//! Logistic regression and folds, against scikit-learn and against what they promise.

use super::support::{ask_peer, python};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::learn::{
    Batch, ClassWeights, Examples, Features, Logistic, Objective, Optimizer, Precision, Recipe,
    Scaling, WeightDecay, folds,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Points around one centre per class, that overlap.
fn points(n: usize, width: usize, classes: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let truth: Vec<usize> = (0..n).map(|i| i % classes).collect();
    let row = |class: usize, random: &mut ChaCha8Rng| {
        let value = |j: usize, random: &mut ChaCha8Rng| {
            let centre = if j % classes == class { 0.4 } else { 0.0 };
            centre + random.random_range(-1.0..1.0_f32)
        };
        (0..width).map(|j| value(j, random)).collect()
    };
    let rows = truth.iter().map(|&class| row(class, &mut random)).collect();
    (rows, truth)
}

#[test]
fn probabilities_are_those_of_scikit_learn() {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    for (n, width, classes, c, weighted) in [
        (138, 200, 2, 1.0, false),
        (138, 200, 2, 0.01, true),
        (300, 20, 3, 10.0, false),
        (90, 150, 4, 1.0, true),
    ] {
        let (rows, truth) = points(n, width, classes);
        let weights: Vec<f64> = if weighted {
            truth.iter().map(|&class| 1.0 + class as f64).collect()
        } else {
            Vec::new()
        };
        let request = json!({ "features": rows, "truth": truth, "weights": weights, "c": c });
        let answer: Value = ask_peer(&python, "logistic.py", &request);
        let features = Features::new(width, rows.iter().map(Vec::as_slice));
        for features in [features.clone(), features.rotated()] {
            let objective = Objective {
                features: &features,
                truth: &truth,
                sample_weights: &weights,
                classes,
                c,
                label_smoothing: 0.0,
                precision: Precision::Full,
            };
            let predicted = Logistic::fit(objective).predict(&features);
            for (row, theirs) in predicted.iter().zip(answer.as_array().unwrap()) {
                for (ours, theirs) in row.iter().zip(theirs.as_array().unwrap()) {
                    let theirs = theirs.as_f64().unwrap();
                    assert!(
                        (f64::from(*ours) - theirs).abs() < 1e-3,
                        "{n}×{width}: {ours} {theirs}"
                    );
                }
            }
        }
    }
}

/// The recipe's L-BFGS works in rotated coordinates; its weights are of the features themselves.
#[test]
fn a_recipe_gives_weights_of_the_features_it_was_given() {
    let (rows, truth) = points(60, 90, 3);
    let features = Features::new(90, rows.iter().map(Vec::as_slice));
    let labels = ["a", "b", "c"].map(String::from);
    for scaled in [false, true] {
        let recipe = Recipe {
            optimizer: Optimizer::Lbfgs,
            weight_decay: WeightDecay::Value(0.01),
            scaled,
            class_weights: &ClassWeights::None,
            label_smoothing: 0.0,
            steps: 0,
            learning_rate: 0.0,
            batch: Batch::All,
            labels: &labels,
            seed: 1,
        };
        let ours = recipe.train(Examples::new(&features, &truth));
        let scaling = Scaling::of(&features);
        let plain = if scaled { scaling.scaled(&features) } else { features.clone() };
        let direct = Logistic::fit(Objective {
            features: &plain,
            truth: &truth,
            sample_weights: &[],
            classes: 3,
            c: Recipe::c(0.01, 60.0),
            label_smoothing: 0.0,
            precision: Precision::Full,
        });
        let direct = if scaled { scaling.fold(&direct) } else { direct };
        for (ours, direct) in ours.weights.iter().zip(&direct.weights) {
            assert!((ours - direct).abs() < 1e-4, "{scaled}: {ours} {direct}");
        }
    }
}

#[test]
fn rotated_features_have_the_same_inner_products() {
    let (mut rows, _) = points(12, 40, 2);
    // A copy and a multiple lower the rank.
    rows.push(rows[0].clone());
    rows.push(rows[1].iter().map(|x| 2.0 * x).collect());
    let features = Features::new(40, rows.iter().map(Vec::as_slice));
    let rotated = features.clone().rotated();
    assert_eq!((rotated.len(), rotated.width), (14, 12));
    let product = |f: &Features, a: usize, b: usize| -> f64 {
        f.row(a).iter().zip(f.row(b)).map(|(x, y)| x * y).sum()
    };
    for a in 0..14 {
        for b in 0..14 {
            assert!((product(&features, a, b) - product(&rotated, a, b)).abs() < 1e-9);
        }
    }
}

#[test]
fn folds_keep_groups_together_and_classes_even() {
    // 40 photographs of one class and 20 of another, in groups of one to four.
    let truth: Vec<usize> = (0..60).map(|i| usize::from(i >= 40)).collect();
    let names: Vec<String> =
        truth.iter().enumerate().map(|(i, class)| format!("{class}/{}", i / (1 + i % 4))).collect();
    let groups: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let fold_of = folds(5, &truth, &groups, 3);
    let mut fold_of_group = HashMap::new();
    for (group, fold) in groups.iter().zip(&fold_of) {
        assert_eq!(fold_of_group.entry(group).or_insert(fold), &fold);
    }
    for (class, expected) in [(0, 8), (1, 4)] {
        for fold in 0..5 {
            let held = (0..60).filter(|&i| truth[i] == class && fold_of[i] == fold).count();
            assert!(held.abs_diff(expected) <= 2, "fold {fold} has {held} of class {class}");
        }
    }
    assert_ne!(fold_of, folds(5, &truth, &groups, 4), "the seed shuffles");
    assert_eq!(fold_of, folds(5, &truth, &groups, 3));
}
