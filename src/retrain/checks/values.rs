//! Checks of values that need nothing but the settings.

use crate::dataset::{Source, Split};
use crate::error::{Error, Result};
use crate::layers::Distortions;
use crate::learn::{FineTune, Optimizer, WeightDecay};
use crate::retrain::config::{BatchOrder, Config, CrossValidate, Head, Training};

/// A batch copies its bottlenecks: 100,000 of 2048 floats take 800 MB.
const LARGEST_BATCH: usize = 100_000;
/// In percent. It limits memory: images grow to at most ten times their width and height.
const MAX_ENLARGEMENT: u32 = 900;
/// In degrees, to either side: more would only repeat angles.
const HALF_TURN: u32 = 180;

impl Config {
    /// Checks each value, and values that depend on each other.
    pub(crate) fn check_values(&self) -> Result<()> {
        self.split.check()?;
        self.training.check()?;
        self.head.check()?;
        self.check_combinations()?;
        check_node_name(&self.outputs.final_tensor_name)?;
        match &self.photographs {
            Source::Directory(directory) if directory.image_dir.as_os_str().is_empty() => {
                let message = "must be given: a directory that holds one directory per class";
                Err(Error::usage("image_dir", message))
            }
            Source::Catalogue(catalogue) if catalogue.image_list.as_os_str().is_empty() => {
                Err(Error::usage("image_list", "must not be empty: give a catalogue"))
            }
            Source::Directory(_) | Source::Catalogue(_) => Ok(()),
        }
    }
}

impl Config {
    /// With distortions, training photographs have other bottlenecks in each step, so nothing that
    /// needs them beforehand is possible.
    fn check_combinations(&self) -> Result<()> {
        let head = &self.head;
        if let Some(CrossValidate { folds, repeats }) = self.cross_validate {
            if folds < 2 {
                let message = format!("must be at least 2 folds, not {folds}");
                return Err(Error::usage("cross_validate", message));
            }
            if repeats == 0 {
                return Err(Error::usage("cross_validate_repeats", "must be at least 1, not 0"));
            }
        }
        self.check_batch_order()?;
        if self.training.distortions.is_none() {
            return Ok(());
        }
        let needs = [
            (head.optimizer == Optimizer::Lbfgs, "optimizer=lbfgs"),
            (head.feature_scaling, "feature_scaling"),
            (head.weight_decay == WeightDecay::Auto, "weight_decay=auto"),
            (self.cross_validate.is_some(), "cross_validate"),
            (self.training.batch_order == BatchOrder::Epochs, "batch_order=epochs"),
        ];
        match needs.into_iter().find(|(needed, _)| *needed) {
            None => Ok(()),
            Some((_, setting)) => Err(Error::usage(
                setting,
                "cannot be combined with distortions, which change the training photographs in \
                 each step",
            )),
        }
    }
}

impl Config {
    /// What draws no batches has no order of them, and cross-validation draws its own.
    fn check_batch_order(&self) -> Result<()> {
        if self.training.batch_order == BatchOrder::Random {
            return Ok(());
        }
        let without = [
            (self.head.optimizer == Optimizer::Lbfgs, "`optimizer=lbfgs`, which takes no batches"),
            (
                self.training.train_batch_size.is_none(),
                "`train_batch_size=-1`, which takes all photographs in each step",
            ),
            (
                self.cross_validate.is_some(),
                "`cross_validate`, whose layers learn from batches drawn at random",
            ),
        ];
        match without.into_iter().find(|(given, _)| *given) {
            None => Ok(()),
            Some((_, with)) => {
                let message = format!("cannot be combined with {with}");
                Err(Error::usage("batch_order=epochs", message))
            }
        }
    }
}

impl Head {
    fn check(&self) -> Result<()> {
        let smoothing = self.label_smoothing;
        if !(0.0..1.0).contains(&smoothing) {
            let message = format!("must be at least 0 and below 1, not {smoothing}");
            return Err(Error::usage("label_smoothing", message));
        }
        if let WeightDecay::Value(decay) = self.weight_decay
            && !(decay.is_finite() && decay >= 0.0)
        {
            let message = format!("must be a finite number from 0 on, or auto, not {decay}");
            return Err(Error::usage("weight_decay", message));
        }
        match self.early_stopping {
            Some(0) => Err(Error::usage("early_stopping", "must be at least 1 evaluation")),
            Some(_) if self.optimizer == Optimizer::Lbfgs => {
                let message = "has nothing to stop with `optimizer=lbfgs`; leave it out";
                Err(Error::usage("early_stopping", message))
            }
            _ => Ok(()),
        }
    }
}

