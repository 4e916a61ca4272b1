//! The classes and the sizes of their sets.

use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::retrain::config::Config;
use log::{Level, info, log, warn};

/// Fails if there are fewer than two classes, as the scripts do.
pub(in crate::retrain) fn check_classes(lists: &ImageLists) -> Result<()> {
    let dir = &lists.image_dir;
    let place = dir.display();
    let message = match lists.class_count() {
        0 => format!("No valid folders of images found at {place}"),
        1 => format!(
            "Only one valid folder of images found at {place} - multiple classes are needed for \
             classification."
        ),
        _ => return Ok(()),
    };
    Err(Error::input(dir, message))
}

/// Fails if there are steps to run but no training images.
pub(in crate::retrain) fn check_training(config: &Config, lists: &ImageLists) -> Result<()> {
    if lists.count(Category::Training) > 0 || config.training.how_many_training_steps == 0 {
        return Ok(());
    }
    let message = "leaves no image to train on; lower it, or `validation_percentage`";
    Err(Error::usage("testing_percentage", message))
}

/// With more classes than this, only the table's last line is logged at INFO; the rest goes to
/// DEBUG.
const SHOWN: usize = 40;

/// Logs the sizes of each class's sets, and warns of empty ones.
pub(in crate::retrain) fn split_table(lists: &ImageLists) {
    let widths = lists.labels.iter().map(|l| l.label.chars().count());
    let width = widths.max().unwrap_or(0).clamp(5, 40);
    let level = if lists.class_count() > SHOWN { Level::Debug } else { Level::Info };
    log!(target: "retrain", level, "{:<width$}  training  testing  validation", "class");
    for label in &lists.labels {
        let [training, testing, validation] = Category::ALL.map(|c| label.images(c).len());
        let name = &label.label;
        log!(
            target: "retrain", level,
            "{name:<width$}  {training:>8}  {testing:>7}  {validation:>10}"
        );
        for category in Category::ALL.into_iter().filter(|&c| label.images(c).is_empty()) {
            let category = category.name();
            warn!(
                target: "retrain",
                "Label '{name}' has no images in the category {category}; add images, or use a \
                 larger percentage"
            );
        }
    }
    let counts = Category::ALL.map(|c| format!("{} {}", lists.count(c), c.name()));
    info!(target: "retrain", "{} classes: {} images", lists.class_count(), counts.join(", "));
}
