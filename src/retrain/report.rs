//! What a run tells its user about classes and mistakes.

use super::config::Config;
use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::model::{Backbone, PixelRange};
use log::{debug, info, warn};

/// Fewer than two classes end the run, as in the scripts.
pub(super) fn check_classes(lists: &ImageLists) -> Result<()> {
    let dir = &lists.image_dir;
    match lists.class_count() {
        0 => Err(Error::input(dir, format!("No valid folders of images found at {}", dir.display()))),
        1 => {
            let message = format!("Only one valid folder of images found at {}", dir.display());
            Err(Error::input(dir, message + " - multiple classes are needed for classification."))
        }
        _ => Ok(()),
    }
}

/// The classes with the sizes of their sets; a warning for each set a class has nothing in.
pub(super) fn split_table(lists: &ImageLists) {
    for label in &lists.labels {
        let counts = Category::ALL.map(|c| format!("{} {}", label.images(c).len(), c.name()));
        debug!(target: "retrain", "'{}': {}", label.label, counts.join(", "));
        for category in Category::ALL.into_iter().filter(|&c| label.images(c).is_empty()) {
            warn!(
                target: "retrain",
                "Label '{}' has no images in the category {}; more images, or a larger percentage, would mend that",
                label.label, category.name()
            );
        }
    }
    let counts = Category::ALL.map(|c| format!("{} {}", lists.count(c), c.name()));
    info!(target: "retrain", "{} classes: {} images", lists.class_count(), counts.join(", "));
}

/// The test images whose predicted class is not theirs, as the scripts list them. `misclassified` holds rows of
/// `bottlenecks` and predicted class indices.
pub(super) fn misclassified(lists: &ImageLists, bottlenecks: &Bottlenecks, misclassified: &[(usize, usize)]) {
    info!(target: "tensorflow", "=== MISCLASSIFIED TEST IMAGES ===");
    for &(row, predicted) in misclassified {
        let path = bottlenecks.paths[row].to_string_lossy();
        info!(target: "tensorflow", "{path:>70}  {}", lists.labels[predicted].label);
    }
}

/// How to label a photograph with the graph just written: label_image's defaults are those of a MobileNet.
pub(super) fn labelling_command(config: &Config, backbone: &Backbone) {
    let pixels = &backbone.pixels;
    let (mean, std) = match pixels.range {
        PixelRange::Multiply { mean, std } | PixelRange::Divide { mean, std } => (mean, std),
        PixelRange::Unit => (0.0, 255.0),
    };
    let flags = [
        format!("--graph={}", quoted(&config.output_graph.to_string_lossy())),
        format!("--labels={}", quoted(&config.output_labels.to_string_lossy())),
        format!("--input_layer={}", quoted(&backbone.input)),
        format!("--output_layer={}", quoted(&config.final_tensor_name)),
        format!("--input_width={} --input_height={}", pixels.width, pixels.height),
        format!("--input_mean={mean} --input_std={std}"),
    ];
    info!(target: "retrain", "To label a photograph: label_image {} --image=PHOTOGRAPH", flags.join(" "));
}

/// As a shell reads it as one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=+,@%".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
