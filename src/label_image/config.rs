//! What to label by.

use std::path::PathBuf;

/// What to label by. Fields are named after label_image.py's flags.
#[derive(Debug, Clone)]
pub struct LabelConfig {
    /// The graph.
    pub graph: PathBuf,
    /// Its labels, one a line.
    pub labels: PathBuf,
    /// Height in pixels; `None` to ask the graph.
    pub input_height: Option<i32>,
    /// Width in pixels; `None` to ask the graph.
    pub input_width: Option<i32>,
    /// Subtracted from pixel values of 0 to 255.
    pub input_mean: f32,
    /// What the difference is divided by.
    pub input_std: f32,
    /// The node that is fed.
    pub input_layer: String,
    /// The node that is read.
    pub output_layer: String,
}

impl LabelConfig {
    /// A graph and its labels, and the script's defaults for the rest: a MobileNet.
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
