//! TensorBoard's tabs that the scripts leave empty: the projector; and, in an events file of its
//! own, images, texts, precision–recall curves and hyperparameters. Those of `train/` and
//! `validation/` stay the scripts'.

mod canvas;
mod confusion_matrix;
mod hparams;
mod misclassified;
mod pr_curves;
mod projector;
mod tags;
mod text;

pub use projector::PROJECTOR_FILES;
pub(super) use projector::Projector;

use super::{Exporter, Material};
use crate::error::Result;
use crate::events;
use crate::proto::Summary;
use std::path::Path;

/// Ends the name of the events file, so that a resumed run finds and replaces it.
const SUFFIX: &str = ".retrain";

/// Writes the events file of all tabs but the projector.
pub(super) struct Summaries;

impl Exporter for Summaries {
    fn export(&self, material: &Material<'_>, dir: &Path) -> Result<()> {
        let outcome = material.outcome;
        let mut value = hparams::values(outcome)?;
        value.extend(text::values(material));
        value.extend(confusion_matrix::value(outcome)?);
        value.extend(misclassified::value(material)?);
        value.extend(pr_curves::values(outcome)?);
        let summary = Summary { value, ..Summary::default() };
        events::replace_summary(dir, SUFFIX, &summary, outcome.steps as i64)
    }
}
