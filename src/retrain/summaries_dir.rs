//! The directory of a run's summaries: which one it is, and whether it may be emptied. The scripts
//! delete whatever directory they are pointed to.

use super::Run;
use super::config::Config;
use super::state::{State, conditions_of_settings};
use crate::error::{Error, Result};
use crate::fsio;
use crate::layers::Distortions;
use log::{info, warn};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What the directories of runs are called that are kept side by side.
const RUN: &str = "run_";

impl<'c> Run<'c> {
    /// Finds the directory of this run's summaries, its seed, and the state it goes on from.
    ///
    /// # Errors
    /// Where the directory would be emptied and holds what no run has written, or where the state
    /// is of another run.
    pub(super) fn find(config: &'c Config) -> Result<Self> {
        let (outputs, training) = (&config.outputs, &config.training);
        let mut summaries_dir = outputs.summaries_dir.clone();
        if outputs.summaries_keep {
            let last = runs(&summaries_dir)?.last().copied();
            let number = if training.resume { last.unwrap_or(1) } else { last.unwrap_or(0) + 1 };
            summaries_dir.push(format!("{RUN}{number:04}"));
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

    /// Reads the state to go on from, if there is one.
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

    /// The file of the run's state.
    pub(super) fn state_path(&self) -> PathBuf {
        self.summaries_dir.join("retrain.state")
    }

    /// The distortions, drawn from the run's seed.
    pub(super) fn distortions(&self) -> Option<Distortions> {
        let distortions = self.config.training.distortions.clone();
        distortions.map(|d| Distortions { seed: self.random_seed, ..d })
    }
}

/// Short enough to be typed again.
fn draw_seed() -> u64 {
    rand::random::<u64>() % 1_000_000_000
}

/// The numbers of the runs in `dir`, in order.
fn runs(dir: &Path) -> Result<Vec<u64>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Error::io("reading", dir))? {
        let name = entry.map_err(Error::io("reading", dir))?.file_name();
        runs.extend(
            name.to_str().and_then(|n| n.strip_prefix(RUN)).and_then(|n| n.parse::<u64>().ok()),
        );
    }
    runs.sort_unstable();
    Ok(runs)
}

/// A directory is emptied only if all that is in it comes from runs, or is nobody's.
fn check_ours(dir: &Path) -> Result<()> {
    let missed = |e: &DirEntry| !fsio::is_disposable(e.file_name(), e.file_type());
    let mut found: Vec<PathBuf> = Vec::new();
    let entries = WalkDir::new(dir).min_depth(1).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(missed).filter_map(|e| e.ok()) {
        if !entry.file_type().is_dir() && !is_ours(&entry.file_name().to_string_lossy()) {
            found.push(entry.into_path());
        }
    }
    let Some(first) = found.first() else { return Ok(()) };
    let others = if found.len() > 1 {
        format!(" and {} more files", found.len() - 1)
    } else {
        String::new()
    };
    let message = format!(
        "{} would be emptied, but holds {}{others}, which no run has written; give another directory, or \
         `summaries_keep`, which empties none",
        dir.display(),
        first.strip_prefix(dir).unwrap_or(first).display()
    );
    Err(Error::usage("summaries_dir", message))
}

/// Whether a file may be one of a run's: events, our log and state, what the projector reads.
fn is_ours(name: &str) -> bool {
    name.starts_with("events.out.tfevents.")
        || ["retrain.log", "retrain.state", "projector_config.pbtxt"].contains(&name)
        || name.starts_with(".retrain-")
}
