//! Files: reading, and writing so that a killed process never leaves half a file.

mod desktop;

pub use desktop::{is_desktop_file, is_disposable};

use crate::error::{Error, Result};
use crate::text::shown;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("reading", path))
}

/// Creates a directory and its parents; an existing one is fine (the scripts' `ensure_dir_exists`).
pub fn ensure_dir_exists(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("creating the directory", dir))
}

/// Writes `bytes` to `path` through a temporary file beside it, synced and renamed: readers see the
/// old content or the new, never a part.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, bytes, true).map(drop)
}

/// As [`write()`], without waiting for the disk: for caches, of which each file can be made again.
/// Returns what the file system knows of the new file.
pub fn write_cache(path: &Path, bytes: &[u8]) -> Result<fs::Metadata> {
    write_with(path, bytes, false)
}

fn write_with(path: &Path, bytes: &[u8], sync: bool) -> Result<fs::Metadata> {
    let fail = |e| Error::io("writing", path)(e);
    let path = &target(path)?;
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        // A device (`/dev/stdout`) is written to: another file must not take its place.
        let mut file = fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
        file.write_all(bytes).map_err(fail)?;
        return file.metadata().map_err(fail);
    }
    let mut file = temporary_beside(path)?;
    // Past the temporary file's own errors: they tell its name, which says nothing to anyone.
    file.as_file_mut().write_all(bytes).map_err(fail)?;
    if sync {
        file.as_file().sync_all().map_err(fail)?;
    }
    let file = file.persist(path).map_err(|e| fail(e.error))?;
    file.metadata().map_err(fail)
}

/// What a path leads to: where it is a symbolic link, the file it points to is written, as the
/// scripts do, and the link stays.
fn target(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    // As many as the system itself follows.
    for _ in 0..40 {
        let Ok(link) = fs::read_link(&target) else { return Ok(target) };
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    Err(Error::input(path, "is a loop of symbolic links; give another path"))
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
    builder.tempfile_in(dir).map_err(|e| Error::io("writing", path)(without_its_name(e)))
}

/// The system's error alone: a temporary file's name says nothing to anyone.
fn without_its_name(error: std::io::Error) -> std::io::Error {
    let text = error.to_string();
    match text.rfind(" at path \"") {
        Some(end) => std::io::Error::new(error.kind(), &text[..end]),
        None => error,
    }
}

/// Checks, before any costly work, that a file can be made at `path`: its directory is created
/// where it is missing, and tried out.
pub fn check_writable(path: &Path) -> Result<()> {
    let path = &target(path)?;
    if path.is_dir() {
        return Err(Error::input(path, "is a directory; a file name is needed"));
    }
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return check_device(path);
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

/// A device that can be opened is written to at the end; whoever opens a pipe would wait for a
/// reader.
fn check_device(path: &Path) -> Result<()> {
    #[cfg(unix)]
    if !fs::metadata(path)
        .is_ok_and(|m| std::os::unix::fs::FileTypeExt::is_char_device(&m.file_type()))
    {
        return Err(Error::input(
            path,
            "is neither a file nor a character device; give another path",
        ));
    }
    fs::OpenOptions::new().write(true).open(path).map(drop).map_err(Error::io("writing", path))
}

/// Checks, before any costly work, that a directory can be made or written to at `dir`; makes none.
///
/// # Errors
/// A sentence that says why not.
pub fn check_dir(dir: &Path) -> std::result::Result<(), String> {
    let above = dir.ancestors().map(|a| if a.as_os_str().is_empty() { Path::new(".") } else { a });
    // What is there without leading anywhere, a loop of links or one that dangles, is no place
    // either.
    let nearest =
        above.into_iter().find(|a| a.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
    if !nearest.is_dir() {
        return Err(format!("{} is not a directory", shown(nearest)));
    }
    let tried = tempfile::Builder::new().prefix(".retrain-").tempfile_in(nearest);
    tried.map(drop).map_err(|e| format!("cannot write to the directory {} ({e})", shown(nearest)))
}
