//! What a run returns, and all that its reports tell.

use crate::bottleneck::BadImage;
use crate::dataset::{Category, ImageLists};
use crate::images::{Photograph, PixelSpec};
use crate::metrics::{Calibration, Confusion, Interval, argmax, best_temperature, wilson};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// From fewer test photographs nothing can be concluded: the interval covers a third of all values
/// or more.
pub const TOO_FEW_TESTED: usize = 20;

/// The result of a run, besides the files it wrote.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The accuracy of the final test, 0 to 1; `None` if there were no test photographs.
    pub test_accuracy: Option<f32>,
    /// The new layer's prediction for each photograph of the final test.
    pub predictions: Vec<Prediction>,
    /// Its prediction for every photograph with a cached bottleneck, set by set, class by class.
    /// (With distortions, training photographs have none.)
    pub photographs: Vec<Prediction>,
    /// Photographs that are exact copies of one in another set, as pairs of indices into
    /// `photographs`.
    pub copies: Vec<(usize, usize)>,
    /// The test photographs, each content once, as indices into `photographs`.
    pub tested: Vec<usize>,
    /// The cross-validation, if the settings ask for one.
    pub cross_validation: Option<CrossValidation>,
    /// The evaluations during training.
    pub curve: Vec<Evaluation>,
    /// The settings, by flag name.
    pub settings: Map<String, Value>,
    /// TensorFlow's version.
    pub tensorflow: String,
    /// The labels, in the order of class indices.
    pub labels: Vec<String>,
    /// The photographs of each class and set.
    pub split: Arc<ImageLists>,
    /// Photographs that were left out.
    pub bad_images: Vec<BadImage>,
    /// Whether an earlier run at the same place had photographs in other sets.
    pub retyped: Option<Retyped>,
    /// How many of the photographs read for bottlenecks have EXIF data that says they must be
    /// turned.
    pub turned: usize,
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

/// The scripts' split hashes image_dir as typed: typed in another way, it gives other sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retyped {
    /// How image_dir was typed in the earlier run.
    pub before: String,
    /// How many photographs were in another set then.
    pub moved: usize,
}

/// The new layer's prediction for a photograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The photograph.
    pub photograph: Photograph,
    /// The set it is in.
    pub set: Category,
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
    /// The report and TensorBoard's further tabs.
    pub report: Duration,
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
    /// Its metadata: `<output_graph>.json`.
    pub metadata: PathBuf,
    /// The report's directory, if there is a report.
    pub report_dir: Option<PathBuf>,
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
    /// The tensor of the features.
    pub bottleneck: String,
    /// The number of features.
    pub bottleneck_size: usize,
    /// The pixels it expects.
    pub pixels: PixelSpec,
    /// The node between the features and the new layer.
    pub bottleneck_input: String,
    /// Whether it computes with fewer bits than floats have.
    pub quantization: Quantization,
}

/// Whether a network computes with fewer bits than floats have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantization {
    /// With floats.
    None,
    /// With floats that are rounded as the 8 bits of TensorFlow Lite will be.
    Fake,
    /// With TensorFlow's own ops for 8 bits, such as Dequantize, which hardly any other program
    /// reads.
    Ops,
}

/// An evaluation during training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The step, from 0.
    pub step: u64,
    /// The accuracy on the step's own batch, 0 to 1.
    pub train_accuracy: f32,
    /// The mean cross-entropy of that batch, in nats.
    pub cross_entropy: f32,
    /// The accuracy on the validation photographs, and how many there were; `None` without any.
    pub validation: Option<(f32, usize)>,
}

/// How well layers predict photographs that they did not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// Folds.
    pub folds: usize,
    /// How often, with other folds each time.
    pub repeats: usize,
    /// The mean of the accuracies on all folds × repeats, 0 to 1.
    pub accuracy_mean: f64,
    /// Their standard deviation.
    pub accuracy_sd: f64,
    /// The expected calibration error over all predictions.
    pub ece: f64,
    /// How often each class was taken for each, over all repeats.
    pub confusion: Confusion,
    /// The scores of each of `Outcome::photographs`, in the first repeat.
    pub scores: Vec<Vec<f32>>,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// The photographs of one set.
    pub fn of_set(&self, set: Category) -> impl Iterator<Item = &Prediction> {
        self.photographs.iter().filter(move |p| p.set == set)
    }

    /// The different test photographs.
    pub fn tested(&self) -> impl Iterator<Item = &Prediction> {
        self.tested.iter().map(|&i| &self.photographs[i])
    }

    /// How often each class was taken for each, among the different test photographs.
    #[must_use]
    pub fn confusion(&self) -> Confusion {
        Confusion::of(self.labels.len(), self.tested().map(|p| (p.truth, p.predicted)))
    }

    /// The 95 % interval of the accuracy on the different test photographs.
    #[must_use]
    pub fn test_interval(&self) -> Option<Interval> {
        let confusion = self.confusion();
        wilson(confusion.right(), confusion.total())
    }

    /// The accuracy on the validation photographs, with the final weights.
    #[must_use]
    pub fn validation_accuracy(&self) -> Option<f64> {
        let validated = self.of_set(Category::Validation);
        let pairs = validated.map(|p| (p.truth, p.predicted));
        Confusion::of(self.labels.len(), pairs).accuracy()
    }

    /// How far the scores of the different test photographs are from probabilities.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        Calibration::of(self.tested().map(|p| (p.truth, &p.scores[..])))
    }

    /// The temperature that makes scores probabilities: from the predictions of the
    /// cross-validation if there is one, else from the validation photographs.
    #[must_use]
    pub fn temperature(&self) -> Option<f64> {
        if let Some(cv) = &self.cross_validation {
            let truth = self.photographs.iter().map(|p| p.truth);
            let scored: Vec<(usize, &[f32])> =
                truth.zip(cv.scores.iter().map(Vec::as_slice)).collect();
            return best_temperature(&scored);
        }
        let validated = self.of_set(Category::Validation);
        let scored: Vec<(usize, &[f32])> = validated.map(|p| (p.truth, &p.scores[..])).collect();
        best_temperature(&scored)
    }
}

impl Prediction {
    /// Of scores, one per class.
    #[must_use]
    pub fn new(photograph: Photograph, set: Category, truth: usize, scores: Vec<f32>) -> Self {
        Self { photograph, set, truth, predicted: argmax(&scores), scores }
    }

    /// What the photograph is called.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.photograph.path()
    }

    /// −ln of the true class's score, in nats.
    #[must_use]
    pub fn cross_entropy(&self) -> f64 {
        -f64::from(self.scores[self.truth]).max(1e-30).ln()
    }

    /// Whether the photograph was recognised.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.predicted == self.truth
    }
}
