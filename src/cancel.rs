//! Asking a run to stop: what is under way is finished, and what is done is kept.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cancels the work it was given to. Clones share one flag, so that any thread may cancel.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicUsize>);

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop. It ends with [`Error::Cancelled`] once what is under way is done.
    pub fn cancel(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Whether the work was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The flag itself, for signal handlers, which may do no more than store a number: any but 0
    /// cancels.
    #[must_use]
    pub fn flag(&self) -> &Arc<AtomicUsize> {
        &self.0
    }

    /// An error if the work was asked to stop; `kept` says what is saved and how to go on.
    pub fn check(&self, kept: impl FnOnce() -> String) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled { kept: kept() }) } else { Ok(()) }
    }
}
