//! The directory of a run's summaries, and whether it may be emptied. (The scripts delete any
//! directory they are given.)

use crate::error::{Error, Result};
use crate::fsio;
use crate::report;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The prefix of run directories under `summaries_keep`.
pub(super) const RUN: &str = "run_";

/// The numbers of the runs in `dir`, in ascending order.
pub(super) fn runs(dir: &Path) -> Result<Vec<u64>> {
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

/// Fails if the directory holds anything besides files of runs and disposable ones.
pub(super) fn check_ours(dir: &Path) -> Result<()> {
    let missed = |e: &DirEntry| !fsio::is_disposable(e.file_name(), e.file_type());
    let mut found: Vec<PathBuf> = Vec::new();
    let entries = WalkDir::new(dir).min_depth(1).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(missed).filter_map(|e| e.ok()) {
        let name = entry.file_name().to_string_lossy();
        let ours = is_ours(&name) || is_report(&entry);
        if !entry.file_type().is_dir() && !ours {
            found.push(entry.into_path());
        }
    }
    let Some(first) = found.first() else { return Ok(()) };
    let others = match found.len() {
        1 => String::new(),
        2 => " and 1 more file".into(),
        n => format!(" and {} more files", n - 1),
    };
    let message = format!(
        "{} would be emptied, but holds {}{others}, which no run has written; give another \
         directory, or `summaries_keep`, which empties none",
        dir.display(),
        first.strip_prefix(dir).unwrap_or(first).display()
    );
    Err(Error::usage("summaries_dir", message))
}

/// Whether a run may have written the file: events, our log and state, the projector's settings.
fn is_ours(name: &str) -> bool {
    name.starts_with("events.out.tfevents.")
        || ["retrain.log", "retrain.state", "fine_tune.state", "projector_config.pbtxt"]
            .contains(&name)
        || name.starts_with(".retrain-")
}

/// Whether a run may have written the file as part of its report or of the projector's data.
fn is_report(entry: &DirEntry) -> bool {
    let above = entry.path().parent().and_then(Path::file_name);
    let files = match above.and_then(|dir| dir.to_str()) {
        Some("report") => report::FILES,
        Some("projector") => report::PROJECTOR_FILES,
        _ => &[],
    };
    files.iter().any(|&file| entry.file_name() == file)
}
