//! What a run tells its user about classes and mistakes.

use crate::bottleneck::{BadImage, Bottlenecks};
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
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

/// How many bad images are listed; the log file names them all.
const LISTED: usize = 20;

/// Images that could not be decoded: an error that lists them, or warnings.
pub(super) fn bad_images(bad: &[BadImage], skip: bool) -> Result<()> {
    let line = |b: &BadImage| format!("Error during processing file {} ({})", b.path.display(), b.message);
    let Some(first) = bad.first() else { return Ok(()) };
    if skip {
        bad.iter().for_each(|b| warn!(target: "retrain", "{}", line(b)));
        warn!(target: "retrain", "{} images are left out", bad.len());
        return Ok(());
    }
    if bad.len() == 1 {
        return Err(Error::input(&first.path, format!("{}; --on_bad_image=skip leaves it out", line(first))));
    }
    let mut lines: Vec<String> = bad.iter().take(LISTED).map(line).collect();
    if bad.len() > LISTED {
        bad[LISTED..].iter().for_each(|b| debug!(target: "retrain", "{}", line(b)));
        lines.push(format!("… and {} more", bad.len() - LISTED));
    }
    let message =
        format!("{} images cannot be used; --on_bad_image=skip leaves them out\n{}", bad.len(), lines.join("\n"));
    Err(Error::input(&first.path, message))
}
