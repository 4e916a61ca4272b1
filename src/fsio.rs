//! Files: reading, and writing so that a killed process never leaves half a file.

use crate::error::{Error, Result};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("reading", path))
}

/// Creates a directory and its parents; an existing one is fine (the scripts' `ensure_dir_exists`).
pub fn ensure_dir_exists(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("creating the directory", dir))
}

/// Writes `bytes` to `path` through a temporary file beside it, synced and renamed: readers see the old
/// content or the new, never a part.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, bytes, true).map(drop)
}

/// As [`write()`], without waiting for the disk: for caches, of which each file can be made again. Returns what the
/// file system knows of the new file.
pub fn write_cache(path: &Path, bytes: &[u8]) -> Result<fs::Metadata> {
    write_with(path, bytes, false)
}

fn write_with(path: &Path, bytes: &[u8], sync: bool) -> Result<fs::Metadata> {
    let fail = |e| Error::io("writing", path)(e);
    let mut file = temporary_beside(path)?;
    file.write_all(bytes).map_err(fail)?;
    if sync {
        file.as_file().sync_all().map_err(fail)?;
    }
    let file = file.persist(path).map_err(|e| fail(e.error))?;
    file.metadata().map_err(fail)
}

/// A temporary file in the directory of `path`, to be given its name when it is complete.
pub fn temporary_beside(path: &Path) -> Result<tempfile::NamedTempFile> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".retrain-").suffix(".tmp");
    // A temporary file is private by default; what is made here is shared like any other output.
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(dir).map_err(Error::io("writing", path))
}

/// Checks, before any costly work, that a file can be made at `path`: its directory is created where it is
/// missing, and tried out.
pub fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::input(path, "is a directory; a file name is needed"));
    }
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    ensure_dir_exists(dir)?;
    tempfile::Builder::new()
        .prefix(".retrain-")
        .tempfile_in(dir)
        .map_err(Error::io("writing to the directory", dir))?;
    Ok(())
}
