//! What the settings say about a network of the user's own, and the log of what is guessed instead.

use super::saved_model::Convention;
use log::info;
use std::fmt::Display;
use std::path::PathBuf;

/// A network of the user's own, as far as the settings describe it.
#[derive(Debug, Clone, Default)]
pub struct OwnGraph {
    /// A frozen GraphDef, or a SavedModel: its directory, its `.tar.gz` or `.tgz`, or an address.
    pub path: PathBuf,
    /// The signature of a SavedModel.
    pub signature: Option<String>,
    /// The tensor whose values are the bottleneck.
    pub bottleneck_tensor: Option<String>,
    /// The tensor that the pixels are fed to.
    pub input_tensor: Option<String>,
    /// Width in pixels.
    pub input_width: Option<i32>,
    /// Height in pixels.
    pub input_height: Option<i32>,
    /// The pixel value of 0 to 255 that becomes 0.
    pub input_mean: Option<f32>,
    /// What the difference from the mean is divided by.
    pub input_std: Option<f32>,
}

/// What is assumed of pixels if neither the settings nor the graph say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assumed {
    pub(super) convention: Convention,
    /// The width and height of images for a network that takes any.
    pub(super) side: Option<i64>,
}

impl OwnGraph {
    pub(super) fn log_guess(&self, settings: &str, why: &str) {
        info!(target: "retrain", "{}: {settings} ({why})", self.path.display());
    }

    /// Logs those of two settings (name, whether its value is a guess, value) that are guesses.
    pub(super) fn log_guesses(&self, settings: [(&str, bool, &dyn Display); 2], why: &str) {
        let guesses = settings.iter().filter(|(_, is_guess, _)| *is_guess);
        let guesses: Vec<String> =
            guesses.map(|(setting, _, value)| format!("`{setting}={value}`")).collect();
        if !guesses.is_empty() {
            self.log_guess(&guesses.join(" "), why);
        }
    }
}

/// A shape as Python writes it.
pub(super) fn shape_text(dims: &[i64]) -> String {
    let dims: Vec<String> =
        dims.iter().map(|&d| if d < 0 { "?".into() } else { d.to_string() }).collect();
    format!("[{}]", dims.join(", "))
}
