//! Reads the flags that say how the new layer learns.

use super::argparse::Parsed;
use crate::error::{Error, Result};
use crate::fsio;
use crate::learn::{ClassWeights, Optimizer, WeightDecay};
use crate::retrain::{CrossValidate, HeadSettings};
use std::collections::BTreeMap;
use std::path::Path;

/// How the new layer learns.
pub(super) fn head(parsed: &Parsed) -> Result<HeadSettings> {
    let optimizer = match parsed.choice("optimizer", &["sgd", "adam", "lbfgs"])?.as_str() {
        "adam" => Optimizer::Adam,
        "lbfgs" => Optimizer::Lbfgs,
        _ => Optimizer::Sgd,
    };
    let patience = parsed.at_least_0("early_stopping")?;
    Ok(HeadSettings {
        optimizer,
        weight_decay: weight_decay(parsed)?,
        feature_scaling: parsed.choice("feature_scaling", &["none", "standard"])? == "standard",
        class_weights: class_weights(parsed)?,
        label_smoothing: parsed.float("label_smoothing")? as f32,
        early_stopping: Some(patience).filter(|&n| n > 0),
    })
}

/// The cross-validation, if there is to be one.
pub(super) fn cross_validate(parsed: &Parsed) -> Result<Option<CrossValidate>> {
    let number = |name| parsed.at_least_0(name).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let (folds, repeats) = (number("cross_validate")?, number("cross_validate_repeats")?);
    Ok((folds > 0).then_some(CrossValidate { folds, repeats }))
}

fn weight_decay(parsed: &Parsed) -> Result<WeightDecay> {
    match parsed.text("weight_decay")?.as_str() {
        "auto" => Ok(WeightDecay::Auto),
        text => text.trim().parse().map(WeightDecay::Value).map_err(|_| {
            Error::usage(
                "weight_decay",
                format!("must be a number from 0 on, or auto, not '{text}'"),
            )
        }),
    }
}

fn class_weights(parsed: &Parsed) -> Result<ClassWeights> {
    match parsed.text("class_weights")?.as_str() {
        "none" => Ok(ClassWeights::None),
        "balanced" => Ok(ClassWeights::Balanced),
        file => weights_of(Path::new(file)).map(ClassWeights::ByLabel),
    }
}

/// The weights in a JSON file: an object of positive numbers by label.
fn weights_of(path: &Path) -> Result<BTreeMap<String, f64>> {
    if !path.is_file() {
        let message =
            format!("must be none, balanced or a JSON file; there is no file {}", path.display());
        return Err(Error::usage("class_weights", message));
    }
    let wrong = |why: String| {
        let message = format!("{why}; write {{\"label\": weight, …}} with positive numbers");
        Error::input(path, message)
    };
    let weights: BTreeMap<String, f64> = serde_json::from_slice(&fsio::read(path)?)
        .map_err(|e| wrong(format!("is not an object of class weights ({e})")))?;
    match weights.iter().find(|(_, weight)| !(weight.is_finite() && **weight > 0.0)) {
        Some((label, weight)) => Err(wrong(format!("gives '{label}' the weight {weight}"))),
        None => Ok(weights),
    }
}
