//! The classes and the sizes of their sets.

use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::learn::Optimizer;
use crate::retrain::config::Config;
use crate::text::one_line;
use log::{Level, info, log, warn};

/// Fails if there are fewer than two classes, as the scripts do.
pub(in crate::retrain) fn check_classes(lists: &ImageLists) -> Result<()> {
    let dir = &lists.place;
    let place = dir.display();
    let message = match lists.class_count() {
        0 if lists.instead.is_empty() => format!("No valid folders of images found at {place}"),
        0 => format!("No valid folders of images found at {place}\n{}", lists.instead),
        1 => format!(
            "Only one valid folder of images found at {place} - multiple classes are needed for \
             classification."
        ),
        _ => return Ok(()),
    };
    Err(Error::input(dir, message))
}

/// Fails if there are steps to run but no training images, or none that count.
pub(in crate::retrain) fn check_training(config: &Config, lists: &ImageLists) -> Result<()> {
    if config.training.how_many_training_steps == 0 {
        return Ok(());
    }
    if lists.count(Category::Training) > 0 {
        return check_weights(config, lists);
    }
    let message = "leaves no image to train on; lower it, or `validation_percentage`";
    Err(Error::usage("testing_percentage", message))
}

/// Fails if weights cannot be honoured. A batch of all photographs takes each once.
fn check_weights(config: &Config, lists: &ImageLists) -> Result<()> {
    let listed = || lists.labels.iter().flat_map(|label| label.images(Category::Training));
    if listed().all(|listed| listed.weight == 1.0) {
        return Ok(());
    }
    let ignored = "`image_list_columns=weight=` ignores the column";
    if listed().all(|listed| listed.weight == 0.0) {
        let message = format!("gives all training photographs the weight 0; {ignored}");
        return Err(Error::input(&lists.place, message));
    }
    let training = &config.training;
    if training.train_batch_size.is_none() && config.head.optimizer != Optimizer::Lbfgs {
        let message = format!(
            "of all photographs takes each once, and would not honour the catalogue's weights; \
             give a number, or `optimizer=lbfgs`; {ignored}"
        );
        return Err(Error::usage("train_batch_size", message));
    }
    if training.fine_tune.is_some() {
        warn!(target: "retrain", "Fine-tuning shows all photographs alike, whatever their weight");
    }
    Ok(())
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
        let name = one_line(&label.label);
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
