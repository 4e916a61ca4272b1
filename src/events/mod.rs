//! Writes events files, which TensorBoard reads: Event messages framed as TFRecords.

mod file;
mod queue;
mod replace;

pub use replace::replace_summary;

use crate::error::Result;
use crate::proto::{SessionLog, event::What, session_log};
use file::{EventsFile, event, first_event, free_path};
use queue::Queue;
use std::path::Path;

/// Writes one events file (the scripts' `FileWriter`) on a thread of its own, so that framing and
/// checksums do not hold up the training. A later call reports an error of that thread.
#[derive(Debug)]
pub struct EventsWriter {
    queue: Queue,
}

impl EventsWriter {
    /// Creates `dir` and, in it, `events.out.tfevents.<seconds>.<host>` with the version event.
    ///
    /// # Errors
    /// If the directory or the file cannot be created.
    pub fn create(dir: &Path) -> Result<Self> {
        crate::fsio::ensure_dir_exists(dir)?;
        let mut writer = Self { queue: Queue::start(EventsFile::create(free_path(dir, ""))?)? };
        writer.queue.add(first_event())?;
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
        self.queue.add(event(step, what))
    }
}
