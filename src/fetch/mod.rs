//! Brings what a machine without a network needs into one directory: networks, modules, and
//! TensorFlow's library. There, the directory is `model_dir`.

mod item;
mod library;

pub use item::{Item, parse};
pub use library::{Library, library_in};

use crate::error::{Error, Result};
use crate::fsio;
use crate::text::{counted, shown};
use log::{error, info};
use std::path::Path;

/// What came of it.
#[derive(Debug)]
pub struct Summary {
    /// What was not there before.
    pub brought: Vec<Item>,
    /// What was.
    pub there: Vec<Item>,
    /// What could not be had.
    pub missing: Vec<Item>,
}

/// Brings `items` into `dir`, one after the other, and logs which and what each failed at. What is
/// there stays as it is.
///
/// # Errors
/// If `dir` cannot be written to. What cannot be had is no error, but in the summary.
pub fn run(items: &[Item], dir: &Path) -> Result<Summary> {
    fsio::check_dir(dir).map_err(|message| Error::usage("model_dir", message))?;
    fsio::ensure_dir_exists(dir)?;
    fsio::clear_temporary_files(dir);
    let (there, wanted): (Vec<_>, Vec<_>) = items.iter().cloned().partition(|item| item.is_in(dir));
    list(&there, &wanted, dir);
    let mut summary = Summary { brought: Vec::new(), there, missing: Vec::new() };
    for item in wanted {
        match item.bring(dir) {
            Ok(()) => summary.brought.push(item),
            Err(error) => {
                error!(target: "retrain", "{}: {}", item.name(), error.without_advice());
                summary.missing.push(item);
            }
        }
    }
    Ok(summary)
}

/// Logs what is there and what will be brought, with sizes.
fn list(there: &[Item], wanted: &[Item], dir: &Path) {
    if !there.is_empty() {
        let names: Vec<String> = there.iter().map(Item::name).collect();
        info!(target: "retrain", "In {} already: {}", shown(dir), names.join(", "));
    }
    if wanted.is_empty() {
        return;
    }
    let known: u32 = wanted.iter().filter_map(Item::megabytes).sum();
    let unknown = wanted.iter().filter(|item| matches!(item, Item::Module(_))).count();
    let more = match unknown {
        0 => String::new(),
        _ => format!(" and {} of unknown size", counted(unknown as u64, "module")),
    };
    info!(target: "retrain", "To fetch into {}, about {known} MB{more}:", shown(dir));
    let width = wanted.iter().map(|item| item.name().chars().count()).max().unwrap_or(0);
    for item in wanted {
        let size = item.megabytes().map(|size| format!("{size} MB")).unwrap_or_default();
        info!(target: "retrain", "  {:width$}  {size:>6}  {}", item.name(), item.origin());
    }
}
