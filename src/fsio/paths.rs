//! Paths as Windows has them: longer than 260 characters they need a prefix, `\\?\`, which nobody
//! wants to see ([`shown`](crate::text::shown) leaves it out). The standard library adds it for its
//! own calls; other callers of the system do not.

use crate::text::unprefixed;
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Without the prefix, a directory must leave room for a file name of 12 characters.
const LONGEST: usize = 247;
const VERBATIM: &str = r"\\?\";
const VERBATIM_SHARE: &str = r"\\?\UNC\";

/// A path for callers of the system that do not add the prefix to long ones: TensorFlow and
/// tempfile.
pub(crate) fn long(path: &Path) -> Cow<'_, Path> {
    let absolute = if cfg!(windows) { std::path::absolute(path).ok() } else { None };
    let absolute = absolute.as_deref().and_then(Path::to_str);
    absolute.and_then(prefixed).map_or(path.into(), |long| PathBuf::from(long).into())
}

/// The path without links, and without the prefix where it does without.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    let real = path.canonicalize()?;
    let plain = if cfg!(windows) { real.to_str().and_then(unprefixed) } else { None };
    Ok(plain.filter(|plain| prefixed(plain).is_none()).map_or(real, PathBuf::from))
}

/// An absolute Windows path with the prefix; `None` if it needs none.
#[must_use]
pub fn prefixed(path: &str) -> Option<String> {
    if path.encode_utf16().count() < LONGEST || path.starts_with(VERBATIM) {
        return None;
    }
    Some(match path.strip_prefix(r"\\") {
        Some(share) => format!("{VERBATIM_SHARE}{share}"),
        None => format!("{VERBATIM}{path}"),
    })
}
