//! How the new layer will be trained, once its training photographs are known: class weights as
//! numbers, the penalty, the scaling of features.

use super::config::{Config, Head};
use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, ImageLists, hash_name};
use crate::error::{Error, Result};
use crate::layers::{LossSpec, StepRule, StepSpec};
use crate::learn::{
    Batch, ClassWeights, Features, Logistic, Objective, Optimizer, Precision, Recipe, Scaling,
    WeightDecay,
};
use crate::model::Backbone;
use crate::proto::{float_tensor, floats};
use crate::tf::NamedTensor;
use std::borrow::Cow;

/// How the new layer will be trained.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) loss: LossSpec,
    pub(super) step: StepSpec,
    /// How features are scaled during training.
    pub(super) scaling: Option<Scaling>,
    pub(super) optimizer: Optimizer,
}

/// Photographs as a recipe takes them.
pub(super) struct Learnable<'a> {
    pub(super) features: Features,
    pub(super) truth: Vec<usize>,
    groups: Vec<Cow<'a, [u8]>>,
}

impl<'a> Learnable<'a> {
    /// These rows of the bottlenecks.
    pub(super) fn of(bottlenecks: &'a Bottlenecks<'_>, rows: &[usize]) -> Self {
        let features =
            Features::new(bottlenecks.size, rows.iter().map(|&row| bottlenecks.row(row)));
        let group = |&row: &usize| hash_name(bottlenecks.paths[row].as_os_str().as_encoded_bytes());
        Self {
            features,
            truth: rows.iter().map(|&row| bottlenecks.classes[row]).collect(),
            groups: rows.iter().map(group).collect(),
        }
    }

    pub(super) fn groups(&self) -> Vec<&[u8]> {
        self.groups.iter().map(|group| &**group).collect()
    }
}

/// The settings as a recipe for training without a graph.
pub(super) fn recipe<'a>(config: &'a Config, labels: &'a [String], seed: u64) -> Recipe<'a> {
    let (head, training) = (&config.head, &config.training);
    Recipe {
        optimizer: head.optimizer,
        weight_decay: head.weight_decay,
        scaled: head.feature_scaling,
        class_weights: &head.class_weights,
        label_smoothing: f64::from(head.label_smoothing),
        steps: training.how_many_training_steps,
        learning_rate: f64::from(training.learning_rate),
        batch: training.train_batch_size.map_or(Batch::All, Batch::Of),
        labels,
        seed,
    }
}

impl Plan {
    /// The plan for these training photographs.
    ///
    /// # Errors
    /// If a class weight names a label that there is not, or the network is prepared for
    /// quantization and the optimizer would ignore the ranges of its numbers.
    pub(super) fn new(
        config: &Config,
        backbone: &Backbone,
        bottlenecks: &Bottlenecks<'_>,
        lists: &ImageLists,
        seed: u64,
    ) -> Result<Self> {
        let Head { optimizer, label_smoothing, class_weights, .. } = &config.head;
        let labels: Vec<String> = lists.labels.iter().map(|l| l.label.clone()).collect();
        check_class_weights(class_weights, &labels)?;
        let ignores_ranges = *optimizer == Optimizer::Lbfgs || config.head.feature_scaling;
        if backbone.wants_quantization && ignores_ranges {
            let setting = match config.head.feature_scaling {
                true => "feature_scaling",
                false => "optimizer=lbfgs",
            };
            let message = "does not work with a network prepared for quantization; leave it out";
            return Err(Error::usage(setting, message));
        }
        let rows: Vec<usize> =
            bottlenecks.members(Category::Training).iter().flatten().copied().collect();
        let recipe = recipe(config, &labels, seed);
        let truth: Vec<usize> = rows.iter().map(|&row| bottlenecks.classes[row]).collect();
        let weights = match class_weights {
            ClassWeights::None => Vec::new(),
            _ => recipe.class_weights(&truth).into_iter().map(|w| w as f32).collect(),
        };
        let mut plan = Self {
            loss: LossSpec { class_weights: weights, label_smoothing: *label_smoothing },
            step: StepSpec {
                rule: match optimizer {
                    Optimizer::Adam => StepRule::Adam,
                    Optimizer::Sgd | Optimizer::Lbfgs => StepRule::GradientDescent,
                },
                learning_rate: config.training.learning_rate,
                weight_decay: 0.0,
            },
            scaling: None,
            optimizer: *optimizer,
        };
        let decay = match config.head.weight_decay {
            WeightDecay::Value(decay) if !config.head.feature_scaling => decay,
            _ => {
                let mut learnable = Learnable::of(bottlenecks, &rows);
                if config.head.feature_scaling {
                    let scaling = Scaling::of(&learnable.features);
                    learnable.features = scaling.scaled(&learnable.features);
                    plan.scaling = Some(scaling);
                }
                let features = learnable.features.clone().rotated();
                recipe.weight_decay(&features, &learnable.truth, &learnable.groups())
            }
        };
        plan.step.weight_decay = decay as f32;
        Ok(plan)
    }

