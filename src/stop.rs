//! Being asked to stop: Ctrl-C and SIGTERM. What is under way is finished, results are kept, and the program ends with
//! the exit code that shells expect. Asked twice, it ends at once.

use crate::error::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

static ASKED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(|| Arc::new(AtomicUsize::new(0)));
static INSTALLED: OnceLock<()> = OnceLock::new();

/// From now on, signals are taken note of. A program that is to be stopped the hard way does not call this.
pub fn install() {
    INSTALLED.get_or_init(|| {
        for signal in [SIGINT, SIGTERM] {
            let again = Arc::new(AtomicBool::new(false));
            // In this order: the first signal arms the second. Where a signal cannot be had, it does what it always did.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again));
            let _ = signal_hook::flag::register(signal, again);
            let _ = signal_hook::flag::register_usize(signal, Arc::clone(&ASKED), signal as usize);
        }
    });
}

/// The signal that asks to stop, if one does.
#[must_use]
pub fn requested() -> Option<i32> {
    match ASKED.load(Ordering::Relaxed) {
        0 => None,
        signal => i32::try_from(signal).ok(),
    }
}

/// An error, if a signal asks to stop; `kept` says what has been saved and how to go on.
pub fn check(kept: impl FnOnce() -> String) -> Result<()> {
    match requested() {
        Some(signal) => Err(Error::Stopped { signal, kept: kept() }),
        None => Ok(()),
    }
}

/// A signal's name.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}
