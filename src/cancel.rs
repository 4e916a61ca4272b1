//! A token that asks a run to stop. The run finishes its current step and keeps what it has done.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cancels the work it was given to. Clones share one flag, so any thread may cancel.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicUsize>);

impl CancelToken {
    /// A new token, not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop. It finishes its current step and ends with [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Whether the work was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The flag itself, for signal handlers, which can do no more than store a number. Any number
    /// but 0 cancels.
    #[must_use]
    pub fn flag(&self) -> &Arc<AtomicUsize> {
        &self.0
    }

    /// Returns [`Error::Cancelled`] if the work was asked to stop. `kept` says what has been saved
    /// and how to continue.
    pub fn check(&self, kept: impl FnOnce() -> String) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled { kept: kept() }) } else { Ok(()) }
    }
}