    /// The layer that L-BFGS converges to on all training photographs, in place of the initial
    /// `layer`.
    pub(super) fn solve(
        &self,
        bottlenecks: &Bottlenecks<'_>,
        layer: Vec<NamedTensor>,
    ) -> Vec<NamedTensor> {
        let rows: Vec<usize> =
            bottlenecks.members(Category::Training).iter().flatten().copied().collect();
        let Learnable { mut features, truth, .. } = Learnable::of(bottlenecks, &rows);
        if let Some(scaling) = &self.scaling {
            features = scaling.scaled(&features);
        }
        let weight = |&class: &usize| self.loss.class_weights.get(class).map_or(1.0, |&w| w.into());
        let sample_weights: Vec<f64> = truth.iter().map(weight).collect();
        let classes = biases(&layer).len();
        let model = Logistic::fit(Objective {
            features: &features,
            truth: &truth,
            sample_weights: &sample_weights,
            classes,
            c: Recipe::c(self.step.weight_decay.into(), truth.len()),
            label_smoothing: self.loss.label_smoothing.into(),
            precision: Precision::Full,
        });
        with_model(layer, &model)
    }

    /// The layer as it is exported: it takes features that are not scaled.
    pub(super) fn exported(&self, layer: Vec<NamedTensor>) -> Vec<NamedTensor> {
        let Some(scaling) = &self.scaling else { return layer };
        let numbers = |i: usize| floats(&layer[i].1).iter().map(|&x| x.into()).collect();
        let model = Logistic { weights: numbers(0), biases: numbers(1) };
        let folded = scaling.fold(&model);
        with_model(layer, &folded)
    }
}

/// The numbers of a layer's biases, its second variable.
fn biases(layer: &[NamedTensor]) -> Vec<f32> {
    floats(&layer[1].1)
}

/// The layer with the weights and biases of `model`.
fn with_model(mut layer: Vec<NamedTensor>, model: &Logistic) -> Vec<NamedTensor> {
    let classes = model.biases.len() as i64;
    let size = model.weights.len() as i64 / classes.max(1);
    let numbers = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    layer[0].1 = float_tensor(&[size, classes], &numbers(&model.weights));
    layer[1].1 = float_tensor(&[classes], &numbers(&model.biases));
    layer
}

fn check_class_weights(weights: &ClassWeights, labels: &[String]) -> Result<()> {
    let ClassWeights::ByLabel(weights) = weights else { return Ok(()) };
    match weights.keys().find(|label| !labels.contains(label)) {
        None => Ok(()),
        Some(label) => {
            let message =
                format!("names '{label}', which is no label; there are: {}", labels.join(", "));
            Err(Error::usage("class_weights", message))
        }
    }
}
