//! Calls that may take longer than anybody waits for them.

use crossbeam_channel::{RecvTimeoutError, bounded};
use std::thread;
use std::time::Duration;

/// How often waiting threads look around.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// Runs `f` on a thread of its own, which is left alone once `enough` says so: a call to a machine
/// that has gone may take long to end. `None` if that was so.
pub(super) fn abandonable<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
    mut enough: impl FnMut() -> bool,
) -> Option<T> {
    let (send, receive) = bounded(1);
    thread::spawn(move || send.send(f()));
    loop {
        match receive.recv_timeout(TICK) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Timeout) if enough() => return None,
            Err(RecvTimeoutError::Timeout) => {}
            // The call has panicked.
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}
