//! The settings of a labeller.

use std::path::PathBuf;

/// The settings of a [`Labeller`](super::Labeller). Fields are named after label_image.py's flags.
#[derive(Debug, Clone)]
pub struct LabelConfig {
    /// The frozen graph.
    pub graph: PathBuf,
    /// Its labels, one per line.
    pub labels: PathBuf,
    /// Height in pixels; `None` for the graph's own, or else 224.
    pub input_height: Option<i32>,
    /// Width in pixels; `None` for the graph's own, or else 224.
    pub input_width: Option<i32>,
    /// Subtracted from each pixel value (0 to 255).
    pub input_mean: f32,
    /// Divides each pixel value, after the subtraction.
    pub input_std: f32,
    /// The node that takes the image.
    pub input_layer: String,
    /// The node that gives the scores.
    pub output_layer: String,
}

impl LabelConfig {
    /// A graph and its labels, with the script's defaults, which fit a MobileNet, for the rest.
    #[must_use]
    pub fn new(graph: impl Into<PathBuf>, labels: impl Into<PathBuf>) -> Self {
        Self {
            graph: graph.into(),
            labels: labels.into(),
            input_height: None,
            input_width: None,
            input_mean: 128.0,
            input_std: 128.0,
            input_layer: "input".into(),
            output_layer: "final_result".into(),
        }
    }
}
