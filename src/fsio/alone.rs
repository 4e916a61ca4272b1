//! Files that one process at a time writes. The others can read them meanwhile: Unix locks bind
//! only those who ask for them; on Windows, where a lock would keep readers out, the writer shares
//! the file with readers alone.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A file that was opened to be written by this process alone.
#[derive(Debug)]
#[cfg_attr(windows, allow(dead_code, reason = "there every file system can do this"))]
pub(crate) enum Alone {
    Held(File),
    /// Another process is writing it.
    InUse,
    /// The file system has no locks: two processes could write at once.
    Unsupported(File),
    /// It cannot be opened.
    Refused(io::Error),
}

/// How often a file is opened anew because it was replaced meanwhile.
#[cfg(unix)]
const ATTEMPTS: u32 = 10;

/// Opens a file with `options`, to be written by this process alone until it is closed.
#[cfg(unix)]
pub(crate) fn open_alone(options: &mut OpenOptions, path: &Path) -> Alone {
    use std::fs::TryLockError;
    for _ in 0..ATTEMPTS {
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) => return Alone::Refused(error),
        };
        match file.try_lock() {
            // The process that had the lock may have replaced the file: then try again.
            Ok(()) if is_at(&file, path) => return Alone::Held(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Alone::InUse,
            Err(TryLockError::Error(_)) => return Alone::Unsupported(file),
        }
    }
    Alone::InUse
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(a), Ok(b)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Opens a file with `options`, to be written by this process alone until it is closed.
#[cfg(windows)]
pub(crate) fn open_alone(options: &mut OpenOptions, path: &Path) -> Alone {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    const SHARING_VIOLATION: i32 = 32;
    match options.share_mode(FILE_SHARE_READ).open(path) {
        Ok(file) => Alone::Held(file),
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Alone::InUse,
        Err(error) => Alone::Refused(error),
    }
}

/// A temporary file, which its process holds, once it has its own name. On Unix the lock stays
/// with it; on Windows a file that is open for its writer alone could not have been renamed.
pub(crate) fn still_alone(file: File, path: &Path) -> Alone {
    if cfg!(unix) {
        return Alone::Held(file);
    }
    drop(file);
    open_alone(OpenOptions::new().read(true).write(true), path)
}

/// What still keeps others from writing a file while this process replaces it: on Windows, where
/// nobody replaces an open file, nothing.
pub(crate) fn while_replaced(file: File) -> Option<File> {
    cfg!(unix).then_some(file)
}
