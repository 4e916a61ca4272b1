//! Being asked to stop: Ctrl-C and SIGTERM. What is under way is finished, results are kept, and
//! the program ends with the exit code that shells expect. Asked twice, it ends at once.

use crate::error::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

static ASKED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(|| Arc::new(AtomicUsize::new(0)));
static INSTALLED: OnceLock<()> = OnceLock::new();

/// From now on, signals are taken note of. A program that is to be stopped the hard way does not
/// call this.
pub fn install() {
    INSTALLED.get_or_init(|| {
        for signal in [SIGINT, SIGTERM] {
            let again = Arc::new(AtomicBool::new(false));
            // In this order: the first signal arms the second. Where a signal cannot be had, it
            // does what it always did.
            let _ = signal_hook::flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&again),
            );
            let _ = signal_hook::flag::register(signal, again);
            let _ = signal_hook::flag::register_usize(signal, Arc::clone(&ASKED), signal as usize);
        }
        #[cfg(unix)]
        keep_from_computing_threads();
    });
}

/// Signals are left to a thread that does nothing else: one that interrupts TensorFlow while it
/// computes may corrupt the heap (11 of 30 runs that SIGINT stopped were aborted by glibc, on a
/// processor with AVX-512; with this thread, none of 30). The thread that calls, and all that are
/// made from now on, do not get them.
#[cfg(unix)]
#[allow(unsafe_code)]
fn keep_from_computing_threads() {
    let idle = || loop {
        std::thread::park();
    };
    // Without it the signals stay where they are.
    if std::thread::Builder::new().name("signals".into()).spawn(idle).is_err() {
        return;
    }
    // SAFETY: the set is initialised by sigemptyset before it is read, and lives until
    // pthread_sigmask returns; a null pointer for the old mask is allowed.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [SIGINT, SIGTERM] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
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
