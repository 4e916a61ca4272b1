//! The step loop, the evaluations along the way, and the final test.

use super::config::Config;
use super::evaluation::Evaluator;
use super::head::Head;
use super::state::{self, State};
use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, Sampler};
use crate::error::{Error, Result};
use crate::events::EventsWriter;
use crate::inference::DistortedImages;
use crate::layers::{HeadSpec, Truth};
use crate::tf::{Bytes, Tensor};
use crate::{export, proto, pyfmt, stop};
use chrono::Local;
use log::{info, warn};
use std::path::Path;
use std::time::{Duration, Instant};
use tensorflow::{FetchToken, Output, SessionRunArgs};

/// How often a run's state is kept, unless told otherwise.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// How many test images are evaluated at once: all of a large set would have to be copied into one
/// tensor.
const TEST_CHUNK: usize = 4096;

/// A batch, ready to be fed. Its tensors are used again for the next one of the same size.
struct Batch {
    rows: Vec<usize>,
    bottlenecks: Tensor<f32>,
    ground_truth: GroundTruth,
}

/// The true classes of a batch.
enum GroundTruth {
    /// [batch, classes] (poets).
    OneHot(Tensor<f32>),
    /// [batch] (hub).
    Index(Tensor<i64>),
}

impl Batch {
    fn new() -> Self {
        Self {
            rows: Vec::new(),
            bottlenecks: Tensor::new(&[0, 0]),
            ground_truth: GroundTruth::OneHot(Tensor::new(&[0, 0])),
        }
    }
}

/// A training run on bottlenecks in memory.
pub(super) struct Training<'a> {
    config: &'a Config,
    head: &'a Head,
    bottlenecks: &'a Bottlenecks,
    truth: Truth,
    /// Where training images are distorted: what does so.
    distorted: Option<DistortedImages<'a>>,
    class_count: usize,
    sampler: Sampler,
    /// How many steps are done.
    step: u64,
    course: Vec<(String, String)>,
    train_writer: EventsWriter,
    validation_writer: EventsWriter,
}

impl<'a> Training<'a> {
    /// Opens the events files, with the graph, and initializes the layer.
    pub(super) fn new(
        config: &'a Config,
        head: &'a Head,
        bottlenecks: &'a Bottlenecks,
        distorted: Option<DistortedImages<'a>>,
        spec: &HeadSpec,
        course: Vec<(String, String)>,
        resumed: Option<State>,
    ) -> Result<Self> {
        let mut train_writer = EventsWriter::create(&config.summaries_dir.join("train"))?;
        let mut validation_writer = EventsWriter::create(&config.summaries_dir.join("validation"))?;
        let mut sampler = Sampler::new(config.random_seed);
        let (mut distorted, mut step) = (distorted, 0);
        match resumed {
            Some(state) => {
                step = state.step;
                info!(target: "retrain", "The run goes on after {step} steps");
                head.restore(&state.variables)?;
                sampler.skip_to(state.drawn[0]);
                distorted.iter_mut().for_each(|d| d.skip_to(state.drawn[1]));
                train_writer.add_session_start(step as i64)?;
                validation_writer.add_session_start(step as i64)?;
            }
            None => {
                train_writer
                    .add_graph(proto::serialize(&head.graph_def)?, head.meta_graph_def.clone())?;
                head.initialize()?;
            }
        }
        let (truth, class_count) = (spec.truth, spec.class_count);
        Ok(Self {
            config,
            head,
            bottlenecks,
            truth,
            distorted,
            class_count,
            sampler,
            step,
            course,
            train_writer,
            validation_writer,
        })
    }

    /// Runs all steps.
    pub(super) fn run(&mut self) -> Result<()> {
        let steps = self.config.how_many_training_steps;
        let (mut train, mut validation) = (Batch::new(), Batch::new());
        let mut saved = Instant::now();
        if self.step == 0 {
            self.save_state()?;
        }
        while self.step < steps {
            let i = self.step;
            self.fill(&mut train, Category::Training, self.config.train_batch_size)?;
            self.train_step(&train, i)?;
            if i.is_multiple_of(self.config.eval_step_interval) || i + 1 == steps {
                self.evaluate(&train, &mut validation, i)?;
            }
            let frequency = self.config.intermediate_store_frequency;
            if frequency > 0 && i.is_multiple_of(frequency) && i > 0 {
                self.store_intermediate(i)?;
            }
            self.step += 1;
            let due = match self.config.checkpoint_frequency {
                0 => saved.elapsed() >= CHECKPOINT_INTERVAL,
                frequency => self.step.is_multiple_of(frequency),
            };
            let stopped = stop::requested().is_some();
            if due || stopped || self.step >= steps {
                self.save_state()?;
                saved = Instant::now();
            }
            if self.step < steps {
                let state = state::path(self.config);
                let kept = || {
                    let (step, state) = (self.step, state.display());
                    format!(
                        "{step} of {steps} steps are done and kept in {state}; the same command with --resume goes on"
                    )
                };
                stop::check(kept)?;
            }
        }
        self.train_writer.sync()?;
        self.validation_writer.sync()
    }

