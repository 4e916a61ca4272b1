//! What desktops, shares and notebooks leave in directories without being asked: nobody's files,
//! which are neither photographs nor classes and stop nothing. They are known by their names.

use std::ffi::OsStr;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leftover {
    /// A file, of no use to anyone but the program that made it.
    File,
    /// A directory of such files.
    Dir,
    /// A directory that may hold what a user wrote: thrown away, or an older version of it.
    UsersDir,
}

use Leftover::{Dir, File, UsersDir};

/// The names, in lower case. Windows and macOS do not tell cases apart.
const NAMES: &[(&str, Leftover)] = &[
    // macOS
    (".ds_store", File),
    (".localized", File),
    (".apdisk", File),
    ("icon\r", File),
    ("__macosx", Dir),
    (".appledouble", Dir),
    (".fseventsd", Dir),
    (".spotlight-v100", Dir),
    (".temporaryitems", UsersDir),
    (".documentrevisions-v100", UsersDir),
    (".trashes", UsersDir),
    // Windows
    ("thumbs.db", File),
    ("ehthumbs.db", File),
    ("ehthumbs_vista.db", File),
    ("desktop.ini", File),
    ("$recycle.bin", UsersDir),
    ("system volume information", UsersDir),
    // KDE, Synology, Picasa, Jupyter
    (".directory", File),
    ("@eadir", Dir),
    (".picasa.ini", File),
    ("picasa.ini", File),
    (".ipynb_checkpoints", UsersDir),
];

/// What macOS writes beside a file on a disk that cannot hold a file's attributes.
const APPLE_DOUBLE: &[u8] = b"._";

fn leftover(name: &OsStr) -> Option<Leftover> {
    let name = name.as_encoded_bytes();
    let known = NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
    known.map(|(_, leftover)| *leftover).or(name.starts_with(APPLE_DOUBLE).then_some(File))
}

/// Whether a desktop leaves files or directories of this name: they are ignored.
#[must_use]
pub fn is_desktop_file(name: &OsStr) -> bool {
    leftover(name).is_some()
}

/// Whether nobody misses an entry of this name when it is deleted, for a directory with all that is
/// in it. What a user may have written is not among these, and neither is a directory with a
/// file's name.
#[must_use]
pub fn is_disposable(name: &OsStr, kind: std::fs::FileType) -> bool {
    leftover(name) == Some(if kind.is_dir() { Dir } else { File })
}
