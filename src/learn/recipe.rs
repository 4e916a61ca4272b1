//! How a new layer is trained: what the settings say, and the same training without a graph.

use super::descent::{Descent, Rule, descend};
use super::{Features, Logistic, Objective, Precision, Scaling, folds, out_of_fold};
use std::collections::BTreeMap;

/// What minimises the loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Optimizer {
    /// The scripts' gradient descent on batches.
    #[default]
    Sgd,
    /// Adam on batches; with weight decay, AdamW.
    Adam,
    /// L-BFGS on all training photographs, to convergence.
    Lbfgs,
}

/// The strength λ of the penalty ½λ‖W‖² beside the mean loss of a photograph.
///
/// For L-BFGS and n photographs, scikit-learn's `C` is 1/(λn). For Adam, λ is the decay of AdamW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightDecay {
    /// This strength; 0 for no penalty.
    Value(f64),
    /// The strength that predicts held-out training photographs best.
    Auto,
}

/// How much the photographs of each class count.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ClassWeights {
    /// Each 1.
    #[default]
    None,
    /// Each class the same in all: n / (classes · n of the class).
    Balanced,
    /// By label; labels that are not named count 1.
    ByLabel(BTreeMap<String, f64>),
}

/// Photographs in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// All of them.
    All,
    /// So many, drawn at random.
    Of(usize),
}

/// How a new layer is trained.
#[derive(Debug, Clone)]
pub struct Recipe<'a> {
    /// What minimises the loss.
    pub optimizer: Optimizer,
    /// The strength of the penalty.
    pub weight_decay: WeightDecay,
    /// Whether features are scaled to mean 0 and standard deviation 1.
    pub scaled: bool,
    /// How much each class counts.
    pub class_weights: &'a ClassWeights,
    /// ε: the share of each label that is spread over all classes.
    pub label_smoothing: f64,
    /// Steps of SGD and Adam.
    pub steps: u64,
    /// Their step size.
    pub learning_rate: f64,
    /// Their batches.
    pub batch: Batch,
    /// The labels, by class index.
    pub labels: &'a [String],
    /// The seed of batches and inner folds.
    pub seed: u64,
}

/// Photographs to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// Their features.
    pub features: &'a Features,
    /// The class of each.
    pub truth: &'a [usize],
    /// What holds some of them together; empty if nothing has to.
    pub groups: &'a [&'a [u8]],
    /// How much each counts: 2 is as if it were there twice. Empty for 1 each.
    pub weights: &'a [f64],
}

impl<'a> Examples<'a> {
    /// Photographs that count the same, and that nothing holds together.
    #[must_use]
    pub fn new(features: &'a Features, truth: &'a [usize]) -> Self {
        Self { features, truth, groups: &[], weights: &[] }
    }

    fn weight(&self, i: usize) -> f64 {
        self.weights.get(i).copied().unwrap_or(1.0)
    }

    /// How many there are, each counted as much as it weighs.
    #[must_use]
    pub fn total(&self) -> f64 {
        (0..self.truth.len()).map(|i| self.weight(i)).sum()
    }
}

/// Where no penalty is wanted, L-BFGS still needs a minimum to converge to.
const WEAKEST: f64 = 1e-12;
/// The values of `C` that `Auto` tries: decades from 10⁻⁵ to 10³.
const CS: std::ops::RangeInclusive<i32> = -5..=3;
/// Its inner folds.
const INNER_FOLDS: usize = 3;

