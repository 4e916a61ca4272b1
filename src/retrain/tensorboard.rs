//! The events files of a run: `train/` with the graph and a summary a step, `validation/` with a
//! summary an evaluation.

use crate::error::Result;
use crate::events::EventsWriter;
use std::path::Path;

/// Writes both files.
#[derive(Debug)]
pub(super) struct TensorBoard {
    pub(super) train: EventsWriter,
    pub(super) validation: EventsWriter,
}

impl TensorBoard {
    pub(super) fn create(summaries_dir: &Path) -> Result<Self> {
        Ok(Self {
            train: EventsWriter::create(&summaries_dir.join("train"))?,
            validation: EventsWriter::create(&summaries_dir.join("validation"))?,
        })
    }

    /// Says that the run goes on after that step: what an earlier run wrote beyond it is dropped.
    pub(super) fn resume_at(&mut self, step: u64) -> Result<()> {
        self.train.add_session_start(step as i64)?;
        self.validation.add_session_start(step as i64)
    }

    /// Shows a running TensorBoard all there is.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.train.flush()?;
        self.validation.flush()
    }

    /// Waits until everything is written.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.train.sync()?;
        self.validation.sync()
    }
}
