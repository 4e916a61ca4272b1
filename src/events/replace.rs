//! An events file that is written in one go and replaces the one before it.

use super::file::{PREFIX, event, first_event, free_path};
use crate::error::{Error, Result};
use crate::fsio;
use crate::proto::{self, Summary, event::What};
use std::fs;
use std::path::{Path, PathBuf};
use tensorflow::io::RecordWriter;

/// Writes an events file with one summary. Its name ends in `suffix`; earlier files in `dir` whose
/// names do are removed, for TensorBoard shows the first of several hyperparameter sets of a run.
///
/// # Errors
/// If the file cannot be written, or an earlier one not removed.
pub fn replace_summary(dir: &Path, suffix: &str, summary: &Summary, step: i64) -> Result<()> {
    fsio::ensure_dir_exists(dir)?;
    let earlier = files_with(dir, suffix)?;
    let path = free_path(dir, suffix);
    let events = [first_event(), event(step, What::Summary(proto::serialize(summary)?))];
    let mut bytes = Vec::new();
    for event in &events {
        let record = proto::serialize(event)?;
        let written = RecordWriter::new(&mut bytes).write_record(&record);
        written.map_err(Error::io("writing", &path))?;
    }
    fsio::write(&path, &bytes)?;
    earlier.iter().try_for_each(|old| fs::remove_file(old).map_err(Error::io("removing", old)))
}

/// The events files in `dir` whose names end in `suffix`.
fn files_with(dir: &Path, suffix: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(Error::io("reading", dir))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(PREFIX) && name.ends_with(suffix)
    };
    Ok(paths.filter(is_one).collect())
}
