//! The state of a training run on disk: what a killed or stopped run goes on from (`--resume`), to
//! the same result.
//!
//! It is one file, so that it is written whole or not at all: a GraphDef of constants, one for each
//! variable of the new layer, and one (`retrain/state`) that holds the rest as JSON.

use super::config::Config;
use super::conventions::Conventions;
use crate::bottleneck::Bottlenecks;
use crate::dataset::Category;
use crate::error::{Error, Result};
use crate::fsio;
use crate::model::Backbone;
use crate::proto::{self, DataType, GraphDef, NodeDef, TensorProto, Value};
use crate::tf::NamedTensor;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The constant that holds the JSON.
const NODE: &str = "retrain/state";
/// Of the JSON; another version is not read.
const VERSION: u64 = 1;

/// Where a run is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// How many steps are done.
    pub(super) step: u64,
    /// `--random_seed`.
    pub(super) seed: u64,
    /// How far the random numbers have been used that draw batches, and those that distort.
    pub(super) drawn: [u128; 2],
    /// What the run's course depends on, by the flag that decides it.
    pub(super) course: Vec<(String, String)>,
    /// The new layer's variables.
    pub(super) variables: Vec<NamedTensor>,
}

/// The state's file.
pub(super) fn path(config: &Config) -> PathBuf {
    config.summaries_dir.join("retrain.state")
}

impl State {
    /// Writes the state, and waits until the disk has it.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let course: Map<String, serde_json::Value> =
            self.course.iter().map(|(flag, value)| (flag.clone(), json!(value))).collect();
        let drawn = self.drawn.map(|d| d.to_string());
        let rest = json!({"version": VERSION, "step": self.step, "random_seed": self.seed, "drawn": drawn, "course": course});
        let json = TensorProto {
            dtype: DataType::DT_STRING.into(),
            tensor_shape: Some(proto::shape(&[])).into(),
            string_val: vec![rest.to_string().into_bytes()],
            ..TensorProto::default()
        };
        let constant = |(name, value): (&str, TensorProto)| {
            let mut node = NodeDef { name: name.into(), op: "Const".into(), ..NodeDef::default() };
            node.set_attr("dtype", Value::Type(value.dtype));
            node.set_attr("value", Value::Tensor(value));
            node
        };
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let graph = GraphDef {
            node: [(NODE, json)].into_iter().chain(variables).map(constant).collect(),
            ..Default::default()
        };
        fsio::write(path, &proto::serialize(&graph)?)
    }

    /// Reads a state. `None` where there is none.
    ///
    /// # Errors
    /// Where there is one that cannot be read.
    pub(super) fn load(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let bad = || {
            Error::input(path, "is not the state of a run; without --resume the run starts anew")
        };
        let graph: GraphDef = proto::parse(path, &fsio::read(path)?).map_err(|_| bad())?;
        let mut rest = None;
        let mut variables = Vec::new();
        for node in graph.node {
            let value = node.tensor_attr("value").map_err(|_| bad())?;
            if node.name == NODE {
                let json = value.string_val.first().ok_or_else(bad)?;
                rest = serde_json::from_slice::<serde_json::Value>(json).ok();
            } else if !is_whole(value) {
                return Err(bad());
            } else {
                variables.push((node.name.clone(), value.clone()));
            }
        }
        let rest = rest.filter(|r| r["version"] == json!(VERSION)).ok_or_else(bad)?;
        let number = |key: &str| rest[key].as_u64().ok_or_else(bad);
        let drawn =
            |i: usize| rest["drawn"][i].as_str().and_then(|d| d.parse().ok()).ok_or_else(bad);
        let course = rest["course"].as_object().ok_or_else(bad)?.iter();
        Ok(Some(Self {
            step: number("step")?,
            seed: number("random_seed")?,
            drawn: [drawn(0)?, drawn(1)?],
            course: course
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
                .collect(),
            variables,
        }))
    }

    /// Whether the run can go on as it is asked to.
    pub(super) fn check(&self, course: &[(String, String)], path: &Path) -> Result<()> {
        for (flag, now) in course {
            let then =
                self.course.iter().find(|(f, _)| f == flag).map_or("", |(_, value)| value.as_str());
            if then != now {
                let message = format!(
                    "is another than in the run that {} is of ({then}, now {now}); give it as then, or leave out --resume",
                    path.display()
                );
                return Err(Error::usage(flag.clone(), message));
            }
        }
        Ok(())
    }
}

/// Whether a tensor has as many floats as its shape says: it is for the shape that memory will be
/// asked.
fn is_whole(tensor: &TensorProto) -> bool {
    let bytes = tensor
        .tensor_shape
        .dim
        .iter()
        .try_fold(4u64, |n, d| n.checked_mul(d.size.try_into().ok()?));
    let is_float = tensor.dtype.enum_value() == Ok(DataType::DT_FLOAT);
    is_float
        && !tensor.tensor_shape.unknown_rank
        && bytes == Some(tensor.tensor_content.len() as u64)
}

/// What a run's course depends on, by the flag that decides it: resumed with another, it would be
/// neither the old run nor the new one.
pub(super) fn course(
    config: &Config,
    conventions: &Conventions,
    backbone: &Backbone,
    bottlenecks: &Bottlenecks,
) -> Vec<(String, String)> {
    let size = |n: Option<usize>| n.map_or("-1".into(), |n| n.to_string());
    let distortions = config.distortions.as_ref().map_or_else(
        || "none".into(),
        |d| {
            format!(
                "{} {} {} {}",
                d.flip_left_right, d.random_crop, d.random_scale, d.random_brightness
            )
        },
    );
    let entries = [
        (conventions.model_setting, format!("{} {}", backbone.name, hex(&backbone.content_hash))),
        ("image_dir", images(bottlenecks)),
        ("random_seed", config.random_seed.to_string()),
        ("learning_rate", config.learning_rate.to_string()),
        ("train_batch_size", size(config.train_batch_size)),
        ("validation_batch_size", size(config.validation_batch_size)),
        ("eval_step_interval", config.eval_step_interval.to_string()),
        ("final_tensor_name", config.final_tensor_name.clone()),
        ("random_crop", distortions),
    ];
    entries.map(|(flag, value)| (flag.to_owned(), value)).to_vec()
}

/// All images and their sets, as a number of images and a hash.
fn images(bottlenecks: &Bottlenecks) -> String {
    let mut hash = Sha256::new();
    let mut count = 0;
    for category in Category::ALL {
        for &row in bottlenecks.members(category).iter().flatten() {
            hash.update(bottlenecks.paths[row].as_os_str().as_encoded_bytes());
            hash.update([0, category as u8]);
            count += 1;
        }
    }
    format!("{count} images, {}", hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|b| format!("{b:02x}")).collect()
}
