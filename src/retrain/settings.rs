//! The settings of a run by name, as the metadata, the report and TensorBoard show them.

use super::config::{BatchOrder, Config, OnBadImage, Pretrained, ReportDir};
use crate::dataset::{Cutouts, Formats, Source};
use crate::layers::Distortions;
use crate::learn::{ClassWeights, Optimizer, WeightDecay};
use crate::model::OwnGraph;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A number as it was typed: 0.01, which a float32 turns into 0.009999999776482582.
fn decimal(number: f32) -> Value {
    json!(number.to_string().parse::<f64>().unwrap_or(f64::from(number)))
}

impl Config {
    /// Every setting by the name of its flag, with defaults filled in.
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        let path = |path: &Path| json!(path.to_string_lossy());
        let size = |size: Option<usize>| size.map_or(json!(-1), |size| json!(size));
        let (training, outputs, cache) = (&self.training, &self.outputs, &self.cache);
        let head = &self.head;
        let (name, model) = match &self.pretrained {
            Pretrained::Architecture(info) => ("architecture", json!(info.architecture)),
            Pretrained::OwnGraph(own) => ("architecture", path(&own.path)),
            Pretrained::HubModule(handle) => ("tfhub_module", json!(handle)),
        };
        let (formats, recursive) = match &self.photographs {
            Source::Directory(directory) => (directory.formats.name(), directory.recursive),
            Source::Catalogue(_) => (Formats::All.name(), false),
        };
        let none = Distortions::default();
        let distortions = training.distortions.as_ref().unwrap_or(&none);
        let skips = self.on_bad_image == OnBadImage::Skip;
        let entries = [
            (name, model),
            ("symmetry", json!(self.symmetry.name())),
            (self.photographs.setting(), path(self.photographs.place())),
            ("formats", json!(formats)),
            ("recursive", json!(recursive)),
            ("split_key", json!(self.split.split_key.name())),
            ("testing_percentage", json!(self.split.testing_percentage)),
            ("validation_percentage", json!(self.split.validation_percentage)),
            ("on_bad_image", json!(if skips { "skip" } else { "fail" })),
            ("bottleneck_dir", path(&cache.bottleneck_dir)),
            ("how_many_training_steps", json!(training.how_many_training_steps)),
            ("learning_rate", decimal(training.learning_rate)),
            ("eval_step_interval", json!(training.eval_step_interval)),
            ("train_batch_size", size(training.train_batch_size)),
            ("test_batch_size", size(training.test_batch_size)),
            ("validation_batch_size", size(training.validation_batch_size)),
            ("flip_left_right", json!(distortions.flip_left_right)),
            ("random_crop", json!(distortions.random_crop)),
            ("random_scale", json!(distortions.random_scale)),
            ("random_brightness", json!(distortions.random_brightness)),
            ("flip_up_down", json!(distortions.flip_up_down)),
            ("rotate_right_angles", json!(distortions.rotate_right_angles)),
            ("rotate_degrees", json!(distortions.rotate_degrees)),
            ("optimizer", json!(optimizer_name(head.optimizer))),
            ("weight_decay", weight_decay(head.weight_decay)),
            ("feature_scaling", json!(if head.feature_scaling { "standard" } else { "none" })),
            ("class_weights", class_weights(&head.class_weights)),
            ("label_smoothing", json!(head.label_smoothing)),
            ("early_stopping", json!(head.early_stopping.unwrap_or(0))),
            ("cross_validate", json!(self.cross_validate.map_or(0, |cv| cv.folds))),
            ("output_graph", path(&outputs.output_graph)),
            ("output_labels", path(&outputs.output_labels)),
            ("final_tensor_name", json!(outputs.final_tensor_name)),
            ("summaries_dir", path(&outputs.summaries_dir)),
            ("saved_model_dir", outputs.saved_model_dir.as_deref().map_or(json!(""), path)),
        ];
        let mut settings: Map<String, Value> =
            entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        settings.extend(self.reading.settings());
        if let Pretrained::OwnGraph(OwnGraph { signature: Some(signature), .. }) = &self.pretrained
        {
            settings.insert("signature".into(), json!(signature));
        }
        if let Some(tune) = &training.fine_tune {
            settings.insert("fine_tune".into(), json!(tune.layers.to_string()));
            settings.insert("fine_tune_learning_rate".into(), json!(tune.learning_rate));
            settings.insert("fine_tune_epochs".into(), json!(tune.epochs));
        }
        if training.batch_order != BatchOrder::Random {
            settings.insert("batch_order".into(), json!(training.batch_order.name()));
        }
        if let Some(file) = &self.split.split_file {
            settings.insert("split_file".into(), path(file));
        }
        if let Source::Catalogue(catalogue) = &self.photographs {
            if !catalogue.columns.names.is_empty() {
                settings.insert("image_list_columns".into(), json!(catalogue.columns.to_string()));
            }
            if let Some(Cutouts { frame, size, origin, .. }) = &catalogue.cutouts {
                settings.insert("image_dir".into(), path(frame));
                settings.insert("cutout_size".into(), json!(size));
                settings.insert("cutout_origin".into(), json!(origin));
            }
        }
        if let ReportDir::At(dir) = &outputs.report {
            settings.insert("report_dir".into(), path(dir));
        }
        settings
    }
}

/// The word for an optimizer.
pub(super) fn optimizer_name(optimizer: Optimizer) -> &'static str {
    match optimizer {
        Optimizer::Sgd => "sgd",
        Optimizer::Adam => "adam",
        Optimizer::Lbfgs => "lbfgs",
    }
}

/// λ, or "auto".
pub(super) fn weight_decay(decay: WeightDecay) -> Value {
    match decay {
        WeightDecay::Value(decay) => json!(decay),
        WeightDecay::Auto => json!("auto"),
    }
}

/// "none", "balanced", or the weights by label.
pub(super) fn class_weights(weights: &ClassWeights) -> Value {
    match weights {
        ClassWeights::None => json!("none"),
        ClassWeights::Balanced => json!("balanced"),
        ClassWeights::ByLabel(weights) => json!(weights),
    }
}
