//! Writes events files, which TensorBoard reads: Event messages framed as TFRecords.

mod file;
mod queue;

use crate::error::Result;
use crate::proto::{Event, SessionLog, event::What, session_log};
use file::EventsFile;
use queue::Queue;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The first event of every file.
const FILE_VERSION: &str = "brain.Event:2";

/// Writes one events file (the scripts' `FileWriter`) on a thread of its own, so that framing and
/// checksums do not hold up the training. A later call reports an error of that thread.
#[derive(Debug)]
pub struct EventsWriter {
    queue: Queue,
}

fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

impl EventsWriter {
    /// Creates `dir` and, in it, `events.out.tfevents.<seconds>.<host>` with the version event.
    ///
    /// # Errors
    /// If the directory or the file cannot be created.
    pub fn create(dir: &Path) -> Result<Self> {
        crate::fsio::ensure_dir_exists(dir)?;
        let host = gethostname::gethostname();
        let name =
            |second: u64| format!("events.out.tfevents.{second:010}.{}", host.to_string_lossy());
        // A resumed run may start within the same second as the run before it.
        let now = wall_time() as u64;
        let path = (now..)
            .map(|second| dir.join(name(second)))
            .find(|path| !path.exists())
            .unwrap_or_default();
        let mut writer = Self { queue: Queue::start(EventsFile::create(path)?)? };
        writer.add(0, What::FileVersion(FILE_VERSION.into()))?;
        Ok(writer)
    }

    /// Adds a serialized GraphDef and its MetaGraphDef.
    pub fn add_graph(&mut self, graph_def: Vec<u8>, meta_graph_def: Vec<u8>) -> Result<()> {
        self.add(0, What::GraphDef(graph_def))?;
        self.add(0, What::MetaGraphDef(meta_graph_def))
    }

    /// Marks that a run continues from `step`. TensorBoard then drops later steps of earlier files.
    pub fn add_session_start(&mut self, step: i64) -> Result<()> {
        let log = SessionLog {
            status: session_log::SessionStatus::START.into(),
            ..SessionLog::default()
        };
        self.add(step, What::SessionLog(log))
    }

    /// Adds a serialized Summary, as a merged summary op returns it.
    pub fn add_summary(&mut self, summary: Vec<u8>, step: i64) -> Result<()> {
        self.add(step, What::Summary(summary))
    }

    /// Asks for everything added so far to be handed to the operating system, so that a running
    /// TensorBoard shows it. Does not wait.
    pub fn flush(&mut self) -> Result<()> {
        self.queue.flush()
    }

    /// Like [`flush`](Self::flush), but waits until it is done.
    ///
    /// # Errors
    /// If anything added since the last call could not be written.
    pub fn sync(&mut self) -> Result<()> {
        self.queue.sync()
    }

    fn add(&mut self, step: i64, what: What) -> Result<()> {
        self.queue.add(Event { wall_time: wall_time(), step, what: Some(what), ..Event::default() })
    }
}
