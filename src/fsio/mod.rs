//! Files: reading, and writing so that a killed process never leaves half a file.

mod alone;
mod cache_dir;
mod desktop;
mod names;
mod paths;
mod replace;
mod temporary;

pub(crate) use alone::{Alone, open_alone, still_alone, while_replaced};
pub(crate) use cache_dir::cache_dir;
pub use desktop::{is_desktop_file, is_disposable};
pub use names::fault_on_windows;
pub(crate) use names::{ends_badly, is_reserved, is_safe, shortened};
pub use paths::prefixed;
pub(crate) use paths::{long, real};
pub(crate) use replace::{is_in_use, persist, rename};
pub use temporary::{Scratch, clear_temporary_files};
pub(crate) use temporary::{directory_of, temporary_beside};

use crate::error::{Error, Result};
use crate::text::shown;
use names::check_names;
use replace::persist_or_keep;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use temporary::temporary_in;

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("reading", path))
}

/// Creates a directory and its parents; an existing one is fine (the scripts' `ensure_dir_exists`).
pub fn ensure_dir_exists(dir: &Path) -> Result<()> {
    check_names(dir)?;
    fs::create_dir_all(dir).map_err(Error::io("creating the directory", dir))
}

/// Whether a write waits until the disk has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    Yes,
    No,
}

/// Writes `bytes` to `path` through a temporary file beside it, synced and renamed: readers see the
/// old content or the new, never a part.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], with whatever `fill` writes to the file it is given. Where that fails or panics,
/// the old content stays.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    replace(path, Sync::Yes, fill).map(drop)
}

/// As [`write()`], without waiting for the disk: for caches, of which each file can be made again.
/// Returns what the file system knows of the new file.
pub fn write_cache(path: &Path, bytes: &[u8]) -> Result<fs::Metadata> {
    replace(path, Sync::No, |file| file.write_all(bytes))
}

fn replace(
    path: &Path,
    sync: Sync,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<fs::Metadata> {
    check_names(path)?;
    let fail = |e| Error::io("writing", path)(e);
    let path = &target(path)?;
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        // A device (`/dev/stdout`) is written to: another file must not take its place.
        let mut file = fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
        fill(&mut file).map_err(fail)?;
        return file.metadata().map_err(fail);
    }
    let mut file = temporary_beside(path)?;
    // Past the temporary file's own errors: they tell its name, which says nothing to anyone.
    fill(file.as_file_mut()).map_err(fail)?;
    if sync == Sync::Yes {
        file.as_file().sync_all().map_err(fail)?;
    }
    let file = match sync {
        Sync::Yes => persist_or_keep(file, path),
        Sync::No => persist(file, path).map_err(|refused| refused.error),
    };
    file.and_then(|file| file.metadata()).map_err(fail)
}

/// As [`clear_temporary_files`], in the directory in which a file at `path` is written.
pub(crate) fn clear_temporary_files_beside(path: &Path) {
    if let Ok(path) = target(path) {
        clear_temporary_files(directory_of(&path));
    }
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

/// Checks, before any costly work, that a file can be made at `path`: its directory is created
/// where it is missing, and tried out.
pub fn check_writable(path: &Path) -> Result<()> {
    check_names(path)?;
    let path = &target(path)?;
    if path.is_dir() {
        return Err(Error::input(path, "is a directory; a file name is needed"));
    }
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return check_device(path);
    }
    let dir = directory_of(path);
    ensure_dir_exists(dir)?;
    temporary_in(dir).map(drop).map_err(Error::io("writing to the directory", dir))
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
    check_names(dir).map_err(|e| e.to_string())?;
    let nearest = nearest(dir);
    if !nearest.is_dir() {
        return Err(format!("{} is not a directory", shown(nearest)));
    }
    let tried = temporary_in(nearest);
    tried.map(drop).map_err(|e| format!("cannot write to the directory {} ({e})", shown(nearest)))
}

/// `dir`, or the nearest above it that is there, if only as a link that leads nowhere.
pub(crate) fn nearest(dir: &Path) -> &Path {
    let mut above =
        dir.ancestors().map(|a| if a.as_os_str().is_empty() { Path::new(".") } else { a });
    let root = dir.ancestors().last().unwrap_or(dir);
    above.find(|a| a.symlink_metadata().is_ok()).unwrap_or(root)
}
