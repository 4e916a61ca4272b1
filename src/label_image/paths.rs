//! Finds the images to label: files, the contents of directories, and paths listed on standard
//! input. The search runs while the first images are being labelled, and holds only a few paths in
//! memory at a time.

use super::patterns;
use crate::dataset::{Catalogue, CatalogueRow};
use crate::error::Error;
use crate::fsio::{self, is_desktop_file};
use crate::images::{Photograph, read_if_image};
use crate::text::shown;
use crossbeam_channel::{Receiver, bounded};
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// How many paths the search may be ahead of the labelling.
const AHEAD: usize = 256;

/// Where images come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file, or a directory to search recursively.
    Path(PathBuf),
    /// Paths of files and directories, one per line, on standard input.
    StandardInput,
    /// The photographs of a catalogue. Rows are read as they are needed.
    Catalogue(Catalogue),
}

impl Source {
    /// The source that a word on a command line names: `-` is standard input.
    #[must_use]
    pub fn typed(word: &OsStr) -> Self {
        if word == "-" { Self::StandardInput } else { Self::Path(word.into()) }
    }
}

/// What a catalogue says of a photograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What others call it, if there is a column for that.
    pub id: Option<String>,
    /// Its path as it stands in the catalogue.
    pub path: String,
    /// Its label, if there is a column for labels.
    pub label: Option<String>,
}

/// A path that the search found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) photograph: Photograph,
    /// Its row in a catalogue.
    pub(super) key: Option<Box<Key>>,
    /// Whether the user named this very file. If so, it must be an image.
    pub(super) named: bool,
    /// What went wrong in the search.
    pub(super) error: Option<String>,
}

impl Found {
    fn failed(path: impl Into<PathBuf>, error: &impl ToString) -> Self {
        Self {
            photograph: Photograph::file(path),
            key: None,
            named: true,
            error: Some(error.to_string()),
        }
    }

    /// The file's content. `None` for a file in a directory that is not an image.
    pub(super) fn read(&self) -> Option<Result<Vec<u8>, String>> {
        if let Some(error) = &self.error {
            return Some(Err(error.clone()));
        }
        match self.named {
            true => Some(self.photograph.read().map(|(_, content)| content)),
            false => read_if_image(self.photograph.path()).transpose(),
        }
    }
}

/// Searches for images on a thread of its own, which ends once the receiver is dropped. The thread
/// is not joined, because it may be blocked reading standard input.
pub(super) fn find(sources: Vec<Source>) -> Receiver<Found> {
    let (send, found) = bounded(AHEAD);
    std::thread::spawn(move || {
        let mut sources = sources.into_iter().flat_map(|source| match source {
            Source::Path(path) => files(path),
            Source::StandardInput => Box::new(listed().flat_map(|line| match line {
                Ok(path) => files(path),
                Err(e) => Box::new(std::iter::once(Found::failed("standard input", &e))),
            })),
            Source::Catalogue(catalogue) => rows(&catalogue),
        });
        sources.all(|found| send.send(found).is_ok())
    });
    found
}

/// How many files a search of `sources` finds, images or not; `None` if standard input is among
/// them. For progress bars: other programs may add and remove files meanwhile.
#[must_use]
pub fn count(sources: &[Source]) -> Option<u64> {
    let count = |source: &Source| match source {
        Source::Path(path) => Some(files(path.clone()).count() as u64),
        Source::StandardInput => None,
        Source::Catalogue(catalogue) => Some(rows(catalogue).count() as u64),
    };
    sources.iter().map(count).sum()
}

/// Checks that files written into `dir` cannot be found in `sources`, nor be among them.
///
/// # Errors
/// A sentence that says why not.
pub fn check_apart(dir: &Path, sources: &[Source]) -> Result<(), String> {
    let target = resolved(dir);
    let paths = sources.iter().flat_map(|source| match source {
        Source::Path(path) => match expanded(path) {
            Some(Ok(found)) => found,
            _ => vec![path.clone()],
        },
        _ => Vec::new(),
    });
    for path in paths {
        let Some(searched) = path.canonicalize().ok().filter(|p| p.is_dir()) else { continue };
        if target.starts_with(&searched) || searched.starts_with(&target) {
            let (dir, path) = (shown(dir), shown(&path));
            return Err(format!(
                "{dir} and {path}, where the photographs are, lie within one another; give a \
                 directory of its own"
            ));
        }
    }
    Ok(())
}

