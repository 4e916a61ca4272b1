//! The settings of a run. [`Config::new`] has the defaults of `retrain.py`; fields are named after
//! its flags.

use crate::cancel::CancelToken;
use crate::dataset::{Category, Directory, Source, Split};
use crate::error::Result;
use crate::images::Reading;
use crate::inference::Workers;
use crate::layers::Distortions;
use crate::learn::{ClassWeights, FineTune, Optimizer, WeightDecay};
use crate::model::{ModelInfo, OwnGraph, Symmetry, create_model_info};
use std::path::{Path, PathBuf};

/// A retraining run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the photographs and their labels come from.
    pub photographs: Source,
    /// The network whose last layer is replaced.
    pub pretrained: Pretrained,
    /// The views of a photograph whose mean features are its bottleneck.
    pub symmetry: Symmetry,
    /// How the photographs' files become pixels.
    pub reading: Reading,
    /// Where pretrained networks are kept or downloaded to.
    pub model_dir: PathBuf,
    /// Which photographs are kept for testing and validation.
    pub split: Split,
    /// What to do about photographs that cannot be decoded.
    pub on_bad_image: OnBadImage,
    /// The cache of bottlenecks.
    pub cache: Cache,
    /// The new layer's training.
    pub training: Training,
    /// The kind of the new layer's training: the scripts', or another.
    pub head: Head,
    /// Whether the classes are also predicted by cross-validation.
    pub cross_validate: Option<CrossValidate>,
    /// Where results go.
    pub outputs: Outputs,
    /// Other machines that help to compute bottlenecks.
    pub workers: Option<Workers>,
    /// Stops the run.
    pub cancel: CancelToken,
}

/// The network to retrain.
#[derive(Debug, Clone)]
pub enum Pretrained {
    /// A published network.
    Architecture(ModelInfo),
    /// A network of the user's own: a frozen graph, or a SavedModel.
    OwnGraph(OwnGraph),
    /// A TF-Hub module: a directory, an archive or an address.
    HubModule(String),
}

/// What to do about photographs that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadImage {
    /// End the run once all photographs have been read, and list them.
    Fail,
    /// Leave them out.
    Skip,
}

/// The cache of bottlenecks.
#[derive(Debug, Clone)]
pub struct Cache {
    /// Its directory.
    pub bottleneck_dir: PathBuf,
    /// Whether each photograph also gets a text file, as in the scripts.
    pub bottleneck_text: bool,
    /// Whether a text file older than its photograph is made again.
    pub check_mtime: bool,
}

/// Which photographs the training steps take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BatchOrder {
    /// The scripts': for each, a random class, and a random photograph of it.
    #[default]
    Random,
    /// Each once an epoch, in an order that reads the bottlenecks in long stretches. Classes are
    /// not balanced.
    Epochs,
}

impl BatchOrder {
    /// The names of the orders, in order of declaration.
    pub const NAMES: [&str; 2] = ["random", "epochs"];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// How the new layer is trained.
#[derive(Debug, Clone)]
pub struct Training {
    /// Steps of gradient descent.
    pub how_many_training_steps: u64,
    /// The step size η.
    pub learning_rate: f32,
    /// Steps between two logs of accuracies.
    pub eval_step_interval: u64,
    /// Photographs in a training step; `None` for all.
    pub train_batch_size: Option<usize>,
    /// Which photographs the training steps take.
    pub batch_order: BatchOrder,
    /// Photographs in the final test; `None` for all.
    pub test_batch_size: Option<usize>,
    /// Photographs in a validation; `None` for all.
    pub validation_batch_size: Option<usize>,
    /// How training photographs are distorted, if at all.
    pub distortions: Option<Distortions>,
    /// The seed of initial weights, batches and distortions; `None` draws one.
    pub random_seed: Option<u64>,
    /// Whether to continue an earlier run with the same summaries directory.
    pub resume: bool,
    /// Steps between two saves of the state for `resume`; 0 for one save a minute.
    pub checkpoint_frequency: u64,
    /// Whether the final test lists the photographs it got wrong.
    pub print_misclassified_test_images: bool,
    /// How the network itself is trained after the new layer, if at all.
    pub fine_tune: Option<FineTune>,
}

/// How the new layer learns. The default is the scripts' way.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// What minimises the loss.
    pub optimizer: Optimizer,
    /// The strength of the penalty on the weights.
    pub weight_decay: WeightDecay,
    /// Whether features are scaled to mean 0 and standard deviation 1. The exported weights contain
    /// the scaling.
    pub feature_scaling: bool,
    /// How much the photographs of each class count.
    pub class_weights: ClassWeights,
    /// The share of each label that is spread over all classes, 0 to below 1.
    pub label_smoothing: f32,
    /// After how many evaluations without a better one training ends, with the best layer; `None`
    /// for all steps.
    pub early_stopping: Option<u64>,
}

