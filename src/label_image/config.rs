//! The settings of a labeller.

use super::TOP;
use crate::error::{Error, Result};
use crate::inference::Workers;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The settings of a [`Labeller`](super::Labeller). Fields are named after label_image's flags.
///
/// What is `None` is taken from the graph's metadata (`<graph>.json`), or else from the graph: its
/// only placeholder for images, that one's shape, its softmax. Whatever neither says is as in
/// label_image.py: 224 pixels a side, and a mean and standard deviation of 128.
#[derive(Debug, Clone)]
pub struct LabelConfig {
    /// The frozen graph.
    pub graph: PathBuf,
    /// Its labels, one per line; `None` for those of the metadata, or else of a file beside the
    /// graph, or else of `tf_files/retrained_labels.txt`.
    pub labels: Option<PathBuf>,
    /// Height in pixels.
    pub input_height: Option<i32>,
    /// Width in pixels.
    pub input_width: Option<i32>,
    /// Subtracted from each pixel value (0 to 255).
    pub input_mean: Option<f32>,
    /// Divides each pixel value, after the subtraction.
    pub input_std: Option<f32>,
    /// The node that takes the image.
    pub input_layer: Option<String>,
    /// The node that gives the scores.
    pub output_layer: Option<String>,
    /// How many labels are listed at most.
    pub top_k: usize,
    /// A photograph whose best score is below this is [`UNKNOWN`](super::UNKNOWN).
    pub threshold: Option<f32>,
    /// Whether scores are made probabilities with the metadata's temperature.
    pub calibrated: bool,
    /// How files become pixels, where the graph's metadata does not decide: by setting, as in
    /// [`Reading::options`](crate::images::Reading::options).
    pub format_options: Map<String, Value>,
    /// The directory into which what the network sees is written.
    pub save_preview: Option<PathBuf>,
    /// Other machines that help with many photographs.
    pub workers: Option<Workers>,
}

impl LabelConfig {
    /// A graph, with everything else from its metadata or the graph itself.
    #[must_use]
    pub fn new(graph: impl Into<PathBuf>) -> Self {
        Self {
            graph: graph.into(),
            labels: None,
            input_height: None,
            input_width: None,
            input_mean: None,
            input_std: None,
            input_layer: None,
            output_layer: None,
            top_k: TOP,
            threshold: None,
            calibrated: false,
            format_options: Map::new(),
            save_preview: None,
            workers: None,
        }
    }

    /// Checks the values that are wrong for any graph.
    pub(super) fn check(&self) -> Result<()> {
        if self.top_k == 0 {
            return Err(Error::usage("top_k", "must be at least 1, not 0"));
        }
        if self.save_preview.is_some() && self.workers.is_some() {
            let message = "cannot be combined with `workers`, which decode on their own machines";
            return Err(Error::usage("save_preview", message));
        }
        match self.threshold {
            Some(threshold) if !(0.0..=1.0).contains(&threshold) => {
                Err(Error::usage("threshold", format!("must be from 0 to 1, not {threshold}")))
            }
            _ => Ok(()),
        }
    }
}
