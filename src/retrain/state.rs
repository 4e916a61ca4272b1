//! The state of a training run on disk. With `resume`, a run that was killed or stopped continues
//! from it and reaches the same result.
//!
//! It is a single file so that it is written completely or not at all: a GraphDef of constants, one
//! for each variable of the new layer, and one (`retrain/state`) that holds the rest as JSON.

use super::config::Config;
use super::conventions::Conventions;
use super::settings::{class_weights, optimizer_name, weight_decay};
use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, Formats, Source, hash_name};
use crate::error::{Error, Result};
use crate::fsio;
use crate::images::Reading;
use crate::layers::Distortions;
use crate::model::Backbone;
use crate::proto::{self, DataType, GraphDef, TensorProto};
use crate::text::hex;
use crate::tf::NamedTensor;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The constant that holds the JSON.
const NODE: &str = "retrain/state";
/// The JSON's version. Version 1 had no percentages, and kept all distortions under `random_crop`.
const VERSION: u64 = 2;

/// What a run's result depends on, by setting. Resumed with another value, the run would match
/// neither the old settings nor the new ones.
pub(super) type Conditions = Vec<(String, String)>;

/// How far a run has got.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// How many steps are done.
    pub(super) step: u64,
    /// `random_seed`.
    pub(super) seed: u64,
    /// The positions in the random streams that draw batches and that distort images, and in the
    /// epochs.
    pub(super) drawn: [u128; 3],
    pub(super) conditions: Conditions,
    /// What early stopping knows; null without it.
    pub(super) early_stopping: Value,
    /// The variables of the new layer and its optimizer, and the best layer so far.
    pub(super) variables: Vec<NamedTensor>,
}

impl State {
    /// Writes the state, and waits until it is on disk.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let conditions: Map<String, Value> =
            self.conditions.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let rest = json!({
            "version": VERSION,
            "step": self.step,
            "random_seed": self.seed,
            "drawn": self.drawn.map(|d| d.to_string()),
            "conditions": conditions,
            "early_stopping": self.early_stopping,
        });
        let json = TensorProto {
            dtype: DataType::DT_STRING.into(),
            tensor_shape: Some(proto::shape(&[])).into(),
            string_val: vec![rest.to_string().into_bytes()],
            ..TensorProto::default()
        };
        let mut graph = proto::constants(&self.variables);
        graph.node.push(proto::constant(NODE, json));
        fsio::write(path, &proto::serialize(&graph)?)
    }

    /// Reads a state; `None` if the file does not exist.
    ///
    /// # Errors
    /// If the file exists but cannot be read.
    pub(super) fn load(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let bad = || {
            let message = "is not the state of a run; without `resume` the run starts anew";
            Error::input(path, message)
        };
        let graph: GraphDef = proto::parse(path, &fsio::read(path)?).map_err(|_| bad())?;
        let mut values = proto::constant_values(graph).map_err(|_| bad())?;
        let place = values.iter().position(|(name, _)| name == NODE).ok_or_else(bad)?;
        let (_, json) = values.swap_remove(place);
        if !values.iter().all(|(_, value)| is_whole(value)) {
            return Err(bad());
        }
        let json = json.string_val.first().ok_or_else(bad)?;
        let rest: Value = serde_json::from_slice(json).map_err(|_| bad())?;
        Self::parse(&rest, values).ok_or_else(bad).map(Some)
    }

    fn parse(rest: &Value, mut variables: Vec<NamedTensor>) -> Option<Self> {
        let mut conditions = match rest["version"].as_u64()? {
            1 => conditions_of_version_1(&strings(&rest["course"])?),
            VERSION => strings(&rest["conditions"])?,
            _ => return None,
        };
        let drawn = |i: usize| rest["drawn"][i].as_str()?.parse().ok();
        let later = LATER.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (setting, value) in later.chain(reading(&Reading::DEFAULT)) {
            if !conditions.iter().any(|(name, _)| *name == setting) {
                conditions.push((setting, value));
            }
        }
        conditions.sort();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        Some(Self {
            step: rest["step"].as_u64()?,
            seed: rest["random_seed"].as_u64()?,
            // Earlier versions had no epochs.
            drawn: [drawn(0)?, drawn(1)?, drawn(2).unwrap_or(0)],
            conditions,
            early_stopping: rest["early_stopping"].clone(),
            variables,
        })
    }

    /// Fails if a condition differs from what it was when the state was saved.
    pub(super) fn check(&self, conditions: &Conditions, path: &Path) -> Result<()> {
        for (setting, now) in conditions {
            let then = self.conditions.iter().find(|(name, _)| name == setting);
            // Skip conditions that an earlier version did not save.
            let Some((_, then)) = then.filter(|(_, then)| then != now) else { continue };
            let message = format!(
                "differs from the run that {} belongs to ({then}, now {now}); give the old \
                 value, or leave out `resume`",
                path.display()
            );
            return Err(Error::usage(setting.clone(), message));
        }
        Ok(())
    }

    /// Fails if the run has already made more than `steps` steps.
    pub(super) fn check_steps(&self, steps: u64, path: &Path) -> Result<()> {
        if steps >= self.step {
            return Ok(());
        }
        let (done, path) = (self.step, path.display());
        let message = format!(
            "is {steps}, but the run that {path} belongs to has already made {done}; give at \
             least {done}, or leave out `resume`"
        );
        Err(Error::usage("how_many_training_steps", message))
    }
}

