//! How much memory there is for this process. On systems other than Linux, macOS and Windows it is
//! not known.

#[cfg(not(any(windows, target_os = "macos")))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

#[cfg(not(any(windows, target_os = "macos")))]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;

/// The bytes that this process can still take; `None` if the system does not tell.
pub(crate) fn available() -> Option<u64> {
    system::available()
}
