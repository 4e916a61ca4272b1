//! The step loop and the evaluations along the way.

use super::batches::{Batch, Batches};
use super::early_stopping::EarlyStopping;
use super::exporter::Exporter;
use super::final_test;
use super::head::Head;
use super::observer::{Observer, Step};
use super::plan::Plan;
use super::read_ahead::{self, ReadAhead, Sizes};
use super::schedule::Schedule;
use super::state::{Conditions, State};
use super::tensorboard::TensorBoard;
use super::this_run::Run;
use crate::bottleneck::Access;
use crate::dataset::Category;
use crate::error::{Error, Result};
use crate::learn::Optimizer;
use crate::pyfmt;
use crate::report::Evaluation;
use crate::tf::{Bytes, fetch, request};
use chrono::Local;
use log::{info, warn};
use std::thread;
use std::time::Instant;
use tensorflow::{FetchToken, SessionRunArgs};

/// A training run on bottlenecks in memory.
pub(super) struct Training<'a, 'b> {
    pub(super) run: &'a Run<'a>,
    pub(super) head: &'a Head,
    pub(super) batches: &'a mut Batches<'b>,
    pub(super) exporter: &'a Exporter<'a>,
    pub(super) board: TensorBoard,
    pub(super) schedule: Schedule,
    /// How many steps are done.
    pub(super) step: u64,
    pub(super) conditions: Conditions,
    pub(super) plan: &'a Plan,
    pub(super) early_stopping: EarlyStopping,
    /// The evaluations so far.
    pub(super) curve: Vec<Evaluation>,
}

impl Training<'_, '_> {
    /// Sets the layer to its initial values, or to those of the resumed run. TensorBoard shows the
    /// serialized GraphDef and MetaGraphDef.
    pub(super) fn start(&mut self, (graph_def, meta_graph_def): (Vec<u8>, Vec<u8>)) -> Result<()> {
        let Some(state) = &self.run.resumed else {
            self.board.train.add_graph(graph_def, meta_graph_def)?;
            self.head.initialize()?;
            return self.keep_state();
        };
        self.step = state.step;
        info!(target: "retrain", "Resuming after {} steps", self.step);
        self.head.restore(&state.variables)?;
        self.early_stopping.resume(&state.early_stopping, &state.variables);
        self.batches.skip_to(state.drawn);
        self.board.resume_at(self.step)
    }

    /// Runs all steps, and has bottlenecks read ahead that do not fit into memory.
    pub(super) fn train(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let training = &self.run.config.training;
        let sizes = Sizes {
            training: training.train_batch_size,
            validation: training.validation_batch_size,
        };
        // L-BFGS passes over the whole file, which the system reads ahead by itself.
        let ahead = match self.plan.optimizer {
            Optimizer::Lbfgs => None,
            _ => ReadAhead::new(self.batches, self.step, sizes),
        };
        let Some((ahead, advice)) = ahead else { return self.steps(observer, None) };
        let bottlenecks = self.batches.bottlenecks;
        let trained = thread::scope(|scope| {
            scope.spawn(move || read_ahead::pass_on(bottlenecks, &advice));
            self.steps(observer, Some(ahead))
        });
        bottlenecks.expect(Access::InOrder);
        trained
    }

    fn steps(&mut self, observer: &mut dyn Observer, mut ahead: Option<ReadAhead>) -> Result<()> {
        let batch_size = self.run.config.training.train_batch_size;
        let (mut train, mut validation) = (Batch::new(), Batch::new());
        while self.step < self.schedule.steps && !self.early_stopping.is_over() {
            let i = self.step;
            if let Some(ahead) = &mut ahead {
                ahead.look(self.batches, &self.schedule, i);
            }
            self.batches.fill(&mut train, Category::Training, batch_size)?;
            self.learn(&train, i)?;
            if self.schedule.evaluates(i) {
                let evaluation = self.evaluate(&train, &mut validation, i)?;
                self.curve.push(evaluation);
                observer.evaluated(evaluation);
                self.consider(i)?;
            }
            if self.schedule.stores(i) {
                let layer = self.plan.exported(self.head.layer()?);
                self.exporter.store_intermediate(&layer, i)?;
            }
            self.step += 1;
            observer.step(Step { done: self.step, total: self.schedule.steps });
            let cancelled = self.run.config.cancel.is_cancelled();
            if self.schedule.keeps(i) || cancelled {
                self.keep_state()?;
            }
            self.check_cancelled()?;
        }
        if let Some(best) = self.early_stopping.best() {
            self.head.set_layer(best)?;
        }
        self.board.sync()
    }

    /// Learns from the batch; L-BFGS learns all there is in its only step.
    fn learn(&mut self, batch: &Batch, step: u64) -> Result<()> {
        if self.plan.optimizer != Optimizer::Lbfgs {
            return self.train_step(batch, step);
        }
        let start = Instant::now();
        let layer = self.plan.solve(self.batches.bottlenecks, self.head.layer()?);
        self.head.set_layer(&layer)?;
        let seconds = start.elapsed().as_secs_f64();
        info!(target: "retrain", "L-BFGS converged in {seconds:.3} s");
        self.summarize(batch, step)
    }

    /// Tells early stopping how good the layer is on all validation photographs.
    fn consider(&mut self, step: u64) -> Result<()> {
        if !self.early_stopping.is_wanted() {
            return Ok(());
        }
        let evaluator = &self.head.evaluator;
        let loss = final_test::loss(self.batches, evaluator, Category::Validation)?;
        if self.early_stopping.consider(loss, step, || self.head.layer())? {
            let best = self.early_stopping.best_step();
            info!(target: "retrain", "Stopping early: no better layer since step {best}");
        }
        Ok(())
    }