/// The path without links, as far as it exists.
fn resolved(dir: &Path) -> PathBuf {
    let nearest = fsio::nearest(dir);
    let rest = dir.strip_prefix(nearest).unwrap_or(dir);
    nearest.canonicalize().unwrap_or_else(|_| nearest.into()).join(rest)
}

/// A file, or the files in a directory and its subdirectories in order of name. Hidden files and
/// those that desktops create (`Thumbs.db`) are left out.
fn files(path: PathBuf) -> Box<dyn Iterator<Item = Found>> {
    match expanded(&path) {
        None => {}
        Some(Ok(found)) if !found.is_empty() => return Box::new(found.into_iter().flat_map(files)),
        Some(Ok(_)) => {
            return Box::new(std::iter::once(Found::failed(path, &"no file matches the pattern")));
        }
        Some(Err(error)) => return Box::new(std::iter::once(Found::failed(path, &error))),
    }
    if !path.is_dir() {
        return Box::new(std::iter::once(Found {
            photograph: Photograph::file(path),
            key: None,
            named: true,
            error: None,
        }));
    }
    let visible = |e: &DirEntry| e.depth() == 0 || !is_ignored(e.file_name());
    let entries =
        WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible);
    Box::new(entries.filter_map(|entry| match entry {
        Ok(entry) if entry.file_type().is_file() => Some(Found {
            photograph: Photograph::file(entry.into_path()),
            key: None,
            named: false,
            error: None,
        }),
        Ok(_) => None,
        Err(e) => Some(Found::failed(e.path().unwrap_or(Path::new("")), &e)),
    }))
}

/// The photographs of a catalogue. An error in it is the last that is found.
fn rows(catalogue: &Catalogue) -> Box<dyn Iterator<Item = Found>> {
    let file = catalogue.image_list.clone();
    let failed = move |error: Error| match error {
        Error::Input { path, message } => Found::failed(path, &message),
        other => Found::failed(&file, &other),
    };
    match catalogue.open() {
        Err(error) => Box::new(std::iter::once(failed(error))),
        Ok(rows) => Box::new(rows.map(move |row| match row {
            Err(error) => failed(error),
            Ok(CatalogueRow { photograph, id, written, label, .. }) => {
                let key = Some(Box::new(Key { id, path: written, label }));
                Found { photograph, key, named: true, error: None }
            }
        })),
    }
}

/// What a pattern stands for, unless the shell has put that in its place; as in a directory, hidden
/// files and those that desktops create are left out.
fn expanded(path: &Path) -> Option<Result<Vec<PathBuf>, Error>> {
    let asks_for_hidden = path.file_name().is_some_and(|p| p.as_encoded_bytes().starts_with(b"."));
    let mut found = patterns::matching(path)?;
    if let Ok(found) = &mut found {
        found.retain(|path| asks_for_hidden || !path.file_name().is_some_and(is_ignored));
    }
    Some(found)
}

fn is_ignored(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || is_desktop_file(name)
}

/// The paths on standard input, one per line; blank lines are skipped.
fn listed() -> impl Iterator<Item = io::Result<PathBuf>> {
    let mut lines = io::stdin().lock();
    std::iter::from_fn(move || {
        loop {
            let mut line = Vec::new();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(e) => return Some(Err(e)),
            }
            let ending = line.iter().rev().take_while(|b| matches!(b, b'\n' | b'\r')).count();
            line.truncate(line.len() - ending);
            if !line.is_empty() {
                return Some(Ok(path_of(line)));
            }
        }
    })
    // Stop at the first error: it would repeat forever.
    .scan(false, |failed, line: io::Result<PathBuf>| {
        (!*failed).then(|| {
            *failed = line.is_err();
            line
        })
    })
}

/// A path from the bytes of a line, which need not be UTF-8.
#[cfg(unix)]
fn path_of(line: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(line).into()
}

/// A path from the text of a line.
#[cfg(not(unix))]
fn path_of(line: Vec<u8>) -> PathBuf {
    OsString::from(String::from_utf8_lossy(&line).into_owned()).into()
}