impl Split {
    fn check(&self) -> Result<()> {
        let (testing, validation) = (self.testing_percentage, self.validation_percentage);
        for (setting, value) in
            [("testing_percentage", testing), ("validation_percentage", validation)]
        {
            if !(0..=100).contains(&value) {
                let message = format!("must be between 0 and 100, not {value}");
                return Err(Error::usage(setting, message));
            }
        }
        if testing + validation > 100 {
            let message = "and `validation_percentage` add up to more than 100";
            return Err(Error::usage("testing_percentage", message));
        }
        Ok(())
    }
}

impl Training {
    fn check(&self) -> Result<()> {
        let rate = self.learning_rate;
        if !rate.is_finite() || rate < 0.0 {
            let message = format!("must be a finite number from 0 on, not {rate}");
            return Err(Error::usage("learning_rate", message));
        }
        if self.eval_step_interval == 0 {
            return Err(Error::usage("eval_step_interval", "must be at least 1, not 0"));
        }
        for (setting, size) in [
            ("train_batch_size", self.train_batch_size),
            ("test_batch_size", self.test_batch_size),
            ("validation_batch_size", self.validation_batch_size),
        ] {
            check_batch_size(setting, size)?;
        }
        self.fine_tune.as_ref().map_or(Ok(()), check_fine_tune)?;
        self.distortions.as_ref().map_or(Ok(()), check_distortions)
    }
}

fn check_batch_size(setting: &str, size: Option<usize>) -> Result<()> {
    let message = match size {
        Some(0) => "must be at least 1, or -1 for all images".into(),
        Some(size) if size > LARGEST_BATCH => {
            format!("must be at most {LARGEST_BATCH}, or -1 for all images, not {size}")
        }
        _ => return Ok(()),
    };
    Err(Error::usage(setting, message))
}

/// More epochs would take days even with few photographs.
const MOST_EPOCHS: u64 = 10_000;

fn check_fine_tune(fine_tune: &FineTune) -> Result<()> {
    let (rate, epochs) = (fine_tune.learning_rate, fine_tune.epochs);
    if !rate.is_finite() || rate <= 0.0 {
        let message = format!("must be a finite number above 0, not {rate}");
        return Err(Error::usage("fine_tune_learning_rate", message));
    }
    if !(1..=MOST_EPOCHS).contains(&epochs) {
        let message = format!("must be from 1 to {MOST_EPOCHS}, not {epochs}");
        return Err(Error::usage("fine_tune_epochs", message));
    }
    Ok(())
}

fn check_distortions(distortions: &Distortions) -> Result<()> {
    let Distortions { random_crop, random_scale, random_brightness, rotate_degrees, .. } =
        *distortions;
    if rotate_degrees > HALF_TURN {
        let message = format!("must be an angle from 0 to {HALF_TURN}°, not {rotate_degrees}");
        return Err(Error::usage("rotate_degrees", message));
    }
    for (setting, value, most, why) in [
        ("random_crop", random_crop, MAX_ENLARGEMENT, ""),
        ("random_scale", random_scale, MAX_ENLARGEMENT, ""),
        ("random_brightness", random_brightness, 100, " (more would make light negative)"),
    ] {
        if value > most {
            let message = format!("must be a percentage from 0 to {most}{why}, not {value}");
            return Err(Error::usage(setting, message));
        }
    }
    let [crop, scale] = [random_crop, random_scale].map(|p| f64::from(100 + p) / 100.0);
    if crop * scale > 10.0 {
        let message = "and `random_crop` together would enlarge images more than ten times";
        return Err(Error::usage("random_scale", message));
    }
    Ok(())
}

/// A name TensorFlow accepts for a node.
fn check_node_name(name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '.');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.\\-/".contains(c);
    if first && !name.ends_with('/') && name.chars().all(allowed) {
        return Ok(());
    }
    let message = format!(
        "'{name}' cannot name a node: use letters, digits and _ . - / only, a letter or digit first"
    );
    Err(Error::usage("final_tensor_name", message))
}
