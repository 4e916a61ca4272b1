//! How the generations of the script differ; chosen once per run.

use super::config::Pretrained;
use crate::dataset::Layout;
use crate::layers::Truth;

/// The conventions of one generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conventions {
    /// Which directories are classes.
    pub(super) layout: Layout,
    /// The scope of the new layer's nodes.
    pub(super) scope: &'static str,
    /// How true classes are fed.
    pub(super) truth: Truth,
    /// Which graph is evaluated at the end, and exported.
    pub(super) exported: Exported,
    /// The setting that names the model.
    pub(super) model_setting: &'static str,
}

/// Which graph is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exported {
    /// The training graph, reduced to what the result needs.
    Training,
    /// A graph without training, whose variables come from a checkpoint.
    Evaluation,
}

/// tensorflow-for-poets (`--architecture`).
const POETS: Conventions = Conventions {
    layout: Layout::Children,
    scope: "final_training_ops",
    truth: Truth::OneHot,
    exported: Exported::Training,
    model_setting: "architecture",
};

/// The examples of tensorflow/hub (`--tfhub_module`).
const HUB: Conventions = Conventions {
    layout: Layout::Walk,
    scope: "final_retrain_ops",
    truth: Truth::Index,
    exported: Exported::Evaluation,
    model_setting: "tfhub_module",
};

impl Conventions {
    /// The conventions of the script that retrains this kind of model.
    pub(super) fn of(pretrained: &Pretrained) -> Self {
        match pretrained {
            Pretrained::Architecture(_) | Pretrained::OwnGraph(_) => POETS,
            Pretrained::HubModule(_) => HUB,
        }
    }
}
