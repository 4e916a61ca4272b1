//! Whether what is left of the photographs, after the split and without those that cannot be used,
//! can be trained on.

use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::retrain::config::Config;
use log::warn;

/// Without training images nothing can be trained.
pub(in crate::retrain) fn check_training(config: &Config, count: usize) -> Result<()> {
    if count > 0 || config.how_many_training_steps == 0 {
        return Ok(());
    }
    let message = "leaves no image to train on; lower it, or --validation_percentage";
    Err(Error::usage("testing_percentage", message))
}

/// Fewer than two classes with usable images end the run; a class that is left with none is named.
pub(in crate::retrain) fn check_usable(
    config: &Config,
    lists: &ImageLists,
    bottlenecks: &Bottlenecks,
) -> Result<()> {
    let count = |class: usize, category| bottlenecks.members(category)[class].len();
    let empty = |class: &usize| Category::ALL.iter().all(|&c| count(*class, c) == 0);
    let classes = 0..lists.class_count();
    let lost: Vec<usize> = classes.clone().filter(empty).collect();
    if classes.len() - lost.len() < 2 {
        let message =
            "fewer than two classes are left with images that can be used; see the warnings above";
        return Err(Error::input(&lists.image_dir, message));
    }
    for class in lost {
        let label = &lists.labels[class].label;
        warn!(target: "retrain", "Label '{label}' has no image that can be used: it is kept, but never learnt");
    }
    let training: usize = classes.map(|class| count(class, Category::Training)).sum();
    if training == 0 && config.how_many_training_steps > 0 {
        let message = "no training image is left that can be used; see the warnings above";
        return Err(Error::input(&lists.image_dir, message));
    }
    Ok(())
}