    /// Keeps what a resumed run goes on from. Its events are on disk before it: none is missing
    /// then.
    fn save_state(&mut self) -> Result<()> {
        self.train_writer.sync()?;
        self.validation_writer.sync()?;
        let state = State {
            step: self.step,
            seed: self.config.random_seed,
            drawn: [
                self.sampler.drawn(),
                self.distorted.as_ref().map_or(0, DistortedImages::drawn),
            ],
            course: self.course.clone(),
            variables: self.head.layer()?,
        };
        state.save(&state::path(self.config))
    }

    /// The script's `get_random_cached_bottlenecks`: `how_many` images drawn at random, or all of
    /// the category. With distortions also its `get_random_distorted_bottlenecks`, for training
    /// images alone.
    fn fill(
        &mut self,
        batch: &mut Batch,
        category: Category,
        how_many: Option<usize>,
    ) -> Result<()> {
        let distorted = self.distorted.is_some() && category == Category::Training;
        // All of them are the same each time, but for distortions.
        if how_many.is_none() && !batch.rows.is_empty() && !distorted {
            return Ok(());
        }
        self.draw(&mut batch.rows, category, how_many);
        self.gather(batch, category)
    }

    /// `how_many` images drawn at random, or all of the category.
    fn draw(&mut self, rows: &mut Vec<usize>, category: Category, how_many: Option<usize>) {
        let members = self.bottlenecks.members(category);
        match how_many {
            Some(n) => self.sampler.draw(members, n, rows),
            None if rows.is_empty() => rows.extend(members.iter().flatten()),
            None => {}
        }
    }

    /// The tensors of the batch's rows.
    fn gather(&mut self, batch: &mut Batch, category: Category) -> Result<()> {
        let distorted = self.distorted.as_mut().filter(|_| category == Category::Training);
        let (n, size) = (batch.rows.len(), self.bottlenecks.size);
        if batch.bottlenecks.dims() != [n as u64, size as u64] {
            batch.bottlenecks = Tensor::new(&[n as u64, size as u64]);
            batch.ground_truth = match self.truth {
                Truth::OneHot => {
                    GroundTruth::OneHot(Tensor::new(&[n as u64, self.class_count as u64]))
                }
                Truth::Index => GroundTruth::Index(Tensor::new(&[n as u64])),
            };
        }
        if let Some(images) = distorted {
            images.get_distorted_bottlenecks(&batch.rows, &mut batch.bottlenecks)?;
        } else {
            for (&row, into) in batch.rows.iter().zip(batch.bottlenecks.chunks_exact_mut(size)) {
                into.copy_from_slice(self.bottlenecks.row(row));
            }
        }
        let classes = batch.rows.iter().map(|&row| self.bottlenecks.classes[row]);
        match &mut batch.ground_truth {
            GroundTruth::OneHot(truth) => {
                truth.fill(0.0);
                truth
                    .chunks_exact_mut(self.class_count)
                    .zip(classes)
                    .for_each(|(one_hot, class)| one_hot[class] = 1.0);
            }
            GroundTruth::Index(truth) => {
                truth.iter_mut().zip(classes).for_each(|(t, class)| *t = class as i64)
            }
        }
        Ok(())
    }

    /// One step of gradient descent; its summaries show the state before it.
    fn train_step(&mut self, batch: &Batch, step: u64) -> Result<()> {
        let doing = "running the training step";
        let mut args = feed(&self.head.evaluator, batch);
        let merged = args.request_fetch(&self.head.merged.operation, self.head.merged.index);
        args.add_target(&self.head.train_step);
        let ran = self.head.evaluator.session.run(&mut args, doing);
        ran.map_err(|error| diverged(error, step, self.config.learning_rate))?;
        let summary = take_bytes(&mut args, merged, doing)?;
        drop(args);
        self.train_writer.add_summary(summary, step as i64)
    }

    /// Logs how good the layer is on the batch it has just seen, and on validation images.
    fn evaluate(&mut self, train: &Batch, validation: &mut Batch, step: u64) -> Result<()> {
        let [accuracy, cross_entropy] = self.scalars(
            train,
            [&self.head.evaluator.accuracy, &self.head.cross_entropy],
            "evaluating on the training batch",
        )?;
        let now = || pyfmt::timestamp(Local::now());
        info!(target: "tensorflow", "{}: Step {step}: Train accuracy = {:.1}%", now(), accuracy * 100.0);
        info!(target: "tensorflow", "{}: Step {step}: Cross entropy = {cross_entropy:.6}", now());
        self.fill(validation, Category::Validation, self.config.validation_batch_size)?;
        if validation.rows.is_empty() {
            if step == 0 {
                warn!(target: "retrain", "There are no validation images: validation is left out");
            }
            return self.train_writer.flush();
        }
        let doing = "evaluating on the validation images";
        let mut args = feed(&self.head.evaluator, validation);
        let merged = args.request_fetch(&self.head.merged.operation, self.head.merged.index);
        let accuracy = request(&mut args, &self.head.evaluator.accuracy);
        let ran = self.head.evaluator.session.run(&mut args, doing);
        ran.map_err(|error| diverged(error, step, self.config.learning_rate))?;
        let summary = take_bytes(&mut args, merged, doing)?;
        let accuracy = args.fetch::<f32>(accuracy).map_err(|e| Error::tensorflow(doing, e))?[0];
        drop(args);
        self.validation_writer.add_summary(summary, step as i64)?;
        info!(
            target: "tensorflow",
            "{}: Step {step}: Validation accuracy = {:.1}% (N={})", now(), accuracy * 100.0, validation.rows.len()
        );
        self.train_writer.flush()?;
        self.validation_writer.flush()
    }

