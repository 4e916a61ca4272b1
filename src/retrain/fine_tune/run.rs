//! Fine-tuning as a part of a run: after the training of the new layer, before the final test.

use super::replace::replace_values;
use super::task::{Keep, Report, Task, Untuned, Watch};
use super::tuning::fine_tune;
use crate::bottleneck::{Bottlenecks, CacheSpec, cache_bottlenecks};
use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::events::EventsWriter;
use crate::inference::LocalExtractor;
use crate::learn::FineTune;
use crate::model::Backbone;
use crate::proto::{self, Summary, summary};
use crate::retrain::observer::{Observer, Step};
use crate::retrain::state::Conditions;
use crate::retrain::tensorboard::TensorBoard;
use crate::retrain::this_run::Run;
use crate::tf::NamedTensor;

/// The outcome of the new layer's training, which fine-tuning continues.
pub(in crate::retrain) struct Start<'a, 'l> {
    pub(in crate::retrain) run: &'a Run<'a>,
    /// The new layer's variables.
    pub(in crate::retrain) head: &'a [NamedTensor],
    pub(in crate::retrain) bottlenecks: &'a Bottlenecks<'l>,
    pub(in crate::retrain) lists: &'l ImageLists,
    pub(in crate::retrain) conditions: &'a Conditions,
    pub(in crate::retrain) board: &'a mut TensorBoard,
}

/// A tuned network.
pub(in crate::retrain) struct Tuned<'l> {
    /// The network's constants that have changed.
    pub(in crate::retrain) constants: Vec<NamedTensor>,
    /// The new layer's variables.
    pub(in crate::retrain) head: Vec<NamedTensor>,
    /// The bottlenecks of the tuned network.
    pub(in crate::retrain) bottlenecks: Bottlenecks<'l>,
}

/// Fine-tunes the network if the settings say so, and computes its bottlenecks anew.
pub(in crate::retrain) fn run<'l>(
    untuned: Option<&Untuned<'_>>,
    start: Start<'_, 'l>,
    observer: &mut dyn Observer,
) -> Result<Option<Tuned<'l>>> {
    let Some(Untuned { settings, backbone }) = untuned else { return Ok(None) };
    let Start { run, head, bottlenecks, lists, conditions, board } = start;
    let steps = run.config.training.how_many_training_steps;
    let rows = |set| -> Vec<usize> { bottlenecks.members(set).iter().flatten().copied().collect() };
    let mut watch = Watcher { board, observer, before: steps };
    let task = Task {
        settings,
        backbone,
        head,
        photographs: &bottlenecks.photographs,
        classes: &bottlenecks.classes,
        class_count: lists.class_count(),
        training: &rows(Category::Training),
        validation: &rows(Category::Validation),
        random_seed: run.random_seed,
        cancel: &run.config.cancel,
        keep: Some(Keep {
            path: run.summaries_dir.join("fine_tune.state"),
            conditions: all_conditions(settings, conditions, steps),
            resume: run.resumed.is_some(),
        }),
    };
    let mut constants = fine_tune(&task, &mut watch)?.trained()?;
    let tuned_head = constants.split_off(constants.len() - head.len());
    let mut backbone = backbone.clone();
    replace_values(&mut backbone.graph_def, &constants);
    for (name, value) in &mut backbone.variables {
        if let Some((_, tuned)) = constants.iter().find(|(n, _)| n == name) {
            *value = tuned.clone();
        }
    }
    let bottlenecks = bottlenecks_of(run, &backbone, lists)?;
    Ok(Some(Tuned { constants, head: tuned_head, bottlenecks }))
}

/// The bottlenecks of the tuned network. They do not belong in the cache.
fn bottlenecks_of<'l>(
    run: &Run<'_>,
    backbone: &Backbone,
    lists: &'l ImageLists,
) -> Result<Bottlenecks<'l>> {
    let dir = tempfile::tempdir();
    let dir = dir.map_err(Error::io("creating a directory in", &std::env::temp_dir()))?;
    let spec = CacheSpec {
        bottleneck_dir: dir.path(),
        model: &backbone.name,
        text: false,
        check_mtime: false,
        categories: run.config.cached_sets(),
        cancel: &run.config.cancel,
    };
    let extractor = LocalExtractor::with_workers(backbone, run.config.workers.as_ref());
    Ok(cache_bottlenecks(&extractor, lists, &spec, &mut |_| {})?.0)
}

fn all_conditions(settings: &FineTune, conditions: &Conditions, steps: u64) -> Conditions {
    let own = [
        ("fine_tune", settings.layers.to_string()),
        ("fine_tune_learning_rate", settings.learning_rate.to_string()),
        ("fine_tune_epochs", settings.epochs.to_string()),
        ("how_many_training_steps", steps.to_string()),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    conditions.iter().cloned().chain(own).collect()
}

/// Passes steps on to the observer and to TensorBoard, whose steps go on from those of the new
/// layer.
struct Watcher<'a> {
    board: &'a mut TensorBoard,
    observer: &'a mut dyn Observer,
    /// The new layer's steps.
    before: u64,
}

impl Watch for Watcher<'_> {
    fn step(&mut self, report: &Report) -> Result<()> {
        let step = self.before + report.done - 1;
        let scalars = [
            ("cross_entropy", report.cross_entropy),
            ("accuracy", report.accuracy),
            ("learning_rate", report.learning_rate),
        ];
        add_scalars(&mut self.board.train, &scalars, step)?;
        if let Some((accuracy, _)) = report.validation {
            add_scalars(&mut self.board.validation, &[("accuracy", accuracy)], step)?;
            self.board.flush()?;
        }
        self.observer.fine_tuned(Step { done: report.done, total: report.total });
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.board.sync()
    }
}

/// Adds scalars under `fine_tune/`.
fn add_scalars(events: &mut EventsWriter, scalars: &[(&str, f32)], step: u64) -> Result<()> {
    let value = |&(tag, value): &(&str, f32)| summary::Value {
        tag: format!("fine_tune/{tag}"),
        simple_value: value,
        ..summary::Value::default()
    };
    let summary = Summary { value: scalars.iter().map(value).collect(), ..Summary::default() };
    events.add_summary(proto::serialize(&summary)?, step as i64)
}
