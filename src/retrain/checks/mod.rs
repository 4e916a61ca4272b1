//! Checks before the expensive work, and again once it is known which photographs are usable.

mod classes;
mod memory;
mod photographs;
mod places;
mod values;

pub(super) use classes::{check_classes, check_training, split_table};
pub(super) use memory::{check_memory, check_weights};
pub(super) use photographs::{bad_images, check_usable, duplicates};

use super::config::Config;
use crate::error::Result;

impl Config {
    /// Checks whatever needs only the settings and the file system: values, output paths, the
    /// photographs' directory. [`run`](crate::run) calls this first.
    ///
    /// # Errors
    /// Names the first setting that cannot be carried out.
    pub fn check(&self) -> Result<()> {
        self.check_values()?;
        self.check_places()
    }

    /// The same for a run that only fills the cache.
    pub(super) fn check_cache(&self) -> Result<()> {
        self.check_values()?;
        self.check_places_of_cache()
    }
}