    fn scalars<const N: usize>(
        &self,
        batch: &Batch,
        outputs: [&Output; N],
        doing: &str,
    ) -> Result<[f32; N]> {
        let mut args = feed(&self.head.evaluator, batch);
        let tokens = outputs.map(|o| args.request_fetch(&o.operation, o.index));
        self.head.evaluator.session.run(&mut args, doing)?;
        let mut values = [0.0; N];
        for (value, token) in values.iter_mut().zip(tokens) {
            *value = args.fetch::<f32>(token).map_err(|e| Error::tensorflow(doing, e))?[0];
        }
        Ok(values)
    }

    /// The hub script also saves a checkpoint here; the graph it stores is the evaluation graph.
    fn store_intermediate(&self, step: u64) -> Result<()> {
        let variables = self.head.variables()?;
        if self.truth == Truth::Index {
            export::save_checkpoint(&self.config.checkpoint_path, &variables)?;
        }
        let path = format!("{}intermediate_{step}.pb", self.config.intermediate_output_graphs_dir);
        info!(target: "tensorflow", "Save intermediate result to : {path}");
        export::save_graph_to_file(
            &self.head.export,
            &self.config.final_tensor_name,
            &variables,
            Path::new(&path),
        )
    }

    /// The final test on images not used so far. Returns the misclassified ones: row and predicted
    /// class.
    pub(super) fn final_test(&mut self, evaluator: &Evaluator) -> Result<Vec<(usize, usize)>> {
        let doing = "running the final test";
        let mut all = Vec::new();
        self.draw(&mut all, Category::Testing, self.config.test_batch_size);
        if all.is_empty() {
            warn!(target: "retrain", "There are no test images: the final test is left out");
            return Ok(Vec::new());
        }
        let mut batch = Batch::new();
        let (mut correct, mut misclassified) = (0.0, Vec::new());
        for rows in all.chunks(TEST_CHUNK) {
            batch.rows.clear();
            batch.rows.extend_from_slice(rows);
            self.gather(&mut batch, Category::Testing)?;
            let mut args = feed(evaluator, &batch);
            let accuracy = request(&mut args, &evaluator.accuracy);
            let prediction = request(&mut args, &evaluator.prediction);
            evaluator.session.run(&mut args, doing)?;
            let accuracy = args.fetch::<f32>(accuracy).map_err(|e| Error::tensorflow(doing, e))?[0];
            let predictions =
                args.fetch::<i64>(prediction).map_err(|e| Error::tensorflow(doing, e))?;
            correct += f64::from(accuracy) * rows.len() as f64;
            let predicted = rows.iter().zip(predictions.iter()).map(|(&row, &p)| (row, p as usize));
            misclassified.extend(predicted.filter(|&(row, p)| self.bottlenecks.classes[row] != p));
        }
        // As TensorFlow gives it, so that its digits are the script's.
        let accuracy = (correct / all.len() as f64) as f32;
        info!(target: "tensorflow", "Final test accuracy = {:.1}% (N={})", accuracy * 100.0, all.len());
        Ok(misclassified)
    }
}

/// TensorFlow's summaries refuse what is no number: the one way in which too large a rate shows.
fn diverged(error: Error, step: u64, learning_rate: f32) -> Error {
    match error {
        Error::TensorFlow { message, .. } if message.to_lowercase().contains("histogram for") => {
            Error::usage(
                "learning_rate",
                format!(
                    "{learning_rate:e} is too large: by step {step} the weights are no longer finite; lower it"
                ),
            )
        }
        other => other,
    }
}

/// The arguments of a run on a batch.
fn feed<'b>(evaluator: &'b Evaluator, batch: &'b Batch) -> SessionRunArgs<'b> {
    let mut args = SessionRunArgs::new();
    let (x, truth) = (&evaluator.bottleneck_input, &evaluator.ground_truth_input);
    args.add_feed(&x.operation, x.index, &batch.bottlenecks);
    match &batch.ground_truth {
        GroundTruth::OneHot(t) => args.add_feed(&truth.operation, truth.index, t),
        GroundTruth::Index(t) => args.add_feed(&truth.operation, truth.index, t),
    }
    args
}

fn request(args: &mut SessionRunArgs<'_>, output: &Output) -> FetchToken {
    args.request_fetch(&output.operation, output.index)
}

fn take_bytes(args: &mut SessionRunArgs<'_>, token: FetchToken, doing: &str) -> Result<Vec<u8>> {
    let tensor = args.fetch::<Bytes>(token).map_err(|e| Error::tensorflow(doing, e))?;
    Ok(tensor[0].0.clone())
}
