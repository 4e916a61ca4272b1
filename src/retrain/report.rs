//! What a run tells its user about classes and mistakes.

use crate::bottleneck::{BadImage, Bottlenecks};
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::text::shown;
use log::{Level, debug, info, log, warn};

/// Fewer than two classes end the run, as in the scripts.
pub(super) fn check_classes(lists: &ImageLists) -> Result<()> {
    let dir = &lists.image_dir;
    match lists.class_count() {
        0 => {
            Err(Error::input(dir, format!("No valid folders of images found at {}", dir.display())))
        }
        1 => {
            let message = format!("Only one valid folder of images found at {}", dir.display());
            Err(Error::input(dir, message + " - multiple classes are needed for classification."))
        }
        _ => Ok(()),
    }
}

/// Up to how many classes the table of classes is shown; with more only its last line, and the rest
/// at DEBUG.
const SHOWN: usize = 40;

/// The classes with the sizes of their sets; a warning for each set a class has nothing in.
pub(super) fn split_table(lists: &ImageLists) {
    let width =
        lists.labels.iter().map(|l| l.label.chars().count()).max().unwrap_or(0).clamp(5, 40);
    let level = if lists.class_count() > SHOWN { Level::Debug } else { Level::Info };
    log!(target: "retrain", level, "{:<width$}  training  testing  validation", "class");
    for label in &lists.labels {
        let [training, testing, validation] = Category::ALL.map(|c| label.images(c).len());
        log!(target: "retrain", level, "{:<width$}  {training:>8}  {testing:>7}  {validation:>10}", label.label);
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

/// The test images whose predicted class is not theirs, as the scripts list them. `misclassified`
/// holds rows of `bottlenecks` and predicted class indices.
pub(super) fn misclassified(
    lists: &ImageLists,
    bottlenecks: &Bottlenecks,
    misclassified: &[(usize, usize)],
) {
    info!(target: "tensorflow", "=== MISCLASSIFIED TEST IMAGES ===");
    for &(row, predicted) in misclassified {
        let path = shown(&bottlenecks.paths[row]);
        info!(target: "tensorflow", "{path:>70}  {}", lists.labels[predicted].label);
    }
}

/// How many bad images are listed; the log file names them all.
const LISTED: usize = 20;

/// Images that could not be decoded: an error that lists them, or warnings.
pub(super) fn bad_images(bad: &[BadImage], skip: bool) -> Result<()> {
    let line =
        |b: &BadImage| format!("Error during processing file {} ({})", shown(&b.path), b.message);
    let Some(first) = bad.first() else { return Ok(()) };
    if skip {
        bad.iter().for_each(|b| warn!(target: "retrain", "{}", line(b)));
        warn!(target: "retrain", "{} images are left out", bad.len());
        return Ok(());
    }
    if bad.len() == 1 {
        return Err(Error::input(
            &first.path,
            format!("{}; --on_bad_image=skip leaves it out", line(first)),
        ));
    }
    let mut lines: Vec<String> = bad.iter().take(LISTED).map(line).collect();
    if bad.len() > LISTED {
        bad[LISTED..].iter().for_each(|b| debug!(target: "retrain", "{}", line(b)));
        lines.push(format!("… and {} more", bad.len() - LISTED));
    }
    let message = format!(
        "{} images cannot be used; --on_bad_image=skip leaves them out\n{}",
        bad.len(),
        lines.join("\n")
    );
    Err(Error::input(&first.path, message))
}

/// Images whose very bytes are in more than one set: the result would look better than it is.
pub(super) fn duplicates(bottlenecks: &Bottlenecks) {
    let pairs = bottlenecks.duplicates_across_sets();
    if pairs.is_empty() {
        return;
    }
    let shown: Vec<String> = pairs
        .iter()
        .take(3)
        .map(|(a, b)| {
            format!("{} = {}", bottlenecks.paths[*a].display(), bottlenecks.paths[*b].display())
        })
        .collect();
    let more = if pairs.len() > shown.len() { ", …" } else { "" };
    warn!(
        target: "retrain",
        "{} images are exact copies of images in another set, so that what is tested was also trained on: {}{more}; \
         remove copies, or give them names that differ only after _nohash_",
        pairs.len(), shown.join(", ")
    );
}
