//! What a run returns.

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
    /// The accuracy of the final test, 0 to 1; `None` if there were no test photographs.
    pub test_accuracy: Option<f32>,
    /// The new layer's prediction for each photograph of the final test.
    pub predictions: Vec<Prediction>,
    /// The labels, in the order of class indices.
    pub labels: Vec<String>,
    /// The photographs of each class and set.
    pub split: ImageLists,
    /// Photographs that were left out.
    pub bad_images: Vec<BadImage>,
    /// What label_image needs to know to use the network.
    pub model: Model,
    /// The seed of initial weights, batches and distortions.
    pub random_seed: u64,
    /// Training steps done, including those before a resume.
    pub steps: u64,
    /// How long the run took.
    pub times: Times,
    /// Where the results are.
    pub written: Written,
}

/// The new layer's prediction for a photograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The photograph.
    pub path: PathBuf,
    /// The index of its true class.
    pub truth: usize,
    /// The index of the class with the highest score.
    pub predicted: usize,
    /// The softmax: one score per class.
    pub scores: Vec<f32>,
}

/// How long the parts of a run took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Everything until the bottlenecks were read from the cache or computed.
    pub bottlenecks: Duration,
    /// Training, with validation and the final test.
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
    /// The SavedModel, if requested.
    pub saved_model_dir: Option<PathBuf>,
}

/// How to feed and read the trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The pretrained network's name.
    pub name: String,
    /// The tensor to feed with pixels.
    pub input: String,
    /// The tensor to fetch.
    pub output: String,
    /// The pixels it expects.
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
