//! What is decided for one run: its summaries directory, its seed, and the state it resumes.

use super::config::Config;
use super::state::{State, conditions_of_settings};
use super::summaries_dir::{RUN, check_ours, runs};
use crate::error::Result;
use crate::fsio;
use crate::layers::Distortions;
use log::{info, warn};
use std::path::PathBuf;

/// The configuration, and what was decided for this run alone.
pub(super) struct Run<'c> {
    pub(super) config: &'c Config,
    /// Where this run's summaries go: with `summaries_keep`, a subdirectory of the configured one.
    pub(super) summaries_dir: PathBuf,
    pub(super) random_seed: u64,
    /// The state that the run resumes.
    pub(super) resumed: Option<State>,
}

impl<'c> Run<'c> {
    /// Finds this run's summaries directory, its seed, and the state it resumes.
    ///
    /// # Errors
    /// If the directory would be emptied but holds files that no run wrote, or if the state belongs
    /// to another run.
    pub(super) fn find(config: &'c Config) -> Result<Self> {
        let (outputs, training) = (&config.outputs, &config.training);
        let mut summaries_dir = outputs.summaries_dir.clone();
        if outputs.summaries_keep {
            let runs = runs(&summaries_dir)?;
            let of_run = |number: &u64| summaries_dir.join(format!("{RUN}{number:04}"));
            runs.iter().for_each(|number| fsio::clear_temporary_files(&of_run(number)));
            let last = runs.last().copied();
            let number = if training.resume { last.unwrap_or(1) } else { last.unwrap_or(0) + 1 };
            summaries_dir = of_run(&number);
        }
        let random_seed = training.random_seed.unwrap_or_else(draw_seed);
        let mut run = Self { config, summaries_dir, random_seed, resumed: None };
        if training.resume && run.resume()? {
            return Ok(run);
        }
        check_ours(&run.summaries_dir)?;
        if outputs.summaries_keep {
            info!(target: "retrain", "Summaries go to {}", run.summaries_dir.display());
        }
        Ok(run)
    }

    /// Reads the state to resume. Returns whether there was one.
    fn resume(&mut self) -> Result<bool> {
        let path = self.state_path();
        let Some(state) = State::load(&path)? else {
            let path = path.display();
            warn!(target: "retrain", "There is no {path} to resume: the run starts anew");
            return Ok(false);
        };
        if self.config.training.random_seed.is_none() {
            self.random_seed = state.seed;
        }
        state.check(&conditions_of_settings(self.config, self.random_seed), &path)?;
        state.check_steps(self.config.training.how_many_training_steps, &path)?;
        self.resumed = Some(state);
        Ok(true)
    }

    /// The file that holds the run's state.
    pub(super) fn state_path(&self) -> PathBuf {
        self.summaries_dir.join("retrain.state")
    }

    /// The configured distortions, with the run's seed.
    pub(super) fn distortions(&self) -> Option<Distortions> {
        let distortions = self.config.training.distortions.clone();
        distortions.map(|d| Distortions { seed: self.random_seed, ..d })
    }
}

/// A seed short enough to type again.
fn draw_seed() -> u64 {
    rand::random::<u64>() % 1_000_000_000
}
