//! Sorts photographs into a directory for each label, as hard links or copies. Nothing is deleted
//! or overwritten, and sorting the same photographs again changes nothing.

use super::paths::check_apart;
use super::{Row, Source, UNKNOWN};
use crate::error::{Error, Result};
use crate::fsio::{self, is_reserved, is_safe, shortened};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The longest directory name made of a label, in bytes; file systems allow 255.
const LONGEST: usize = 200;

/// Sorts photographs into directories.
#[derive(Debug)]
pub struct Sorter {
    dir: PathBuf,
    /// The directory's name for each class; the last is for unknown photographs.
    names: Vec<String>,
    sorted: BTreeMap<String, usize>,
    placed: [usize; 3],
}

/// What was done with a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It was hard-linked.
    Linked,
    /// It was copied, because it could not be linked: it is on another file system.
    Copied,
    /// It was there already.
    AlreadyThere,
}

impl Sorter {
    /// Checks, before any costly work, that photographs from `sources` can be sorted into `dir`.
    ///
    /// # Errors
    /// If `dir` cannot be written to, or is one of the directories to search, in one of them, or
    /// above one.
    pub fn new(dir: &Path, labels: &[String], sources: &[Source]) -> Result<Self> {
        let wrong = |message: String| Error::usage("sort_into", message);
        fsio::check_dir(dir).map_err(wrong)?;
        check_apart(dir, sources).map_err(wrong)?;
        let (names, sorted) = (directory_names(labels), BTreeMap::new());
        Ok(Self { dir: dir.to_owned(), names, sorted, placed: [0; 3] })
    }

    /// How many photographs were sorted into each directory, by its name.
    #[must_use]
    pub fn sorted(&self) -> &BTreeMap<String, usize> {
        &self.sorted
    }

    /// How many photographs were linked, copied, or there already.
    #[must_use]
    pub fn placed(&self) -> [usize; 3] {
        self.placed
    }

    /// Puts a photograph into the directory of its label. `None` for one that has none, because it
    /// could not be labelled.
    ///
    /// # Errors
    /// If it can be neither linked nor copied.
    pub fn place(&mut self, row: &Row) -> Result<Option<Placed>> {
        if row.top.as_ref().map_or(true, Vec::is_empty) {
            return Ok(None);
        }
        let Some(file_name) = row.path.file_name() else { return Ok(None) };
        let name = &self.names[row.class.unwrap_or(self.names.len() - 1)];
        let dir = self.dir.join(name);
        fsio::ensure_dir_exists(&dir)?;
        // The file itself: a link to a relative link would lead nowhere.
        let from = row.path.canonicalize().map_err(Error::io("reading", &row.path))?;
        let placed = place(&from, &dir, Path::new(file_name))?;
        *self.sorted.entry(name.clone()).or_default() += 1;
        self.placed[placed as usize] += 1;
        Ok(Some(placed))
    }
}

/// Links or copies a file into a directory, under the first name of `x.jpg`, `x-2.jpg`, … that is
/// free or has the same content.
fn place(from: &Path, dir: &Path, file_name: &Path) -> Result<Placed> {
    let mut number = 1;
    loop {
        let to = dir.join(numbered(file_name, number));
        match fs::hard_link(from, &to) {
            Ok(()) => return Ok(Placed::Linked),
            Err(_) if to.symlink_metadata().is_err() => match copy(from, &to) {
                Ok(()) => return Ok(Placed::Copied),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("writing", &to)(e)),
            },
            Err(_) => {}
        }
        if same_content(from, &to) {
            return Ok(Placed::AlreadyThere);
        }
        number += 1;
    }
}

/// Copies a file to a name that is free. It gets its name only once it is complete.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut temporary = fsio::temporary_beside(to).map_err(io::Error::other)?;
    io::copy(&mut File::open(from)?, temporary.as_file_mut())?;
    temporary.persist_noclobber(fsio::long(to)).map(drop).map_err(|e| e.error)
}

/// `x-2.jpg` for `x.jpg` and 2.
fn numbered(file_name: &Path, number: u64) -> OsString {
    if number == 1 {
        return file_name.into();
    }
    let mut name = file_name.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = file_name.extension() {
        name.push(".");
        name.push(extension);
    }
    name
}

fn same_content(a: &Path, b: &Path) -> bool {
    let same = || {
        let (a, b) = (File::open(a)?, File::open(b)?);
        if a.metadata()?.len() != b.metadata()?.len() {
            return Ok(false);
        }
        let (mut a, mut b) = (BufReader::new(a).bytes(), BufReader::new(b).bytes());
        loop {
            match (a.next().transpose()?, b.next().transpose()?) {
                (None, None) => return Ok::<bool, io::Error>(true),
                (a, b) if a != b => return Ok(false),
                _ => {}
            }
        }
    };
    // A pipe would be waited for.
    fs::metadata(b).is_ok_and(|m| m.is_file()) && same().unwrap_or(false)
}

/// A directory name for each label, and the last for unknown photographs. Different labels get
/// different names, also where file systems ignore case.
fn directory_names(labels: &[String]) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut names: Vec<String> = Vec::new();
    for label in labels {
        let safe = safe_name(label);
        let numbered = (2..).map(|number| format!("{safe}-{number}"));
        let mut candidates = std::iter::once(safe.clone()).chain(numbered);
        names.extend(candidates.find(|name| taken.insert(name.to_lowercase())));
    }
    names.push(UNKNOWN.into());
    names
}

/// A label as the name of one directory on any system.
fn safe_name(label: &str) -> String {
    let name: String = label.chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    let name = shortened(&name, LONGEST);
    // A dot at the start hides the directory.
    let name = if name.starts_with('.') { format!("_{name}") } else { name };
    match name.split_once('.') {
        Some((stem, ending)) if is_reserved(&name) => format!("{stem}_.{ending}"),
        None if name.is_empty() || is_reserved(&name) => name + "_",
        _ => name,
    }
}
