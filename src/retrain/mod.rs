//! `retrain.py`, step by step: [`run`] is its table of contents.

mod batches;
mod caching;
mod checks;
mod config;
mod conventions;
mod cross_validate;
mod earlier_run;
mod early_stopping;
mod evaluation;
mod exporter;
mod final_test;
pub mod fine_tune;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod head;
mod observer;
mod parked;
mod plan;
mod pretrained;
mod read_ahead;
mod results;
mod schedule;
mod serving;
mod serving_bytes;
mod settings;
mod state;
mod summaries_dir;
mod tensorboard;
mod this_run;
mod training;

pub use crate::dataset::{Catalogue, Directory, Formats, Source, Split, SplitKey};
pub use crate::learn::{FineTune, Selection};
pub use crate::report::{Evaluation, Model, Outcome, Prediction, Quantization, Times, Written};
pub use caching::{Cached, fill_cache};
pub use config::{
    BatchOrder, Cache, Config, CrossValidate, Head as HeadSettings, OnBadImage, Outputs,
    Pretrained, ReportDir, Training,
};
pub use observer::{Observer, Step};

use crate::bottleneck::{BadImage, Bottlenecks, cache_bottlenecks};
use crate::dataset::{Category, ImageLists, create_image_lists};
use crate::error::{Error, Result};
use crate::inference::{DistortedImages, LocalExtractor, PIXEL_BUDGET};
use crate::layers::{HeadSpec, QuantForm, Truth};
use crate::model::Backbone;
use crate::tf::NamedTensor;
use crate::{fsio, proto, tf};
use batches::Batches;
use caching::{cache_spec, tell};
use conventions::Conventions;
use cross_validate::{Validated, cross_validate};
use early_stopping::EarlyStopping;
use exporter::Exporter;
use fine_tune::Untuned;
use head::Head;
use log::info;
use plan::Plan;
use pretrained::load_pretrained;
use schedule::Schedule;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tensorboard::TensorBoard;
use this_run::Run;
use training::Training as StepLoop;

/// Retrains as `config` says. Results are written as soon as they exist: cache files, summaries,
/// intermediate graphs, and at the end the graph and its labels.
///
/// # Errors
/// Cheap checks come before any expensive work: settings, output paths, the photographs' directory.
/// A cancelled run ends with [`Error::Cancelled`].
pub fn run(config: &Config, observer: &mut dyn Observer) -> Result<Outcome> {
    let start = Instant::now();
    let mut times = Times::default();
    config.check()?;
    config.clear_temporary_files();
    let conventions = Conventions::of(&config.pretrained);
    let run = Run::find(config)?;
    let lists = Arc::new(list_images(config, &conventions)?);
    tf::load()?;
    let (version, seed) = (tf::version(), run.random_seed);
    info!(
        target: "retrain",
        "TensorFlow {version}, random seed {seed} (repeat this run with `random_seed={seed}`)"
    );
    let backbone = load_pretrained(config)?;
    plan::check(config, &backbone, &lists)?;
    checks::check_memory(config, &lists, backbone.bottleneck_size)?;
    prepare_file_system(&run)?;
    observer.started(&run.summaries_dir)?;

    let (bottlenecks, bad_images) = get_bottlenecks(config, &backbone, &lists, observer)?;
    times.bottlenecks = start.elapsed();
    let conditions = conditions(&run, &conventions, &backbone, &bottlenecks)?;
    let distorted = distorted_images(&run, &backbone, &bottlenecks)?;

    let plan = Plan::new(config, &bottlenecks, &lists, seed);
    let spec = head_spec(&run, &conventions, &backbone, &lists, &plan);
    let distortions = run.distortions();
    let training = head::Training {
        spec: &spec,
        loss: &plan.loss,
        step: plan.step,
        distortions: distortions.as_ref(),
    };
    let (head, graph) = Head::build(&backbone, training)?;
    let board = TensorBoard::create(&run.summaries_dir)?;
    let events = (proto::serialize(&graph.graph_def)?, graph.meta_graph_def.clone());
    let model = results::model(&backbone, config, &graph.ops);
    let untuned = Untuned::of(config, &backbone);
    let exporter = Exporter::new(&run, conventions.exported, backbone, &spec, graph)?;
    let mut batches = Batches::new(&bottlenecks, distorted, spec.truth, lists.class_count(), seed);
    batches.scale(plan.scaling.clone());
    if config.training.batch_order == BatchOrder::Epochs {
        batches.in_epochs(seed);
    }
    let schedule = Schedule::new(&config.training, &config.head, &config.outputs);
    let step = 0;
    let mut training = StepLoop {
        curve: Vec::new(),
        plan: &plan,
        early_stopping: EarlyStopping::new(config.head.early_stopping),
        run: &run,
        head: &head,
        batches: &mut batches,
        exporter: &exporter,
        board,
        schedule,
        step,
        conditions,
    };
    training.start(events)?;
    training.train(observer)?;
    let StepLoop { step: steps, curve, board, conditions, .. } = training;

    let trained = Trained {
        start,
        times,
        run: &run,
        lists: &lists,
        bottlenecks: &bottlenecks,
        layer: plan.exported(head.layer()?),
        head: &head,
        batches,
        exporter,
        untuned,
        board,
        conditions,
        model,
        steps,
        curve,
        bad_images,
    };
    trained.finish(observer)
}

