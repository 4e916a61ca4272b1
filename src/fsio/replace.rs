//! Gives a complete temporary file its own name. On Unix that always works; Windows does not let
//! go of a name while another program has the file open, unless that program allows it.

use super::paths::long;
use crate::text::shown;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// Gives the file a name, in place of a file that has it.
#[cfg(unix)]
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> Result<File, Refused> {
    file.persist(path).map_err(|e| Refused { file: e.file, error: e.error })
}

/// Gives the file a name, in place of a file that has it.
#[cfg(windows)]
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> Result<File, Refused> {
    // Unlike tempfile's own, this replaces a file that is open, where the others allow it.
    if let Err(error) = rename(file.path(), path) {
        return Err(Refused { file, error });
    }
    let (file, mut name) = file.into_parts();
    name.disable_cleanup(true);
    Ok(file)
}

/// Gives the file a name that no other file has.
pub(crate) fn persist_new(mut file: NamedTempFile, path: &Path) -> Result<File, Refused> {
    let start = Instant::now();
    loop {
        match file.persist_noclobber(long(path)) {
            Ok(file) => return Ok(file),
            Err(refused) if is_held(&refused.error, start) => file = refused.file,
            Err(refused) => return Err(Refused { file: refused.file, error: refused.error }),
        }
    }
}

/// Renames a file or a directory, in place of a file that has the name.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match std::fs::rename(from, to) {
            Err(error) if is_held(&error, start) => {}
            renamed => return renamed,
        }
    }
}

/// Whether to try once more what failed, after a pause: on Windows a virus scanner or an indexer
/// has a new file open for a moment.
fn is_held(error: &io::Error, start: Instant) -> bool {
    const PATIENCE: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_millis(50);
    let again = is_in_use(error) && start.elapsed() < PATIENCE;
    if again {
        std::thread::sleep(PAUSE);
    }
    again
}

/// A file that did not get its name.
pub(crate) struct Refused {
    /// Still under its temporary name.
    pub(crate) file: NamedTempFile,
    pub(crate) error: io::Error,
}

/// Whether another program has the file open and does not share it. Windows also says "access
/// denied", of a file that is mapped into memory or on its way out.
pub(crate) fn is_in_use(error: &io::Error) -> bool {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    const USER_MAPPED_FILE: i32 = 1224;
    let codes = [ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION, USER_MAPPED_FILE];
    cfg!(windows) && error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// As [`persist`], for results of costly work: a file that cannot take its place stays beside it,
/// under a name that ends in `.new`.
pub(super) fn persist_or_keep(file: NamedTempFile, path: &Path) -> io::Result<File> {
    let Refused { file, error } = match persist(file, path) {
        Ok(file) => return Ok(file),
        Err(refused) => refused,
    };
    if !is_in_use(&error) {
        return Err(error);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = match persist(file, Path::new(&beside)) {
        Ok(_) => Path::new(&beside).to_owned(),
        // Then under its temporary name.
        Err(refused) => refused.file.keep().map_err(|e| e.error)?.1,
    };
    let message = format!(
        "{error}; another program may have it open, or it is read-only. The new content is in {}: \
         rename that",
        shown(&beside)
    );
    Err(io::Error::new(error.kind(), message))
}
