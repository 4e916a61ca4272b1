//! A photograph of the user's: what it is called, and how its bytes are read.

use super::read::{metadata, read_image};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A photograph that can be read at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photograph {
    path: PathBuf,
    name: OsString,
}

impl Photograph {
    /// The photograph in a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_owned();
        Self { path, name }
    }

    /// The same photograph with another name within its class.
    #[must_use]
    pub fn named(self, name: impl Into<OsString>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What it is called, in results and messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name within its class, by which its bottleneck is cached: the file's name, with
    /// directories before it where a class has any.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The metadata of its file; `None` if that cannot be accessed.
    #[must_use]
    pub fn metadata(&self) -> Option<Metadata> {
        metadata(&self.path).ok()
    }

    /// Reads it. The metadata is from before the read, so that a file that changes meanwhile looks
    /// changed later.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file, without its name.
    pub fn read(&self) -> Result<(Metadata, Vec<u8>), String> {
        read_image(&self.path)
    }
}
