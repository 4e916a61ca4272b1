//! The hyperparameters of a run and the accuracies they led to. With several runs in one logdir,
//! TensorBoard's table has a row for each.

use super::super::Outcome;
use super::tags::{Tag, scalar};
use crate::error::Result;
use crate::proto::{
    self, HParamEntry, HParamValue, HParamsPluginData, SessionEndInfo, SessionStartInfo, Status,
    float_tensor, hparam_value::Kind, hparams_plugin_data::Data, summary,
};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// The settings that change what a run learns. All runs have all of them: TensorBoard may hide runs
/// with different sets.
const SETTINGS: [&str; 15] = [
    "class_weights",
    "early_stopping",
    "feature_scaling",
    "flip_left_right",
    "how_many_training_steps",
    "label_smoothing",
    "learning_rate",
    "optimizer",
    "random_brightness",
    "random_crop",
    "random_scale",
    "testing_percentage",
    "train_batch_size",
    "validation_percentage",
    "weight_decay",
];

/// TensorBoard shows the first five metrics by name unless told otherwise. These come before the
/// scripts' `accuracy_1`.
const TEST_ACCURACY: &str = "accuracy/test";
const VALIDATION_ACCURACY: &str = "accuracy/validation";

/// The run's start, its end, and its accuracies.
pub(super) fn values(outcome: &Outcome) -> Result<Vec<summary::Value>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let start = now.saturating_sub(outcome.times.bottlenecks + outcome.times.training);
    let start = SessionStartInfo {
        hparams: hparams(outcome),
        start_time_secs: start.as_secs_f64(),
        ..SessionStartInfo::default()
    };
    let end = SessionEndInfo {
        status: Status::STATUS_SUCCESS.into(),
        end_time_secs: now.as_secs_f64(),
        ..SessionEndInfo::default()
    };
    let mut values = vec![
        session("start", Data::SessionStartInfo(start))?,
        session("end", Data::SessionEndInfo(end))?,
    ];
    let accuracies = [
        (TEST_ACCURACY, outcome.test_accuracy.map(f64::from)),
        (VALIDATION_ACCURACY, outcome.validation_accuracy()),
    ];
    values.extend(accuracies.iter().filter_map(|&(tag, accuracy)| Some(scalar(tag, accuracy?))));
    Ok(values)
}

fn session(what: &str, data: Data) -> Result<summary::Value> {
    let data = HParamsPluginData { data: Some(data), ..HParamsPluginData::default() };
    let content = proto::serialize(&data)?;
    let tag = Tag::new("hparams", format!("_hparams_/session_{what}_info"));
    Ok(Tag { content, ..tag }.value(float_tensor(&[0], &[])))
}

fn hparams(outcome: &Outcome) -> Vec<HParamEntry> {
    let settings = SETTINGS.iter().map(|&name| {
        let kind = match outcome.settings.get(name) {
            Some(Value::Bool(is)) => Kind::BoolValue(*is),
            Some(Value::Number(n)) => Kind::NumberValue(n.as_f64().unwrap_or_default()),
            Some(Value::String(text)) => Kind::StringValue(text.clone()),
            Some(other) => Kind::StringValue(other.to_string()),
            None => Kind::StringValue(String::new()),
        };
        (name, kind)
    });
    let facts = [
        ("model", Kind::StringValue(outcome.model.name.clone())),
        ("random_seed", Kind::NumberValue(outcome.random_seed as f64)),
    ];
    let entry = |(key, kind): (&str, Kind)| HParamEntry {
        key: key.into(),
        value: Some(HParamValue { kind: Some(kind), ..HParamValue::default() }).into(),
        ..HParamEntry::default()
    };
    settings.chain(facts).map(entry).collect()
}
