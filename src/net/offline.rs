//! The gate before the network. It is one for the whole process, so that no piece of code can
//! forget to ask.

use std::sync::atomic::{AtomicBool, Ordering};

static OFFLINE: AtomicBool = AtomicBool::new(false);

/// Closes the gate for good: from now on this process sends no request, starts no pip and calls no
/// worker. What would have, fails.
pub fn go_offline() {
    OFFLINE.store(true, Ordering::Relaxed);
}

/// Whether the gate is closed.
#[must_use]
pub fn is_offline() -> bool {
    OFFLINE.load(Ordering::Relaxed)
}

/// Nothing, or why there is no network: a sentence.
pub(crate) fn check_online() -> Result<(), String> {
    if is_offline() { Err("`offline` forbids every use of the network".into()) } else { Ok(()) }
}
