//! `split_file`: a table that says which set each photograph is in.

use super::candidate::Candidate;
use super::split::Category;
use super::table::{ColumnNames, KnownColumn, Place, Table};
use crate::error::{Error, Result};
use crate::fsio;
use crate::text::{composed, counted, one_line, shown};
use log::{info, warn};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

const PATH: KnownColumn = KnownColumn { name: "path", aliases: &["path"] };
const SET: KnownColumn = KnownColumn { name: "set", aliases: &["set"] };
/// How many photographs an error lists.
const LISTED: usize = 20;

/// The file, and what it says if it is there.
pub(super) struct SplitFile<'f> {
    path: &'f Path,
    entries: Option<Entries>,
}

/// Paths as they stand in the file, with their sets.
type Entries = Vec<(String, Category, Place)>;

impl<'f> SplitFile<'f> {
    /// Reads the file if it is there.
    pub(super) fn open(path: &'f Path) -> Result<Self> {
        let entries = path.exists().then(|| read(path)).transpose()?;
        Ok(Self { path, entries })
    }

    pub(super) fn is_there(&self) -> bool {
        self.entries.is_some()
    }

    /// The set of each photograph. A path of the file means a photograph if it is the same as
    /// typed, or the same from image_dir on, or ends with that: the file may be of another place.
    ///
    /// # Errors
    /// If the file does not list one of them, or in two sets.
    pub(super) fn sets(&self, all: &[&Candidate]) -> Result<Vec<Category>> {
        let entries = self.entries.as_deref().unwrap_or_default();
        let depths: HashSet<usize> =
            all.iter().map(|c| depth(&c.relative.to_string_lossy())).collect();
        let paths: Vec<String> = entries.iter().map(|(path, ..)| composed(path)).collect();
        let index = Index::new(entries, &paths, &depths);
        let (mut sets, mut missing, mut used) = (Vec::new(), Vec::new(), HashSet::new());
        for candidate in all {
            let typed = slashes(&candidate.typed().to_string_lossy());
            let relative = slashes(&candidate.relative.to_string_lossy());
            match index.find(&typed, &relative) {
                Found::Nothing => missing.push(shown(Path::new(candidate.typed()))),
                Found::One(i) => {
                    used.insert(i);
                    sets.push(entries[i].1);
                }
                Found::Two(a, b) => {
                    let [a, b] = [a, b].map(|i| {
                        let (path, set, place) = &entries[i];
                        format!("{place} ({}, {})", one_line(path), set.name())
                    });
                    let message = format!(
                        "{a} and {b} both may be {}; remove the wrong one",
                        shown(Path::new(candidate.typed()))
                    );
                    return Err(Error::input(self.path, message));
                }
            }
        }
        self.check_all_listed(&missing, all.len())?;
        self.warn_of_others(entries, &used);
        info!(target: "retrain", "The sets are those of {}", shown(self.path));
        Ok(sets)
    }

    fn check_all_listed(&self, missing: &[String], all: usize) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let mut lines = missing.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>();
        let more = format!("… and {} more", missing.len().saturating_sub(LISTED));
        if missing.len() > LISTED {
            lines.push(&more);
        }
        let message = format!(
            "does not list {} of {}; add a row for each, or remove the file to have it written \
             anew\n{}",
            missing.len(),
            counted(all as u64, "photograph"),
            lines.join("\n")
        );
        Err(Error::input(self.path, message))
    }

    fn warn_of_others(&self, entries: &[(String, Category, Place)], used: &HashSet<usize>) {
        let mut others = (0..entries.len()).filter(|i| !used.contains(i));
        if let Some(first) = others.next() {
            warn!(
                target: "retrain",
                "{} lists {} that are not there, the first in {}: {}",
                shown(self.path),
                counted(1 + others.count() as u64, "photograph"),
                entries[first].2,
                one_line(&entries[first].0)
            );
        }
    }

    /// Writes the file, with paths from image_dir on, or as they stand in the catalogue.
    pub(super) fn write(&self, all: &[&Candidate], sets: &[Category]) -> Result<()> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let written = csv.write_record([PATH.name, SET.name]).and_then(|()| {
            all.iter().zip(sets).try_for_each(|(candidate, set)| {
                csv.write_record([&*candidate.relative.to_string_lossy(), set.name()])
            })
        });
        let bytes = written
            .map_err(io::Error::from)
            .and_then(|()| csv.into_inner().map_err(|e| e.into_error()));
        fsio::write(self.path, &bytes.map_err(Error::io("writing", self.path))?)?;
        info!(target: "retrain", "The sets are written to {}", shown(self.path));
        Ok(())
    }
}

fn read(path: &Path) -> Result<Entries> {
    let mut table = Table::open(path)?;
    let columns = table.columns(&[PATH, SET], &ColumnNames::default())?;
    let [path, set] = [columns.required(&table, &PATH)?, columns.required(&table, &SET)?];
    let mut entries = Vec::new();
    while let Some(row) = table.next() {
        let row = row?;
        let word = table.text(&row, set)?;
        let Some(set) = Category::of_word(word) else {
            let message = format!(
                "has the set '{}'; it must be training, validation or testing",
                one_line(word)
            );
            return Err(table.error(row.place, message));
        };
        entries.push((slashes(table.text(&row, path)?), set, row.place));
    }
    Ok(entries)
}

/// A path with `/` on every system.
fn slashes(path: &str) -> String {
    if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() }
}

/// How many components a path has.
fn depth(path: &str) -> usize {
    path.split('/').count()
}

enum Found {
    Nothing,
    One(usize),
    /// Two entries that say different sets.
    Two(usize, usize),
}

/// Entries by their paths, and by the ends of these, [`composed`]: older Macs return the names of
/// files in another form than they were written in.
struct Index<'e> {
    entries: &'e [(String, Category, Place)],
    whole: HashMap<&'e str, Vec<usize>>,
    ends: HashMap<&'e str, Vec<usize>>,
}

impl<'e> Index<'e> {
    /// `paths` are those of the entries, composed; `depths` are how many components the ends have
    /// that are looked for.
    fn new(
        entries: &'e [(String, Category, Place)],
        paths: &'e [String],
        depths: &HashSet<usize>,
    ) -> Self {
        let (mut whole, mut ends) = (HashMap::new(), HashMap::new());
        for (i, path) in paths.iter().enumerate() {
            whole.entry(path.as_str()).or_insert_with(Vec::new).push(i);
            let starts = path.rmatch_indices('/').map(|(at, _)| &path[at + 1..]);
            for (n, end) in starts.enumerate() {
                if depths.contains(&(n + 1)) {
                    ends.entry(end).or_insert_with(Vec::new).push(i);
                }
            }
        }
        Self { entries, whole, ends }
    }

    fn find(&self, typed: &str, relative: &str) -> Found {
        let [whole, end] = [typed, relative].map(composed);
        let found = self.whole.get(&*whole).or_else(|| self.whole.get(&*end));
        let Some(found) = found.or_else(|| self.ends.get(&*end)) else { return Found::Nothing };
        // On Linux there may be files of both forms.
        let as_written = |&i: &usize| {
            let path = &self.entries[i].0;
            path == typed || path.ends_with(relative)
        };
        let exact: Vec<usize> = found.iter().copied().filter(as_written).collect();
        let found = if exact.is_empty() { found } else { &exact };
        let first = found[0];
        let other = found.iter().find(|&&i| self.entries[i].1 != self.entries[first].1);
        other.map_or(Found::One(first), |&other| Found::Two(first, other))
    }
}
