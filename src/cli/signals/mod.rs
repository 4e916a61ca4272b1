//! What stops a run from outside: the run finishes its current step, keeps its results, and ends
//! with the exit code that shells expect. A second signal ends the program at once.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::{SIGINT, install, received};
#[cfg(windows)]
pub(super) use windows::{SIGINT, install, received};
