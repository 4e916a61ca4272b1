//! What is in the class directories already.

use crate::error::{Error, Result};
use crate::fsio::{self, folded, is_desktop_file};
use crate::text::shown;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A file in a class directory.
#[derive(Debug, Clone)]
pub(super) struct ExistingFile {
    pub(super) dir: String,
    pub(super) name: String,
    pub(super) bytes: u64,
}

impl ExistingFile {
    /// Its path in `image_dir`, as the report has it.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.dir, self.name)
    }
}

/// `image_dir` and what is in it.
#[derive(Debug)]
pub(super) struct Existing {
    /// The directory itself, without links on the way.
    pub(super) root: PathBuf,
    /// The names of the class directories, by their names [`folded`].
    dirs: HashMap<String, String>,
    pub(super) files: Vec<ExistingFile>,
}

impl Existing {
    /// Makes `image_dir` if there is none, removes what killed runs left, and lists the files.
    pub(super) fn scan(image_dir: &Path) -> Result<Self> {
        fsio::ensure_dir_exists(image_dir)?;
        let root = image_dir.canonicalize().map_err(Error::io("reading", image_dir))?;
        let mut existing = Self { root, dirs: HashMap::new(), files: Vec::new() };
        for dir in names_in(image_dir)? {
            let path = existing.root.join(&dir);
            if is_desktop_file(dir.as_ref()) || !path.is_dir() {
                continue;
            }
            existing.dirs.insert(folded(&dir), dir.clone());
            if check_inside(&existing.root, &dir).is_ok() {
                fsio::clear_temporary_files(&path);
                existing.list(&dir)?;
            }
        }
        Ok(existing)
    }

    fn list(&mut self, dir: &str) -> Result<()> {
        let path = self.root.join(dir);
        for name in names_in(&path)? {
            let metadata = fs::metadata(path.join(&name));
            if let Some(metadata) = metadata.ok().filter(fs::Metadata::is_file) {
                let bytes = metadata.len();
                self.files.push(ExistingFile { dir: dir.to_owned(), name, bytes });
            }
        }
        Ok(())
    }

    /// The directory of a class. Of names that some file systems do not tell apart, the first is
    /// used for all.
    pub(super) fn dir_of(&mut self, class_name: &str) -> String {
        let first = self.dirs.entry(folded(class_name));
        first.or_insert_with(|| class_name.to_owned()).clone()
    }
}

/// The names in a directory, in order, that are text.
fn names_in(dir: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(dir).map_err(Error::io("listing", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::io("listing", dir))?.file_name();
        names.extend(name.into_string());
    }
    names.sort();
    Ok(names)
}

/// Checks that a class directory, if there is one, lies in `root`: it may be a link.
///
/// # Errors
/// A sentence.
pub(super) fn check_inside(root: &Path, dir: &str) -> std::result::Result<(), String> {
    let path = root.join(dir);
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    match path.canonicalize() {
        Ok(real) if real.starts_with(root) && real.is_dir() => Ok(()),
        Ok(real) if real.starts_with(root) => {
            Err(format!("{} is not a directory; rename it", shown(&path)))
        }
        Ok(real) => Err(format!(
            "{} is a link to {}, outside `image_dir`; make it a directory",
            shown(&path),
            shown(&real)
        )),
        Err(e) => Err(format!("{} cannot be used ({e})", shown(&path))),
    }
}
