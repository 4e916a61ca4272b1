//! A partial download on disk, and the note by which a later attempt knows whether the rest fits.

use crate::error::{Error, Result};
use crate::fsio;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// `<path>.part`, and beside it `<path>.part.source` with the address and the file's validator
/// (ETag or Last-Modified).
pub(super) struct Part {
    file: PathBuf,
    source: PathBuf,
}

/// A part that can be resumed.
pub(super) struct Resumable {
    pub(super) length: u64,
    pub(super) validator: String,
}

impl Part {
    pub(super) fn of(path: &Path) -> Self {
        let with = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self { file: with(".part"), source: with(".part.source") }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What there is of `url`, if its validator is known.
    pub(super) fn resumable(&self, url: &str) -> Option<Resumable> {
        let length = self.file.metadata().ok()?.len();
        let source = fs::read_to_string(&self.source).ok()?;
        let (from, validator) = source.split_once('\n')?;
        (length > 0 && from == url).then(|| Resumable { length, validator: validator.into() })
    }

    /// Starts an empty part. Without a validator it cannot be resumed later.
    pub(super) fn begin(&self, url: &str, validator: Option<&str>) -> Result<()> {
        // The note goes first and comes last, so that it never describes a different part.
        remove(&self.source)?;
        File::create(&self.file).map_err(Error::io("writing", &self.file))?;
        match validator {
            Some(validator) => fsio::write(&self.source, format!("{url}\n{validator}").as_bytes()),
            None => Ok(()),
        }
    }

    pub(super) fn append(&self) -> Result<File> {
        File::options().append(true).open(&self.file).map_err(Error::io("writing", &self.file))
    }

    pub(super) fn discard(&self) -> Result<()> {
        remove(&self.source)?;
        remove(&self.file)
    }

    /// Renames the complete part to `path`.
    pub(super) fn finish(&self, path: &Path) -> Result<()> {
        remove(&self.source)?;
        fsio::rename(&self.file, path).map_err(Error::io("renaming to", path))
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("removing", path)(e)),
        _ => Ok(()),
    }
}
