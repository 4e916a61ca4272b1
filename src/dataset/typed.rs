//! Paths of photographs as the scripts put them together from what was typed: the split hashes
//! them. On Windows that is another text than elsewhere.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How a system writes paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// With `/`.
    Posix,
    /// With `\`.
    Windows,
}

impl System {
    /// This one.
    pub const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Posix };

    /// What Python's `os.path.join` puts behind a directory, whose last byte this is.
    fn separator(self, last: Option<u8>) -> &'static str {
        match (self, last) {
            (_, None | Some(b'/')) => "",
            (Self::Posix, _) => "/",
            // `C:` is the directory where the user is on that drive.
            (Self::Windows, Some(b'\\' | b':')) => "",
            (Self::Windows, _) => "\\",
        }
    }
}

/// The path that the scripts hash for a photograph, without their `_nohash_`: `image_dir` as it was
/// typed, joined by Python with the names of the class's directory and of the file, and as
/// TensorFlow's `gfile.Glob` returns it, which on Windows has no `/`.
#[must_use]
pub fn hashed_path(image_dir: &str, class: &str, file: &str, system: System) -> String {
    let dir = join_on(Path::new(image_dir), class.as_ref(), system);
    join_on(&dir, file.as_ref(), system).to_string_lossy().into_owned()
}

/// One step of [`hashed_path`] on this system.
pub(super) fn join(dir: &Path, name: &OsStr) -> PathBuf {
    join_on(dir, name, System::HERE)
}

/// Unlike Rust's `join`, this never drops what was typed.
fn join_on(dir: &Path, name: &OsStr, system: System) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(system.separator(path.as_encoded_bytes().last().copied()));
    path.push(name);
    match (system, path.to_str()) {
        (System::Windows, Some(text)) => text.replace('/', "\\").into(),
        _ => path.into(),
    }
}
