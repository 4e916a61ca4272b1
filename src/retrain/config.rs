//! What a run is to do: valid by construction, whatever was typed.

use crate::dataset::NO_IMAGE_DIR;
use crate::error::{Error, Result};
use crate::layers::Distortions;
use crate::model::{ModelInfo, OwnGraph};
use crate::tf::Chatter;
use crate::{export, fsio};
use std::path::{Path, PathBuf};

/// How many of the images are kept for testing and for validation, in percent.
#[derive(Debug, Clone)]
pub struct Percentages {
    /// For the final test.
    pub testing: i64,
    /// For validation during training.
    pub validation: i64,
}

/// What is retrained.
#[derive(Debug, Clone)]
pub enum Pretrained {
    /// A frozen graph (`--architecture`).
    Architecture(ModelInfo),
    /// A frozen graph of the user's own (`--architecture`, too).
    OwnGraph(OwnGraph),
    /// A TF-Hub module (`--tfhub_module`): a directory, an archive or an address.
    HubModule(String),
}

/// A retraining run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of class directories, as typed.
    pub image_dir: PathBuf,
    /// Where the trained graph goes.
    pub output_graph: PathBuf,
    /// What the intermediate graphs' paths begin with, as typed.
    pub intermediate_output_graphs_dir: String,
    /// Every how many steps one is stored; 0 for never.
    pub intermediate_store_frequency: u64,
    /// Where the labels go.
    pub output_labels: PathBuf,
    /// Where TensorBoard's files go.
    pub summaries_dir: PathBuf,
    /// Training steps.
    pub how_many_training_steps: u64,
    /// The step size η of gradient descent.
    pub learning_rate: f32,
    /// The split.
    pub percentages: Percentages,
    /// Every how many steps the training is evaluated.
    pub eval_step_interval: u64,
    /// Images a training step sees; `None` for all.
    pub train_batch_size: Option<usize>,
    /// Images of the final test; `None` for all.
    pub test_batch_size: Option<usize>,
    /// Images of an evaluation during training; `None` for all.
    pub validation_batch_size: Option<usize>,
    /// Whether the final test lists what it got wrong.
    pub print_misclassified_test_images: bool,
    /// How training images are distorted, if at all.
    pub distortions: Option<Distortions>,
    /// Where pretrained models are, or are brought to.
    pub model_dir: PathBuf,
    /// The cache of bottlenecks.
    pub bottleneck_dir: PathBuf,
    /// Whether the cache has a text file for each image, as the scripts', besides the packed file.
    pub bottleneck_text: bool,
    /// Whether a cached text file that is older than its image is made again.
    pub bottleneck_check_mtime: bool,
    /// Whether images that cannot be decoded are left out, instead of ending the run.
    pub skip_bad_images: bool,
    /// The name of the softmax in the trained graph.
    pub final_tensor_name: String,
    /// The pretrained model.
    pub pretrained: Pretrained,
    /// Where a TF-Hub run puts its checkpoint.
    pub checkpoint_path: PathBuf,
    /// Where a TF-Hub run puts a SavedModel, if anywhere.
    pub saved_model_dir: Option<PathBuf>,
    /// Whether the run goes on from where an earlier one was stopped or killed.
    pub resume: bool,
    /// Every how many steps the state of the run is kept; 0 for once a minute.
    pub checkpoint_frequency: u64,
    /// Whether earlier runs' summaries stay: this run's then get a directory of their own in
    /// `summaries_dir`.
    pub summaries_keep: bool,
    /// What initial weights and batches follow from.
    pub random_seed: u64,
    /// Whether the seed was asked for, and not drawn.
    pub random_seed_given: bool,
    /// How much TensorFlow itself may say.
    pub chatter: Chatter,
}

impl Config {
    /// Checks that every output can be written, before the costly work.
    pub(super) fn check(&self) -> Result<()> {
        if self.image_dir.as_os_str().is_empty() {
            return Err(Error::usage(
                "image_dir",
                "must be given: a directory that holds one directory per class",
            ));
        }
        self.check_places()?;
        for (flag, path) in
            [("output_graph", &self.output_graph), ("output_labels", &self.output_labels)]
        {
            fsio::check_writable(path).map_err(|e| Error::usage(flag, e.to_string()))?;
        }
        if let Some(dir) = &self.saved_model_dir {
            export::check_free(dir)?;
        }
        // As the listing says it, but before a model is brought.
        if !self.image_dir.is_dir() && !matches!(self.pretrained, Pretrained::OwnGraph(_)) {
            return Err(Error::input(&self.image_dir, NO_IMAGE_DIR));
        }
        if let Some(graph) = self.own_graph()
            && same_file(graph, &self.output_graph)
        {
            let message =
                format!("{} is the graph that is retrained; name another file", graph.display());
            return Err(Error::usage("output_graph", message));
        }
        self.check_summaries_dir()
    }

    /// The file of a graph of one's own.
    fn own_graph(&self) -> Option<&PathBuf> {
        match &self.pretrained {
            Pretrained::OwnGraph(own) => Some(&own.path),
            _ => None,
        }
    }

    /// The summaries' directory is emptied at the start of a run: it must not be, or hold, what the
    /// run reads.
    fn check_summaries_dir(&self) -> Result<()> {
        let real = |p: &Path| p.canonicalize().ok();
        let Some(summaries) = real(&self.summaries_dir) else { return Ok(()) };
        let inputs = [&self.image_dir, &self.bottleneck_dir, &self.model_dir]
            .into_iter()
            .chain(self.own_graph());
        let here = std::env::current_dir().ok();
        for precious in inputs.filter_map(|p| real(p)).chain(here) {
            if precious.starts_with(&summaries) {
                let message = format!(
                    "{} would be emptied, but {} is in it",
                    summaries.display(),
                    precious.display()
                );
                return Err(Error::usage("summaries_dir", message));
            }
        }
        Ok(())
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
