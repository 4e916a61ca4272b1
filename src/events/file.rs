//! Writes an events file: Event messages framed as TFRecords.

use crate::error::{Error, Result};
use crate::proto::{self, Event};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tensorflow::io::RecordWriter;

/// The size of the write buffer in bytes.
const BUFFER: usize = 1 << 18;

/// An open events file, owned by the writing thread.
#[derive(Debug)]
pub(super) struct EventsFile {
    file: BufWriter<File>,
    path: PathBuf,
}

impl EventsFile {
    /// Creates the file. Fails if it exists.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let file = File::create_new(&path).map_err(Error::io("creating", &path))?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file), path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&mut self, event: &Event) -> Result<()> {
        RecordWriter::new(&mut self.file)
            .write_record(&proto::serialize(event)?)
            .map_err(Error::io("writing", &self.path))
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(Error::io("writing", &self.path))
    }
}
