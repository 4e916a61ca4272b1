//! An events file: its name, and Event messages framed as TFRecords.

use crate::error::{Error, Result};
use crate::proto::{self, Event, event::What};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tensorflow::io::RecordWriter;

/// The first event of every file.
const FILE_VERSION: &str = "brain.Event:2";
/// How the names of all events files begin.
pub(super) const PREFIX: &str = "events.out.tfevents.";

fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// A path in `dir` that no file has: `events.out.tfevents.<seconds>.<host><suffix>`.
pub(super) fn free_path(dir: &Path, suffix: &str) -> PathBuf {
    let host = gethostname::gethostname();
    let name = |second: u64| format!("{PREFIX}{second:010}.{}{suffix}", host.to_string_lossy());
    // A resumed run may start within the same second as the run before it.
    let now = wall_time() as u64;
    let mut paths = (now..).map(|second| dir.join(name(second)));
    paths.find(|path| !path.exists()).unwrap_or_default()
}

/// An event of this moment.
pub(super) fn event(step: i64, what: What) -> Event {
    Event { wall_time: wall_time(), step, what: Some(what), ..Event::default() }
}

/// The event that every file begins with.
pub(super) fn first_event() -> Event {
    event(0, What::FileVersion(FILE_VERSION.into()))
}

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
