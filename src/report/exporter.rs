//! What all parts of a report have in common.

use super::Material;
use crate::error::Result;
use std::path::Path;

/// Writes one part of a report.
pub trait Exporter {
    /// Writes the files below `dir`.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn export(&self, material: &Material<'_>, dir: &Path) -> Result<()>;
}