/// The strings of a JSON object.
fn strings(object: &Value) -> Option<Conditions> {
    let entries = object.as_object()?.iter();
    entries.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Splits what version 1 kept under `random_crop`: "none", or all four distortions.
fn conditions_of_version_1(course: &Conditions) -> Conditions {
    let mut conditions = Vec::new();
    for (setting, value) in course {
        if setting != "random_crop" {
            conditions.push((setting.clone(), value.clone()));
            continue;
        }
        let value = if value == "none" { "false 0 0 0" } else { value };
        let values = value.split(' ').map(str::to_owned);
        conditions.extend(DISTORTIONS.map(str::to_owned).into_iter().zip(values));
    }
    conditions
}

const DISTORTIONS: [&str; 4] =
    ["flip_left_right", "random_crop", "random_scale", "random_brightness"];

/// Conditions that version 2 got later, with the values that earlier runs had. Those of reading
/// files also came later.
const LATER: [(&str, &str); 15] = [
    ("recursive", "false"),
    ("split_key", "path"),
    ("split_file", "none"),
    ("image_list", "none"),
    ("symmetry", "none"),
    ("flip_up_down", "false"),
    ("rotate_right_angles", "false"),
    ("rotate_degrees", "0"),
    ("optimizer", "sgd"),
    ("weight_decay", "0.0"),
    ("feature_scaling", "none"),
    ("class_weights", "none"),
    ("label_smoothing", "0"),
    ("early_stopping", "0"),
    ("batch_order", "random"),
];

/// Whether a tensor has the number of floats that its shape promises: the shape decides how much
/// memory is allocated.
fn is_whole(tensor: &TensorProto) -> bool {
    let dims = &tensor.tensor_shape.dim;
    let bytes = dims.iter().try_fold(4u64, |n, d| n.checked_mul(d.size.try_into().ok()?));
    let is_float = tensor.dtype.enum_value() == Ok(DataType::DT_FLOAT);
    is_float
        && !tensor.tensor_shape.unknown_rank
        && bytes == Some(tensor.tensor_content.len() as u64)
}

/// The conditions given by the settings alone.
pub(super) fn conditions_of_settings(config: &Config, random_seed: u64) -> Conditions {
    let size = |n: Option<usize>| n.map_or("-1".into(), |n| n.to_string());
    let (training, split) = (&config.training, &config.split);
    let none = Distortions::default();
    let d = training.distortions.as_ref().unwrap_or(&none);
    let distortions = [
        d.flip_left_right.to_string(),
        d.random_crop.to_string(),
        d.random_scale.to_string(),
        d.random_brightness.to_string(),
    ];
    let (formats, recursive) = match &config.photographs {
        Source::Directory(directory) => (directory.formats.name(), directory.recursive),
        Source::Catalogue(_) => (Formats::All.name(), false),
    };
    let entries = [
        ("random_seed", random_seed.to_string()),
        ("symmetry", config.symmetry.name().to_owned()),
        ("flip_up_down", d.flip_up_down.to_string()),
        ("rotate_right_angles", d.rotate_right_angles.to_string()),
        ("rotate_degrees", d.rotate_degrees.to_string()),
        ("learning_rate", training.learning_rate.to_string()),
        ("recursive", recursive.to_string()),
        ("formats", formats),
        ("split_key", split.split_key.name().to_owned()),
        ("testing_percentage", split.testing_percentage.to_string()),
        ("validation_percentage", split.validation_percentage.to_string()),
        ("train_batch_size", size(training.train_batch_size)),
        ("validation_batch_size", size(training.validation_batch_size)),
        ("batch_order", training.batch_order.name().into()),
        ("eval_step_interval", training.eval_step_interval.to_string()),
        ("final_tensor_name", config.outputs.final_tensor_name.clone()),
        ("optimizer", optimizer_name(config.head.optimizer).into()),
        ("weight_decay", word(&weight_decay(config.head.weight_decay))),
        ("feature_scaling", if config.head.feature_scaling { "standard" } else { "none" }.into()),
        ("class_weights", word(&class_weights(&config.head.class_weights))),
        ("label_smoothing", config.head.label_smoothing.to_string()),
        ("early_stopping", config.head.early_stopping.unwrap_or(0).to_string()),
    ];
    let entries = entries.into_iter().chain(DISTORTIONS.into_iter().zip(distortions));
    let entries = entries.map(|(setting, value)| (setting.to_owned(), value));
    entries.chain(reading(&config.reading)).collect()
}

/// How files become pixels, as conditions.
fn reading(reading: &Reading) -> impl Iterator<Item = (String, String)> + use<> {
    reading.settings().into_iter().map(|(name, value)| (name, word(&value)))
}

/// A JSON value as a condition: a string without its quotes.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The conditions given by the files that settings name.
pub(super) fn conditions_of_files(
    conventions: &Conventions,
    backbone: &Backbone,
    config: &Config,
    bottlenecks: &Bottlenecks<'_>,
) -> Conditions {
    let model = format!("{} {}", backbone.name, short(&backbone.content_hash));
    let none = || "none".to_owned();
    let (image_dir, image_list) = match &config.photographs {
        Source::Directory(_) => (images(bottlenecks), none()),
        Source::Catalogue(_) => (none(), images(bottlenecks)),
    };
    let split_file = config.split.split_file.as_deref().and_then(|file| std::fs::read(file).ok());
    let split_file = split_file.map_or_else(none, |content| short(&Sha256::digest(content)));
    let conditions = [
        (conventions.model_setting, model),
        ("split_file", split_file),
        ("image_dir", image_dir),
        ("image_list", image_list),
    ];
    conditions.map(|(setting, value)| (setting.to_owned(), value)).into()
}

/// The number of images, and a hash over all paths, sets, groups and weights.
fn images(bottlenecks: &Bottlenecks<'_>) -> String {
    let mut hash = Sha256::new();
    let mut count = 0;
    for category in Category::ALL {
        for &row in bottlenecks.members(category).iter().flatten() {
            hash.update(bottlenecks.path(row).as_os_str().as_encoded_bytes());
            hash.update(bottlenecks.photographs[row].part());
            hash.update([0, category as u8]);
            // Where these are the scripts', they add nothing.
            let (group, weight) = (bottlenecks.group(row), bottlenecks.weight(row));
            if *group != *hash_name(bottlenecks.path(row).as_os_str().as_encoded_bytes()) {
                hash.update(&group);
            }
            if weight != 1.0 {
                hash.update(weight.to_le_bytes());
            }
            count += 1;
        }
    }
    format!("{count} images, {}", short(&hash.finalize()))
}

/// The beginning of a hash.
fn short(hash: &[u8]) -> String {
    hex(&hash[..8])
}
