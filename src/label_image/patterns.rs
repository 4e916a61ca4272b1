//! Patterns such as `*.jpg`, which Windows' command prompt leaves to the programs.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The files that match a pattern in the last part of a path, by name; `None` where that is none,
/// because the shell has done this, or no file is called so anyway.
pub(super) fn matching(path: &Path) -> Option<Result<Vec<PathBuf>>> {
    let pattern = path.file_name()?.to_str()?;
    (cfg!(windows) && pattern.contains(['*', '?'])).then(|| list(path, pattern))
}

fn list(path: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let dir = path.parent().unwrap_or(Path::new(""));
    let here = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(here).map_err(Error::io("listing", here))? {
        let name = entry.map_err(Error::io("listing", here))?.file_name();
        if name.to_str().is_some_and(|name| matches(pattern, name)) {
            found.push(dir.join(name));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a name matches a pattern, in which `*` stands for any text and `?` for a character. Case
/// is ignored, and `*.*` stands for every name, as Windows has it.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    if pattern == "*.*" {
        return true;
    }
    let [pattern, name] = [pattern, name].map(|text| text.to_lowercase().chars().collect());
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern, name);
    // Where to go on if what follows the last `*` does not match: the `*` takes one more.
    let (mut p, mut n, mut again) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                again = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match again {
                Some((star, taken)) => {
                    again = Some((star, taken + 1));
                    (p, n) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}
