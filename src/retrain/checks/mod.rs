//! What is checked before the costly work, and again once it is known which photographs can be used.

mod classes;
mod photographs;
mod places;
mod values;

pub(super) use classes::{check_classes, check_training, split_table};
pub(super) use photographs::{bad_images, check_usable, duplicates};

use super::config::Config;
use crate::error::Result;

impl Config {
    /// Checks everything that needs no more than the settings and a look at the file system: values,
    /// the places that are written to, the photographs' directory. [`run`](crate::run) does so
    /// first.
    ///
    /// # Errors
    /// The first setting that cannot be carried out.
    pub fn check(&self) -> Result<()> {
        self.check_values()?;
        self.check_places()
    }
}
