//! Temporary files: what is not complete has one of their names, and only then its own.
//!
//! Whoever writes one holds it, so that another run can tell it from one that a killed run left
//! behind: on Unix by a lock, which ends with the process. On Windows a locked file could not be
//! read once it has its own name; there it is enough that the file is open.

use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use tempfile::{Builder, NamedTempFile, TempDir};

const PREFIX: &str = ".retrain-";
const SUFFIX: &str = ".tmp";
/// What a temporary directory's name ends with; the file of the same name with [`SUFFIX`] holds it.
const DIRECTORY_SUFFIX: &str = "dir";
/// How often a temporary file is made anew because it was cleared before it was held.
const ATTEMPTS: u32 = 10;

/// The directory that a file at `path` is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file in the directory of `path`, to be given its name when it is complete.
pub(crate) fn temporary_beside(path: &Path) -> Result<NamedTempFile> {
    temporary_in(directory_of(path)).map_err(Error::io("writing", path))
}

/// A temporary file that this process holds, in `dir`.
pub(super) fn temporary_in(dir: &Path) -> io::Result<NamedTempFile> {
    let mut file = named_in(dir)?;
    for _ in 1..ATTEMPTS {
        if hold(&file) {
            break;
        }
        file = named_in(dir)?;
    }
    Ok(file)
}

fn named_in(dir: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    made_in(dir, &mut builder).map_err(without_its_name)
}

#[cfg(unix)]
fn made_in(dir: &Path, builder: &mut Builder<'_, '_>) -> io::Result<NamedTempFile> {
    // A temporary file is private by default; what is made here is shared like any other output.
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(dir)
}

/// Without the attribute "temporary", which would stay with the file when it gets its own name.
#[cfg(windows)]
fn made_in(dir: &Path, builder: &mut Builder<'_, '_>) -> io::Result<NamedTempFile> {
    let make = |path: &Path| fs::File::options().read(true).write(true).create_new(true).open(path);
    builder.make_in(super::long(dir), make)
}

/// The system's error alone: a temporary file's name says nothing to anyone.
fn without_its_name(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.rfind(" at path \"") {
        Some(end) => io::Error::new(error.kind(), &text[..end]),
        None => error,
    }
}

/// A temporary directory, removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    // Dropped in this order: held until it is gone.
    dir: TempDir,
    _held: NamedTempFile,
}

impl Scratch {
    /// Makes one in `dir`.
    pub fn new_in(dir: &Path) -> Result<Self> {
        let make = || {
            let held = temporary_in(dir)?;
            let path = held.path().with_extension(DIRECTORY_SUFFIX);
            let name = path.file_name().unwrap_or_default();
            let dir = Builder::new().prefix(name).rand_bytes(0).tempdir_in(super::long(dir));
            Ok(Self { dir: dir.map_err(without_its_name)?, _held: held })
        };
        make().map_err(Error::io("writing to the directory", dir))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes what killed runs have left of temporary files and directories in `dir`. What another
/// process holds stays, and so does what cannot be locked, read or removed.
pub fn clear_temporary_files(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if is_temporary(&entry.file_name()) && entry.file_type().is_ok_and(|t| t.is_file()) {
            clear(&entry.path());
        }
    }
}

fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())
}

/// Locks a temporary file that was just made. `false` where another run cleared it before that.
#[cfg(unix)]
fn hold(file: &NamedTempFile) -> bool {
    match file.as_file().try_lock() {
        Ok(()) => file.path().exists(),
        Err(fs::TryLockError::WouldBlock) => false,
        // A file system without locks: there nothing is cleared.
        Err(fs::TryLockError::Error(_)) => true,
    }
}

#[cfg(windows)]
fn hold(_: &NamedTempFile) -> bool {
    true
}

/// Removes a temporary file that nobody holds, and the directory that it held.
#[cfg(unix)]
fn clear(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    // To be written, which NFS wants of what is to be locked. Somebody may have put a link or a
    // pipe in its place: neither is followed or waited for.
    let mut options = fs::OpenOptions::new();
    options.write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let Ok(file) = options.open(path) else { return };
    if file.try_lock().is_ok() {
        // The file goes last: without it, nobody would know that the directory is not held.
        let _ = fs::remove_dir_all(path.with_extension(DIRECTORY_SUFFIX));
        let _ = fs::remove_file(path);
    }
}

/// Removes a temporary file that nobody has open, and the directory that it held.
#[cfg(windows)]
fn clear(path: &Path) {
    use std::os::windows::fs::OpenOptionsExt;
    const DELETE: u32 = 0x0001_0000;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    // Shared with nobody: this fails where anybody has it open.
    let mut options = fs::OpenOptions::new();
    options.access_mode(DELETE).share_mode(0).custom_flags(FILE_FLAG_DELETE_ON_CLOSE);
    if let Ok(_deleted_at_the_end) = options.open(path) {
        let _ = fs::remove_dir_all(path.with_extension(DIRECTORY_SUFFIX));
    }
}
