//! The directory of a run's summaries: which one it is, and whether it may be emptied. The scripts
//! delete whatever directory they are pointed to.

use super::config::Config;
use super::state::{self, State};
use crate::error::{Error, Result};
use crate::fsio;
use log::{info, warn};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What the directories of runs are called that are kept side by side.
const RUN: &str = "run_";

/// The configuration with the directory this run's summaries go to, and the state it goes on from.
///
/// # Errors
/// Where the directory would be emptied and holds what no run has written.
pub(super) fn find_run(config: &Config) -> Result<(Config, Option<State>)> {
    let mut config = config.clone();
    if config.summaries_keep {
        let runs = runs(&config.summaries_dir)?;
        let of_run = |number: &u64| config.summaries_dir.join(format!("{RUN}{number:04}"));
        runs.iter().for_each(|number| fsio::clear_temporary_files(&of_run(number)));
        let last = runs.last().copied();
        let number = if config.resume { last.unwrap_or(1) } else { last.unwrap_or(0) + 1 };
        config.summaries_dir = of_run(&number);
    }
    if config.resume {
        let path = state::path(&config);
        match State::load(&path)? {
            Some(state) => {
                if !config.random_seed_given {
                    config.random_seed = state.seed;
                    config.distortions.iter_mut().for_each(|d| d.seed = state.seed);
                }
                return Ok((config, Some(state)));
            }
            None => {
                warn!(target: "retrain", "There is no {} to resume: the run starts anew", path.display())
            }
        }
    }
    check_ours(&config.summaries_dir)?;
    if config.summaries_keep {
        info!(target: "retrain", "Summaries go to {}", config.summaries_dir.display());
    }
    Ok((config, None))
}

/// The state, if the run can go on from it as it is asked to.
pub(super) fn checked(
    resumed: Option<State>,
    course: &[(String, String)],
    config: &Config,
) -> Result<Option<State>> {
    resumed.map(|state| state.check(course, &state::path(config)).map(|()| state)).transpose()
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

/// A directory is emptied only if all that is in it comes from runs.
fn check_ours(dir: &Path) -> Result<()> {
    let foreign = |path: &Path| !path.file_name().is_some_and(|n| is_ours(&n.to_string_lossy()));
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in
        WalkDir::new(dir).min_depth(1).sort_by_file_name().into_iter().filter_map(|e| e.ok())
    {
        if !entry.file_type().is_dir() && foreign(entry.path()) {
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
         --summaries_keep, which empties none",
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