/// Cross-validation on the cached bottlenecks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossValidate {
    /// Folds, at least 2.
    pub folds: usize,
    /// How often, with other folds each time.
    pub repeats: usize,
}

/// Where results go.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// The trained graph.
    pub output_graph: PathBuf,
    /// Its labels.
    pub output_labels: PathBuf,
    /// The name of the softmax in the trained graph.
    pub final_tensor_name: String,
    /// TensorBoard's files. The directory is emptied first.
    pub summaries_dir: PathBuf,
    /// Whether earlier runs' summaries stay: each run then gets a directory in `summaries_dir`.
    pub summaries_keep: bool,
    /// The prefix of the paths of intermediate graphs, as typed.
    pub intermediate_output_graphs_dir: String,
    /// Steps between two intermediate graphs; 0 for none.
    pub intermediate_store_frequency: u64,
    /// The checkpoint of a TF-Hub run.
    pub checkpoint_path: PathBuf,
    /// Where to save a SavedModel, if at all.
    pub saved_model_dir: Option<PathBuf>,
    /// Where the report goes.
    pub report: ReportDir,
}

/// Where the report goes: a page, and tables of all predictions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReportDir {
    /// `report/` in this run's summaries directory.
    #[default]
    InSummaries,
    /// This directory.
    At(PathBuf),
    /// There is neither report nor further tabs in TensorBoard.
    Off,
}

impl Pretrained {
    /// The published network of this name, such as `mobilenet_0.50_224` or `inception_v3`.
    ///
    /// # Errors
    /// If no network has this name.
    pub fn named(architecture: &str) -> Result<Self> {
        create_model_info(architecture).map(Self::Architecture)
    }

    /// A frozen GraphDef or a SavedModel's directory, whose input and bottleneck tensors are
    /// guessed.
    #[must_use]
    pub fn graph(path: impl Into<PathBuf>) -> Self {
        Self::OwnGraph(OwnGraph { path: path.into(), ..OwnGraph::default() })
    }

    /// A TF-Hub module.
    #[must_use]
    pub fn hub_module(handle: impl Into<String>) -> Self {
        Self::HubModule(handle.into())
    }

    /// The path of the user's own graph.
    pub(super) fn own_graph(&self) -> Option<&Path> {
        match self {
            Self::OwnGraph(own) => Some(&own.path),
            Self::Architecture(_) | Self::HubModule(_) => None,
        }
    }
}

impl Config {
    /// A run on the photographs in `image_dir`, one directory per class, with the script's
    /// defaults.
    #[must_use]
    pub fn new(image_dir: impl Into<PathBuf>, pretrained: Pretrained) -> Self {
        Self {
            photographs: Source::Directory(Directory::new(image_dir)),
            pretrained,
            symmetry: Symmetry::None,
            reading: Reading::DEFAULT,
            model_dir: "/tmp/imagenet".into(),
            split: Split::default(),
            on_bad_image: OnBadImage::Fail,
            cache: Cache::default(),
            training: Training::default(),
            head: Head::default(),
            cross_validate: None,
            outputs: Outputs::default(),
            workers: None,
            cancel: CancelToken::new(),
        }
    }
}

impl Config {
    /// The sets whose bottlenecks are cached: with distortions, training images have a new one each
    /// time.
    pub(super) fn cached_sets(&self) -> &'static [Category] {
        match self.training.distortions {
            Some(_) => &[Category::Testing, Category::Validation],
            None => &Category::ALL,
        }
    }
}

impl Default for Head {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::Sgd,
            weight_decay: WeightDecay::Value(0.0),
            feature_scaling: false,
            class_weights: ClassWeights::None,
            label_smoothing: 0.0,
            early_stopping: None,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { bottleneck_dir: "/tmp/bottleneck".into(), bottleneck_text: true, check_mtime: false }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            how_many_training_steps: 4000,
            learning_rate: 0.01,
            eval_step_interval: 10,
            train_batch_size: Some(100),
            batch_order: BatchOrder::Random,
            test_batch_size: None,
            validation_batch_size: Some(100),
            distortions: None,
            random_seed: None,
            resume: false,
            checkpoint_frequency: 0,
            print_misclassified_test_images: false,
            fine_tune: None,
        }
    }
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            output_graph: "/tmp/output_graph.pb".into(),
            output_labels: "/tmp/output_labels.txt".into(),
            final_tensor_name: "final_result".into(),
            summaries_dir: "/tmp/retrain_logs".into(),
            summaries_keep: false,
            intermediate_output_graphs_dir: "/tmp/intermediate_graph/".into(),
            intermediate_store_frequency: 0,
            checkpoint_path: "/tmp/_retrain_checkpoint".into(),
            saved_model_dir: None,
            report: ReportDir::InSummaries,
        }
    }
}
