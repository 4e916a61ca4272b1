//! `<output_graph>.json`: what there is to know of a trained graph, for label_image, other programs
//! and people. README's chapter "The metadata" documents each field.

use crate::error::{Error, Result};
use crate::fsio;
use crate::images::PixelSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The version of the format. A reader takes any file of its own or an earlier version; a later
/// version of the program that only adds fields keeps the number.
pub const METADATA_VERSION: u64 = 1;

/// What there is to know of a trained graph. Fields that this version does not know are kept in
/// `other`, at each level, and written again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// [`METADATA_VERSION`]
    pub version: u64,
    /// What wrote the file, such as "retrain 0.1.0".
    pub program: String,
    /// TensorFlow's version.
    pub tensorflow: String,
    /// The pretrained network.
    pub model: ModelMetadata,
    /// What to feed.
    pub input: InputMetadata,
    /// What to fetch.
    pub output: OutputMetadata,
    /// The labels, by class index.
    pub labels: Vec<String>,
    /// The photographs of each set, by path as typed.
    pub split: SplitMetadata,
    /// The seed of initial weights, batches and distortions.
    pub random_seed: u64,
    /// The steps trained.
    pub steps: u64,
    /// The settings of the run, by flag name.
    pub settings: Map<String, Value>,
    /// How good the graph is.
    pub accuracy: AccuracyMetadata,
    /// Dividing the logits by this makes scores probabilities; see `label_image --calibrated`.
    pub temperature: Option<f64>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The pretrained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// Its name, such as `mobilenet_0.50_224`.
    pub name: String,
    /// The tensor of its features.
    pub bottleneck_tensor: String,
    /// The number of features.
    pub bottleneck_size: usize,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What to feed: pixels of 0 to 255 become (x − mean) / std.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputMetadata {
    /// The tensor, [1 or batch, height, width, 3].
    pub tensor: String,
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// The pixel value that becomes 0.
    pub mean: f32,
    /// What the difference is divided by.
    pub std: f32,
    /// What becomes of a pixel value of 0 and of one of 255.
    pub range: [f32; 2],
    /// How files become pixels, by setting: what is not the default.
    #[serde(default)]
    pub format_options: Map<String, Value>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputMetadata {
    /// The softmax, [1 or batch, classes].
    pub tensor: String,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The photographs of each set. Bytes of a path that are not UTF-8 are replaced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitMetadata {
    /// What the new layer learned from.
    pub training: Vec<String>,
    /// What it was measured on while it learned.
    pub validation: Vec<String>,
    /// What it was measured on at the end.
    pub testing: Vec<String>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How good the graph is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AccuracyMetadata {
    /// On the test photographs, 0 to 1.
    pub test_accuracy: Option<f64>,
    /// Its 95 % interval.
    pub test_interval: Option<[f64; 2]>,
    /// How many different photographs it rests on.
    pub test_photographs: usize,
    /// On the validation photographs, with the final weights.
    pub validation_accuracy: Option<f64>,
    /// Fields of later versions, and of runs with cross-validation.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl InputMetadata {
    /// The input `tensor`, fed with such pixels.
    #[must_use]
    pub fn new(tensor: &str, pixels: &PixelSpec) -> Self {
        let (mean, std) = pixels.range.mean_and_std();
        Self {
            tensor: tensor.into(),
            width: pixels.width,
            height: pixels.height,
            mean,
            std,
            range: [-mean / std, (255.0 - mean) / std],
            format_options: pixels.reading.options(),
            other: Map::new(),
        }
    }
}

impl Metadata {
    /// Where the metadata of a graph is: `<output_graph>.json`.
    #[must_use]
    pub fn path_of(output_graph: &Path) -> PathBuf {
        let mut path = output_graph.as_os_str().to_owned();
        path.push(".json");
        path.into()
    }

    /// Writes the metadata beside the graph.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, output_graph: &Path) -> Result<()> {
        let path = Self::path_of(output_graph);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::input(&path, format!("cannot be made JSON ({e})")))?;
        fsio::write(&path, (text + "\n").as_bytes())
    }

    /// Reads the metadata of a graph; `None` if there is none.
    ///
    /// # Errors
    /// If the file exists but is not metadata, or is of a later version than this program knows.
    pub fn load(output_graph: &Path) -> Result<Option<Self>> {
        let path = Self::path_of(output_graph);
        if !path.exists() {
            return Ok(None);
        }
        Self::parse(&fsio::read(&path)?)
            .map(Some)
            .map_err(|message| Error::input(&path, message + "; remove it, or train again"))
    }

    /// Reads metadata.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the file's name.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|e| format!("is not the metadata of a graph ({e})"))?;
        let version = value.get("version").and_then(Value::as_u64);
        match version {
            Some(version) if version > METADATA_VERSION => {
                Err(format!("has version {version}, but this program reads {METADATA_VERSION}"))
            }
            _ => serde_json::from_value(value)
                .map_err(|e| e.to_string())
                .and_then(Self::checked)
                .map_err(|why| format!("is not the metadata of a graph ({why})")),
        }
    }

    /// Refuses numbers that pixels cannot be normalised with.
    fn checked(self) -> Result<Self, String> {
        let InputMetadata { mean, std, range, .. } = &self.input;
        let are_finite = [mean, std, &range[0], &range[1]].iter().all(|n| n.is_finite());
        match are_finite && *std != 0.0 {
            true => Ok(self),
            false => Err("`mean`, `std` and `range` must be finite numbers, `std` not 0".into()),
        }
    }
}
