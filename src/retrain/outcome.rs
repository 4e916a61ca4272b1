//! What a run gives.

use super::this_run::Run;
use crate::bottleneck::BadImage;
use crate::dataset::ImageLists;
use crate::images::PixelSpec;
use crate::model::Backbone;
use std::path::PathBuf;
use std::time::Duration;

/// The result of a run, besides the files it wrote.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The share of the final test's photographs that is classified correctly, 0 to 1; `None` where
    /// there were no test photographs.
    pub test_accuracy: Option<f32>,
    /// What the new layer says of each photograph of the final test.
    pub predictions: Vec<Prediction>,
    /// The labels, in the order of class indices.
    pub labels: Vec<String>,
    /// The photographs of each class and set.
    pub split: ImageLists,
    /// Photographs that were left out.
    pub bad_images: Vec<BadImage>,
    /// The network, as label_image feeds and reads it.
    pub model: Model,
    /// What initial weights and batches followed from.
    pub random_seed: u64,
    /// Training steps that are done, those of resumed runs among them.
    pub steps: u64,
    /// How long the run took.
    pub times: Times,
    /// Where the results are.
    pub written: Written,
}

/// What the new layer says of a photograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The photograph.
    pub path: PathBuf,
    /// The index of its true class.
    pub truth: usize,
    /// The index of the class with the highest score.
    pub predicted: usize,
    /// The softmax, a score a class.
    pub scores: Vec<f32>,
}

/// How long the parts of a run took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Bottlenecks: reading them from the cache, or computing them.
    pub bottlenecks: Duration,
    /// Training, with all evaluations.
    pub training: Duration,
    /// The whole run.
    pub total: Duration,
}

/// Where the results of a run are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The trained graph.
    pub output_graph: PathBuf,
    /// Its labels.
    pub output_labels: PathBuf,
    /// TensorBoard's files.
    pub summaries_dir: PathBuf,
    /// The SavedModel, if one was asked for.
    pub saved_model_dir: Option<PathBuf>,
}

/// The trained network, as it is fed and read.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The pretrained network's name.
    pub name: String,
    /// The tensor that is fed with pixels.
    pub input: String,
    /// The tensor that is read.
    pub output: String,
    /// The pixels it wants.
    pub pixels: PixelSpec,
}

impl Model {
    pub(super) fn of(backbone: &Backbone, output: &str) -> Self {
        Self {
            name: backbone.name.clone(),
            input: backbone.input.clone(),
            output: output.into(),
            pixels: backbone.pixels.clone(),
        }
    }
}

impl Written {
    pub(super) fn of(run: &Run<'_>) -> Self {
        let outputs = &run.config.outputs;
        Self {
            output_graph: outputs.output_graph.clone(),
            output_labels: outputs.output_labels.clone(),
            summaries_dir: run.summaries_dir.clone(),
            saved_model_dir: outputs.saved_model_dir.clone(),
        }
    }
}