/// A run whose new layer has been trained.
struct Trained<'r, 'l> {
    start: Instant,
    times: Times,
    run: &'r Run<'r>,
    lists: &'l Arc<ImageLists>,
    bottlenecks: &'r Bottlenecks<'l>,
    /// The layer, for features as they are.
    layer: Vec<NamedTensor>,
    head: &'r Head,
    batches: Batches<'r>,
    exporter: Exporter<'r>,
    /// The network, if it is to be fine-tuned.
    untuned: Option<Untuned<'r>>,
    board: TensorBoard,
    conditions: state::Conditions,
    model: Model,
    steps: u64,
    curve: Vec<Evaluation>,
    bad_images: Vec<BadImage>,
}

impl Trained<'_, '_> {
    /// Fine-tunes the network if asked to, tests, exports and reports.
    fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let (config, run, lists) = (self.run.config, self.run, self.lists);
        let learned = fine_tune::Start {
            run,
            head: &self.layer,
            bottlenecks: self.bottlenecks,
            lists,
            conditions: &self.conditions,
            board: &mut self.board,
        };
        let tuned = fine_tune::run(self.untuned.as_ref(), learned, observer)?;
        if let Some(tuned) = &tuned {
            self.exporter.replace(&tuned.constants)?;
            self.layer.clone_from(&tuned.head);
        }
        let (exporter, layer, head) = (&self.exporter, &self.layer, self.head);
        let bottlenecks = tuned.as_ref().map_or(self.bottlenecks, |tuned| &tuned.bottlenecks);
        let mut batches = self.batches.reading(bottlenecks);
        head.set_layer(layer)?;
        batches.scale(None);
        let evaluator = exporter.evaluator(layer)?;
        let evaluator = evaluator.as_ref().unwrap_or(&head.evaluator);
        let (test_accuracy, predictions) =
            final_test::final_test(&mut batches, evaluator, config.training.test_batch_size)?;
        self.times.training = self.start.elapsed() - self.times.bottlenecks;
        let labels: Vec<String> = lists.labels.iter().map(|l| l.label.clone()).collect();
        if config.training.print_misclassified_test_images {
            final_test::print_misclassified(&predictions, &labels);
        }
        exporter.export(layer, &labels)?;
        let (photographs, rows) = final_test::predict_all(&batches, evaluator)?;
        let cross_validation = cross_validate(&Validated {
            config,
            bottlenecks: self.bottlenecks,
            rows: &rows,
            labels: &labels,
            seed: run.random_seed,
            untuned: self.untuned.as_ref(),
        })?;
        let mut outcome = Outcome {
            test_accuracy,
            predictions,
            copies: results::copies(bottlenecks, &rows),
            tested: results::tested(bottlenecks, &photographs, &rows),
            cross_validation,
            photographs,
            curve: self.curve,
            settings: config.settings(),
            tensorflow: tf::version(),
            labels,
            split: Arc::clone(lists),
            bad_images: self.bad_images,
            retyped: earlier_run::retyped(config, lists),
            turned: self.bottlenecks.turned,
            model: self.model,
            random_seed: run.random_seed,
            steps: self.steps,
            times: self.times,
            written: results::written(run),
        };
        results::write(run, &mut outcome, bottlenecks, &rows)?;
        outcome.times.total = self.start.elapsed();
        Ok(outcome)
    }
}

