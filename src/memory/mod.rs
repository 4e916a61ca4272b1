//! How much memory there is for this process. On systems other than Linux and Windows it is not
//! known.

#[cfg(not(windows))]
mod linux;
#[cfg(windows)]
mod windows;

/// The bytes that this process can still take; `None` if the system does not tell.
pub(crate) fn available() -> Option<u64> {
    #[cfg(not(windows))]
    return linux::available();
    #[cfg(windows)]
    windows::available()
}
