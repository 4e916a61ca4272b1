//! Checks once all photographs have been read: which are unusable, whether enough are left, and
//! which are copies in another set.

use crate::bottleneck::{BadImage, Bottlenecks};
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::retrain::config::{Config, OnBadImage};
use crate::text::{one_line, shown};
use log::{debug, warn};

/// How many bad images an error lists; the log at DEBUG names the others.
const LISTED: usize = 20;

/// Reports images that could not be decoded, as one error or as warnings.
pub(in crate::retrain) fn bad_images(bad: &[BadImage], on_bad_image: OnBadImage) -> Result<()> {
    let line =
        |b: &BadImage| format!("Error during processing file {} ({})", shown(&b.path), b.message);
    let Some(first) = bad.first() else { return Ok(()) };
    if on_bad_image == OnBadImage::Skip {
        bad.iter().for_each(|b| warn!(target: "retrain", "{}", line(b)));
        warn!(target: "retrain", "{} images are left out", bad.len());
        return Ok(());
    }
    if bad.len() == 1 {
        let message = format!("{}; `on_bad_image=skip` leaves it out", line(first));
        return Err(Error::input(&first.path, message));
    }
    let mut lines: Vec<String> = bad.iter().take(LISTED).map(line).collect();
    if bad.len() > LISTED {
        bad[LISTED..].iter().for_each(|b| debug!(target: "retrain", "{}", line(b)));
        lines.push(format!("… and {} more", bad.len() - LISTED));
    }
    let count = bad.len();
    let lines = lines.join("\n");
    let message =
        format!("{count} images cannot be used; `on_bad_image=skip` leaves them out\n{lines}");
    Err(Error::input(&first.path, message))
}

/// Fails if fewer than two classes have usable images; warns of each class that has none.
pub(in crate::retrain) fn check_usable(
    config: &Config,
    lists: &ImageLists,
    bottlenecks: &Bottlenecks<'_>,
) -> Result<()> {
    let count = |class: usize, category| bottlenecks.members(category)[class].len();
    let empty = |class: &usize| Category::ALL.iter().all(|&c| count(*class, c) == 0);
    let classes = 0..lists.class_count();
    let lost: Vec<usize> = classes.clone().filter(empty).collect();
    let too_few =
        |what: &str| Err(Error::input(&lists.place, format!("{what}; see the warnings above")));
    if classes.len() - lost.len() < 2 {
        return too_few("fewer than two classes have usable images left");
    }
    for class in lost {
        let label = one_line(&lists.labels[class].label);
        warn!(
            target: "retrain",
            "Label '{label}' has no usable images: it is kept, but never learnt"
        );
    }
    let training: usize = classes.map(|class| count(class, Category::Training)).sum();
    if training == 0 && config.training.how_many_training_steps > 0 {
        return too_few("no usable training images are left");
    }
    Ok(())
}

/// Warns of identical files in different sets: they make the result look better than it is.
pub(in crate::retrain) fn duplicates(bottlenecks: &Bottlenecks<'_>) {
    let pairs = bottlenecks.duplicates_across_sets();
    let pair = |(a, b): &(usize, usize)| {
        let [a, b] = [a, b].map(|&row| shown(bottlenecks.path(row)));
        format!("{a} = {b}")
    };
    let listed: Vec<String> = pairs.iter().take(3).map(pair).collect();
    if listed.is_empty() {
        return;
    }
    let more = if pairs.len() > listed.len() { ", …" } else { "" };
    warn!(
        target: "retrain",
        "{} images are exact copies of images in another set, so accuracies will be too high: \
         {}{more}; remove the copies, give them names that differ only after _nohash_, or use \
         `split_key=content`",
        pairs.len(), listed.join(", ")
    );
}