impl Recipe<'_> {
    /// The weight of each class, for these training photographs.
    #[must_use]
    pub fn class_weights(&self, examples: &Examples<'_>) -> Vec<f64> {
        let classes = self.labels.len();
        match &self.class_weights {
            ClassWeights::None => vec![1.0; classes],
            ClassWeights::Balanced => {
                let mut counts = vec![0.0; classes];
                let each = examples.truth.iter().enumerate();
                each.for_each(|(i, &class)| counts[class] += examples.weight(i));
                let present = counts.iter().filter(|&&n| n > 0.0).count().max(1) as f64;
                let total = examples.total();
                let weight = |&n: &f64| if n > 0.0 { total / (present * n) } else { 1.0 };
                counts.iter().map(weight).collect()
            }
            ClassWeights::ByLabel(weights) => {
                self.labels.iter().map(|label| weights.get(label).copied().unwrap_or(1.0)).collect()
            }
        }
    }

    /// The `C` of L-BFGS for a penalty λ and `n` photographs.
    #[must_use]
    pub fn c(weight_decay: f64, n: f64) -> f64 {
        1.0 / (weight_decay.max(WEAKEST) * n.max(1.0))
    }

    /// The penalty λ for these training photographs.
    #[must_use]
    pub fn weight_decay(&self, examples: Examples<'_>) -> f64 {
        let Examples { features, truth, groups, weights } = examples;
        let decay = match self.weight_decay {
            WeightDecay::Value(decay) => return decay,
            WeightDecay::Auto => |c: f64| 1.0 / (c * examples.total()),
        };
        let fold_of = folds(INNER_FOLDS.min(truth.len()), truth, groups, self.seed);
        let loss = |c: f64| {
            let fit = |rows: &[usize]| {
                let (truth, weights) = (pick(truth, rows), pick(weights, rows));
                let features = &features.select(rows);
                let some = Examples { features, truth: &truth, groups: &[], weights: &weights };
                self.logistic(some, c, Precision::Low)
            };
            let scores = out_of_fold(features, truth, &fold_of, fit)?;
            let own = scores.iter().zip(truth).map(|(row, &class)| f64::from(row[class]));
            let losses = own.enumerate().map(|(i, p)| -p.max(1e-15).ln() * examples.weight(i));
            Some(losses.sum::<f64>())
        };
        let tried = CS.map(|power| 10.0_f64.powi(power));
        let losses = tried.filter_map(|c| Some((c, loss(c)?)));
        let best = losses.min_by(|a, b| a.1.total_cmp(&b.1));
        decay(best.map_or(1.0, |(c, _)| c))
    }

    fn logistic(&self, examples: Examples<'_>, c: f64, precision: Precision) -> Logistic {
        let Examples { features, truth, .. } = examples;
        let weights = self.class_weights(&examples);
        let each = truth.iter().enumerate();
        let sample_weights: Vec<f64> =
            each.map(|(i, &class)| weights[class] * examples.weight(i)).collect();
        Logistic::fit(Objective {
            features,
            truth,
            sample_weights: &sample_weights,
            classes: self.labels.len(),
            c,
            label_smoothing: self.label_smoothing,
            precision,
        })
    }

    /// Trains a classifier. It takes features as they are given, whether or not it was trained on
    /// scaled ones.
    #[must_use]
    pub fn train(&self, examples: Examples<'_>) -> Logistic {
        if !self.scaled {
            return self.train_plain(examples);
        }
        let scaling = Scaling::of(examples.features);
        let features = &scaling.scaled(examples.features);
        scaling.fold(&self.train_plain(Examples { features, ..examples }))
    }

    /// Trains in rotated coordinates where that is sooner and gives the same.
    fn train_plain(&self, examples: Examples<'_>) -> Logistic {
        let rotation = match self.optimizer {
            Optimizer::Lbfgs => examples.features.rotation(),
            Optimizer::Sgd | Optimizer::Adam => None,
        };
        let Some((rotated, back)) = rotation else { return self.train_here(examples) };
        let Logistic { weights, biases } =
            self.train_here(Examples { features: &rotated, ..examples });
        let classes = self.labels.len();
        Logistic { weights: back.back(examples.features, &weights, classes), biases }
    }

    fn train_here(&self, examples: Examples<'_>) -> Logistic {
        let Examples { features, truth, weights, .. } = examples;
        let decay = self.weight_decay(examples);
        let rule = match self.optimizer {
            Optimizer::Lbfgs => {
                let c = Self::c(decay, examples.total());
                return self.logistic(examples, c, Precision::Full);
            }
            Optimizer::Sgd => Rule::Plain,
            Optimizer::Adam => Rule::Adam,
        };
        descend(Descent {
            features,
            truth,
            weights,
            class_weights: &self.class_weights(&examples),
            label_smoothing: self.label_smoothing,
            batch_size: match self.batch {
                Batch::All => None,
                Batch::Of(size) => Some(size),
            },
            steps: self.steps,
            learning_rate: self.learning_rate,
            weight_decay: decay,
            rule,
            seed: self.seed,
        })
    }

    /// Whether the training gives the same answers in coordinates that are rotated: what
    /// [`Features::rotated`] makes faster. Adam and scaling look at single features.
    #[must_use]
    pub fn may_rotate(&self) -> bool {
        self.optimizer != Optimizer::Adam && !self.scaled
    }
}

/// The elements at these indices; none of an empty slice, which stands for a default.
pub(crate) fn pick<T: Copy>(all: &[T], rows: &[usize]) -> Vec<T> {
    if all.is_empty() { Vec::new() } else { rows.iter().map(|&row| all[row]).collect() }
}
