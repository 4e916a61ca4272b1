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
    let mut path = image_dir.to_owned();
    for name in [class, file] {
        path += system.separator(path.bytes().last());
        path += name;
    }
    match system {
        System::Posix => path,
        System::Windows => path.replace('/', "\\"),
    }
}

/// One step of [`hashed_path`]. Unlike Rust's `join`, it never drops what was typed.
pub(super) fn join(dir: &Path, name: &OsStr) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(System::HERE.separator(path.as_encoded_bytes().last().copied()));
    path.push(name);
    match System::HERE {
        System::Posix => path.into(),
        System::Windows => path.to_string_lossy().replace('/', "\\").into(),
    }
}
