//! How the new layer will be trained, once its training photographs are known: class weights as
//! numbers, the penalty, the scaling of features.

use super::config::{Config, Head};
use crate::bottleneck::{Bottlenecks, ScaledRows};
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::layers::{LossSpec, StepRule, StepSpec};
use crate::learn::{
    Batch, ClassWeights, Examples, Features, Logistic, Objective, Optimizer, Precision, Recipe,
    Scaling, WeightDecay,
};
use crate::model::Backbone;
use crate::proto::{TensorProto, float_tensor, floats};
use crate::tf::NamedTensor;

/// How the new layer will be trained.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) loss: LossSpec,
    pub(super) step: StepSpec,
    /// How features are scaled during training.
    pub(super) scaling: Option<Scaling>,
    pub(super) optimizer: Optimizer,
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
    pub(super) fn new(
        config: &Config,
        bottlenecks: &Bottlenecks<'_>,
        lists: &ImageLists,
        seed: u64,
    ) -> Self {
        let Head { optimizer, label_smoothing, class_weights, .. } = &config.head;
        let labels: Vec<String> = lists.labels.iter().map(|l| l.label.clone()).collect();
        let rows: Vec<usize> =
            bottlenecks.members(Category::Training).iter().flatten().copied().collect();
        let recipe = recipe(config, &labels, seed);
        let truth: Vec<usize> = rows.iter().map(|&row| bottlenecks.classes[row]).collect();
        let weights = match class_weights {
            ClassWeights::None => Vec::new(),
            _ => {
                let (features, weights) = (&Features::new(0, []), &bottlenecks.weights(&rows));
                let examples = Examples { features, truth: &truth, groups: &[], weights };
                recipe.class_weights(&examples).into_iter().map(|w| w as f32).collect()
            }
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
        if config.head.feature_scaling {
            let plain = ScaledRows { bottlenecks, rows: &rows, scaling: None };
            plan.scaling = Some(Scaling::of(&plain));
        }
        let decay = match config.head.weight_decay {
            WeightDecay::Value(decay) => decay,
            WeightDecay::Auto => {
                let learnable = bottlenecks.learnable(&rows);
                let features = match &plan.scaling {
                    None => learnable.features.clone(),
                    Some(scaling) => scaling.scaled(&learnable.features),
                };
                recipe.weight_decay(Examples {
                    features: &features.rotated(),
                    truth: &learnable.truth,
                    groups: &learnable.groups(),
                    weights: &learnable.weights,
                })
            }
        };
        plan.step.weight_decay = decay as f32;
        plan
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
        let truth: Vec<usize> = rows.iter().map(|&row| bottlenecks.classes[row]).collect();
        let weights = bottlenecks.weights(&rows);
        let of_class = |class: usize| self.loss.class_weights.get(class).map_or(1.0, |&w| w.into());
        let own = |i: usize| weights.get(i).copied().unwrap_or(1.0);
        let sample_weights: Vec<f64> =
            truth.iter().enumerate().map(|(i, &class)| of_class(class) * own(i)).collect();
        let total: f64 = (0..truth.len()).map(own).sum();
        let classes = biases(&layer).len();
        let model = Logistic::fit(Objective {
            features: &ScaledRows { bottlenecks, rows: &rows, scaling: self.scaling.as_ref() },
            truth: &truth,
            sample_weights: &sample_weights,
            classes,
            c: Recipe::c(self.step.weight_decay.into(), total),
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
    layer.iter_mut().zip(tensors(model)).for_each(|((_, value), tensor)| *value = tensor);
    layer
}

/// The weights and biases of a model as a layer's variables have them.
pub(super) fn tensors(model: &Logistic) -> [TensorProto; 2] {
    let classes = model.biases.len() as i64;
    let size = model.weights.len() as i64 / classes.max(1);
    let tensor = |dims: &[i64], values: &[f64]| {
        float_tensor(dims, &values.iter().map(|&x| x as f32).collect::<Vec<f32>>())
    };
    [tensor(&[size, classes], &model.weights), tensor(&[classes], &model.biases)]
}

/// Checks what needs the labels and the network, before bottlenecks are computed.
///
/// # Errors
/// If a class weight names a label that there is not, or the network is prepared for quantization
/// and the optimizer would ignore the ranges of its numbers.
pub(super) fn check(config: &Config, backbone: &Backbone, lists: &ImageLists) -> Result<()> {
    let Head { optimizer, feature_scaling, class_weights, .. } = &config.head;
    let ignores_ranges = *optimizer == Optimizer::Lbfgs || *feature_scaling;
    if backbone.wants_quantization && ignores_ranges {
        let setting = if *feature_scaling { "feature_scaling" } else { "optimizer=lbfgs" };
        let message = "does not work with a network prepared for quantization; leave it out";
        return Err(Error::usage(setting, message));
    }
    let ClassWeights::ByLabel(weights) = class_weights else { return Ok(()) };
    let labels: Vec<&str> = lists.labels.iter().map(|l| l.label.as_str()).collect();
    match weights.keys().find(|label| !labels.contains(&label.as_str())) {
        None => Ok(()),
        Some(label) => {
            let message =
                format!("names '{label}', which is no label; there are: {}", labels.join(", "));
            Err(Error::usage("class_weights", message))
        }
    }
}