/// Lists the classes and their images, checks them and logs them.
fn list_images(config: &Config, conventions: &Conventions) -> Result<ImageLists> {
    let lists = create_image_lists(&config.photographs, conventions.layout, &config.split)?;
    checks::check_classes(&lists)?;
    checks::check_training(config, &lists)?;
    checks::check_weights(config, &lists)?;
    checks::split_table(&lists);
    Ok(lists)
}

fn head_spec(
    run: &Run<'_>,
    conventions: &Conventions,
    backbone: &Backbone,
    lists: &ImageLists,
    plan: &Plan,
) -> HeadSpec {
    HeadSpec {
        scope: conventions.scope,
        // Class indices can be neither weighted nor smoothed.
        truth: if plan.loss.is_plain() { conventions.truth } else { Truth::OneHot },
        class_count: lists.class_count(),
        final_tensor_name: run.config.outputs.final_tensor_name.clone(),
        bottleneck_tensor: backbone.bottleneck.clone(),
        bottleneck_tensor_size: backbone.bottleneck_size,
        quantize: backbone.wants_quantization.then_some(QuantForm::Training),
        seed: run.random_seed,
    }
}

/// The bottlenecks of all images, computed if the cache lacks them.
fn get_bottlenecks<'l>(
    config: &Config,
    backbone: &Backbone,
    lists: &'l ImageLists,
    observer: &mut dyn Observer,
) -> Result<(Bottlenecks<'l>, Vec<BadImage>)> {
    let spec = cache_spec(config, &backbone.name);
    let mut workers = config.workers.clone();
    workers.iter_mut().for_each(|workers| workers.cancel = config.cancel.clone());
    let extractor = LocalExtractor::with_workers(backbone, workers.as_ref());
    let (bottlenecks, bad) = cache_bottlenecks(&extractor, lists, &spec, &mut tell(observer))?;
    checks::bad_images(&bad, config.on_bad_image)?;
    checks::check_usable(config, lists, &bottlenecks)?;
    checks::duplicates(&bottlenecks);
    Ok((bottlenecks, bad))
}

/// What the run's result depends on. Fails if that has changed since a resumed run was saved.
fn conditions(
    run: &Run<'_>,
    conventions: &Conventions,
    backbone: &Backbone,
    bottlenecks: &Bottlenecks<'_>,
) -> Result<state::Conditions> {
    let files = state::conditions_of_files(conventions, backbone, run.config, bottlenecks);
    if let Some(state) = &run.resumed {
        state.check(&files, &run.state_path())?;
    }
    let mut conditions = state::conditions_of_settings(run.config, run.random_seed);
    conditions.extend(files);
    Ok(conditions)
}

/// Distorts the training images; `None` without distortions or without anything to train on.
fn distorted_images<'a>(
    run: &Run<'_>,
    backbone: &Backbone,
    bottlenecks: &'a Bottlenecks<'a>,
) -> Result<Option<DistortedImages<'a>>> {
    let trains = run.config.training.how_many_training_steps > 0;
    let Some(distortions) = run.distortions().filter(|_| trains) else { return Ok(None) };
    let first = bottlenecks.members(Category::Training).iter().flatten().next();
    let photographs = &bottlenecks.photographs;
    let images =
        |&probe| DistortedImages::new(backbone, &distortions, photographs, probe, PIXEL_BUDGET);
    first.map(images).transpose()
}

/// The script's function of the same name: removes the summaries of an earlier run, and creates the
/// directories for this one.
fn prepare_file_system(run: &Run<'_>) -> Result<()> {
    let dir: &Path = &run.summaries_dir;
    if run.resumed.is_none() && dir.exists() {
        std::fs::remove_dir_all(dir).map_err(Error::io("removing the old summaries in", dir))?;
    }
    fsio::ensure_dir_exists(dir)?;
    let outputs = &run.config.outputs;
    if outputs.intermediate_store_frequency > 0 {
        fsio::ensure_dir_exists(Path::new(&outputs.intermediate_output_graphs_dir))?;
    }
    Ok(())
}