    /// Ends a cancelled run, unless all steps are done.
    fn check_cancelled(&self) -> Result<()> {
        let (step, steps) = (self.step, self.schedule.steps);
        if step == steps {
            return Ok(());
        }
        self.run.config.cancel.check(|| {
            let state = self.run.state_path();
            let state = state.display();
            format!(
                "{step} of {steps} steps are done and kept in {state}; the same command with \
                 `resume` goes on"
            )
        })
    }

    /// Saves the state for `resume`. Events go to disk first, so that a resumed run misses none.
    fn keep_state(&mut self) -> Result<()> {
        self.board.sync()?;
        let state = State {
            step: self.step,
            seed: self.run.random_seed,
            drawn: self.batches.drawn(),
            conditions: self.conditions.clone(),
            early_stopping: self.early_stopping.state(),
            variables: [self.head.state()?, self.early_stopping.variables()].concat(),
        };
        self.schedule.kept();
        state.save(&self.run.state_path())
    }

    /// Runs one step of gradient descent. Its summaries show the state before the step.
    fn train_step(&mut self, batch: &Batch, step: u64) -> Result<()> {
        let doing = "running the training step";
        let mut args = batch.feed(&self.head.evaluator);
        let merged = request(&mut args, &self.head.merged);
        args.add_target(&self.head.train_step);
        let ran = self.head.evaluator.session.run(&mut args, doing);
        ran.map_err(|error| self.diverged(error, step))?;
        let summary = take_bytes(&mut args, merged, doing)?;
        drop(args);
        self.board.train.add_summary(summary, step as i64)
    }

    /// Writes the batch's summaries.
    fn summarize(&mut self, batch: &Batch, step: u64) -> Result<()> {
        let doing = "summarizing the training step";
        let mut args = batch.feed(&self.head.evaluator);
        let merged = request(&mut args, &self.head.merged);
        self.head.evaluator.session.run(&mut args, doing)?;
        let summary = take_bytes(&mut args, merged, doing)?;
        drop(args);
        self.board.train.add_summary(summary, step as i64)
    }

    /// Logs the accuracy on the batch just trained on, and on validation images.
    fn evaluate(&mut self, train: &Batch, validation: &mut Batch, step: u64) -> Result<Evaluation> {
        let (train_accuracy, cross_entropy) = self.evaluate_training(train)?;
        let now = || pyfmt::timestamp(Local::now());
        let percent = train_accuracy * 100.0;
        info!(target: "tensorflow", "{}: Step {step}: Train accuracy = {percent:.1}%", now());
        info!(target: "tensorflow", "{}: Step {step}: Cross entropy = {cross_entropy:.6}", now());
        let size = self.run.config.training.validation_batch_size;
        self.batches.fill(validation, Category::Validation, size)?;
        let n = validation.rows.len();
        let mut accuracy = None;
        if n > 0 {
            let validated = self.evaluate_validation(validation, step)?;
            let percent = validated * 100.0;
            info!(
                target: "tensorflow",
                "{}: Step {step}: Validation accuracy = {percent:.1}% (N={n})", now()
            );
            accuracy = Some((validated, n));
        } else if step == 0 {
            warn!(target: "retrain", "There are no validation images: validation is skipped");
        }
        self.board.flush()?;
        Ok(Evaluation { step, train_accuracy, cross_entropy, validation: accuracy })
    }

    /// Accuracy and cross-entropy on the batch.
    fn evaluate_training(&self, batch: &Batch) -> Result<(f32, f32)> {
        let doing = "evaluating on the training batch";
        let evaluator = &self.head.evaluator;
        let mut args = batch.feed(evaluator);
        let accuracy = request(&mut args, &evaluator.accuracy);
        let cross_entropy = request(&mut args, &self.head.cross_entropy);
        evaluator.session.run(&mut args, doing)?;
        let accuracy = fetch::<f32>(&mut args, accuracy, doing)?[0];
        Ok((accuracy, fetch::<f32>(&mut args, cross_entropy, doing)?[0]))
    }

    /// The accuracy on the batch, which also goes to TensorBoard.
    fn evaluate_validation(&mut self, batch: &Batch, step: u64) -> Result<f32> {
        let doing = "evaluating on the validation images";
        let evaluator = &self.head.evaluator;
        let mut args = batch.feed(evaluator);
        let merged = request(&mut args, &self.head.merged);
        let accuracy = request(&mut args, &evaluator.accuracy);
        let ran = evaluator.session.run(&mut args, doing);
        ran.map_err(|error| self.diverged(error, step))?;
        let summary = take_bytes(&mut args, merged, doing)?;
        let accuracy = fetch::<f32>(&mut args, accuracy, doing)?[0];
        drop(args);
        self.board.validation.add_summary(summary, step as i64)?;
        Ok(accuracy)
    }

    /// Blames the learning rate if a histogram summary fails: TensorFlow refuses non-finite values
    /// there, and too large a rate is what makes weights non-finite.
    fn diverged(&self, error: Error, step: u64) -> Error {
        let rate = self.run.config.training.learning_rate;
        match error {
            Error::TensorFlow { message, .. }
                if message.to_lowercase().contains("histogram for") =>
            {
                let message = format!(
                    "{rate:e} is too large: by step {step} the weights are no longer finite; lower \
                     it"
                );
                Error::usage("learning_rate", message)
            }
            other => other,
        }
    }
}

fn take_bytes(args: &mut SessionRunArgs<'_>, token: FetchToken, doing: &str) -> Result<Vec<u8>> {
    Ok(fetch::<Bytes>(args, token, doing)?[0].0.clone())
}
