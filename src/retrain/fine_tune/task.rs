//! What is fine-tuned, on what, and who follows it.

use super::batches::Batches;
use super::photographs::Photographs;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::images::Photograph;
use crate::learn::FineTune;
use crate::model::Backbone;
use crate::retrain::config::Config;
use crate::retrain::state::Conditions;
use crate::tf::NamedTensor;
use std::path::PathBuf;

/// A network to fine-tune, as published, and how.
pub(in crate::retrain) struct Untuned<'a> {
    pub(super) settings: &'a FineTune,
    pub(super) backbone: Backbone,
}

impl<'a> Untuned<'a> {
    /// The backbone, if it is to be fine-tuned.
    pub(in crate::retrain) fn of(config: &'a Config, backbone: &Backbone) -> Option<Self> {
        let settings = config.training.fine_tune.as_ref()?;
        Some(Self { settings, backbone: backbone.clone() })
    }
}

/// What to fine-tune, and on what.
pub(super) struct Task<'a> {
    pub(super) settings: &'a FineTune,
    pub(super) backbone: &'a Backbone,
    /// The new layer's trained weights and biases.
    pub(super) head: &'a [NamedTensor],
    /// The photographs by row.
    pub(super) photographs: &'a [&'a Photograph],
    /// The class of each row.
    pub(super) classes: &'a [usize],
    pub(super) class_count: usize,
    /// The rows to train on.
    pub(super) training: &'a [usize],
    /// The rows to validate on.
    pub(super) validation: &'a [usize],
    pub(super) random_seed: u64,
    pub(super) cancel: &'a CancelToken,
    /// Where the state is kept; `None` if it is not.
    pub(super) keep: Option<Keep>,
}

/// Where the state is kept, and what the run depends on.
pub(super) struct Keep {
    pub(super) path: PathBuf,
    pub(super) conditions: Conditions,
    /// Whether to go on from a state that is there.
    pub(super) resume: bool,
}

/// A step is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    /// How many are done.
    pub(super) done: u64,
    pub(super) total: u64,
    /// The loss of its batch.
    pub(super) cross_entropy: f32,
    /// The accuracy on its batch.
    pub(super) accuracy: f32,
    pub(super) learning_rate: f32,
    /// After an epoch, the accuracy on the validation photographs, and how many there were.
    pub(super) validation: Option<(f32, usize)>,
}

/// Follows fine-tuning.
pub(super) trait Watch {
    /// A step is done.
    fn step(&mut self, report: &Report) -> Result<()>;

    /// The state is about to be kept: everything reported so far must be on disk first.
    fn sync(&mut self) -> Result<()>;
}

impl Watch for () {
    fn step(&mut self, _: &Report) -> Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<'a> Task<'a> {
    pub(super) fn batches(&self, photographs: &'a Photographs<'a>) -> Batches<'a> {
        Batches {
            photographs,
            rows: self.training,
            classes: self.classes,
            class_count: self.class_count,
            seed: self.random_seed,
        }
    }
}
