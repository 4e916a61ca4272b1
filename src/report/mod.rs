//! What a run tells of its result: the report's page and tables, and TensorBoard's further tabs. An
//! exporter writes each.

mod commands;
mod exporter;
mod material;
mod metadata;
mod outcome;
mod page;
mod predictions;
mod summary;
mod tensorboard;
mod thumbnails;

pub use commands::{Command, commands, script};
pub use exporter::Exporter;
pub use material::Material;
pub use metadata::metadata;
pub use outcome::{
    CrossValidation, Evaluation, Model, Outcome, Prediction, Quantization, Retyped, TOO_FEW_TESTED,
    Times, Written,
};
pub use summary::summary;
pub use tensorboard::PROJECTOR_FILES;
pub use thumbnails::Thumbnails;

use crate::error::Result;
use crate::fsio;
use std::path::Path;
use tensorboard::{Projector, Summaries};

/// The files of a report's directory.
pub const FILES: &[&str] = &["index.html", "predictions.csv", "predictions.json"];

/// Writes all reports: the page and the tables below `dir`, TensorBoard's further tabs below
/// `summaries_dir`.
///
/// # Errors
/// If a file cannot be written.
pub fn write(material: &Material<'_>, dir: &Path, summaries_dir: &Path) -> Result<()> {
    let exporters: [(&Path, &[&dyn Exporter]); 2] = [
        (dir, &[&predictions::Csv, &predictions::Json, &page::Page]),
        (summaries_dir, &[&Projector, &Summaries]),
    ];
    for (dir, exporters) in exporters {
        fsio::ensure_dir_exists(dir)?;
        fsio::clear_temporary_files(dir);
        exporters.iter().try_for_each(|exporter| exporter.export(material, dir))?;
    }
    Ok(())
}
