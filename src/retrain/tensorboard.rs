//! A run's events files: `train/` has the graph and one summary per step, `validation/` one summary
//! per evaluation.

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

    /// Tells TensorBoard that the run resumes after `step`: it drops what an earlier run wrote
    /// beyond that.
    pub(super) fn resume_at(&mut self, step: u64) -> Result<()> {
        self.train.add_session_start(step as i64)?;
        self.validation.add_session_start(step as i64)
    }

    /// Makes everything so far visible to a running TensorBoard.
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
