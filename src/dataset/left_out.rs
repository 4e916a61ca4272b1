//! What listing finds but leaves out, in words.

use super::formats::Rules;
use crate::fsio::is_desktop_file;
use crate::images::ImageFormat;
use crate::text::one_line;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use walkdir::WalkDir;

/// How many kinds of files are named.
const KINDS: usize = 8;
/// The longest ending that is named.
const LONGEST: usize = 12;

/// Counts of files by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    counts: BTreeMap<String, usize>,
}

impl Kinds {
    /// Counts a file: by its format, else by its ending.
    pub(super) fn add(&mut self, name: &OsStr) {
        let kind = match (ImageFormat::of_name(name), Path::new(name).extension()) {
            (Some(format), _) => format.to_string(),
            (None, Some(ending)) if ending.len() <= LONGEST => {
                format!(".{}", one_line(&ending.to_string_lossy().to_lowercase()))
            }
            (None, _) => "without an ending".into(),
        };
        *self.counts.entry(kind).or_default() += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn total(&self) -> usize {
        self.counts.values().sum()
    }

    fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(k, n)| *self.counts.entry(k.clone()).or_default() += n);
    }

    /// "50 PNG, 3 .txt", the most first.
    fn parts(&self) -> Vec<String> {
        let mut counts: Vec<(&String, &usize)> = self.counts.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let mut parts: Vec<String> =
            counts.iter().take(KINDS).map(|(kind, count)| format!("{count} {kind}")).collect();
        if counts.len() > KINDS {
            let rest: usize = counts[KINDS..].iter().map(|(_, count)| **count).sum();
            parts.push(format!("{rest} others"));
        }
        parts
    }
}

/// What was found in class directories and left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Images of formats that the settings leave out.
    formats: Kinds,
    /// Other files.
    others: Kinds,
    /// How many directories within classes hold images, and these.
    directories: usize,
    nested: Kinds,
}

impl LeftOut {
    /// What a class directory holds that is not taken; `is_taken` tells of its own files.
    pub(super) fn of(dir: &Path, rules: Rules<'_>) -> Self {
        let mut left_out = Self::default();
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            if is_desktop_file(&name) {
                continue;
            }
            // Most are files, which need no further look.
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file || !path.is_dir() {
                left_out.add_file(&name, rules);
            } else if !rules.recursive {
                left_out.add_directory(&path, rules);
            }
        }
        left_out
    }

    /// Counts a file unless it is taken.
    fn add_file(&mut self, name: &OsStr, rules: Rules<'_>) {
        if rules.take(name).is_some() {
            return;
        }
        match ImageFormat::of_name(name) {
            Some(_) => self.formats.add(name),
            None => self.others.add(name),
        }
    }

    /// Counts the directories at and below `dir` that hold images, and these.
    fn add_directory(&mut self, dir: &Path, rules: Rules<'_>) {
        let mut holding = BTreeSet::new();
        let entries = WalkDir::new(dir).follow_links(true).into_iter();
        for entry in entries.filter_entry(|e| !is_desktop_file(e.file_name())).flatten() {
            let name = entry.file_name();
            if entry.file_type().is_file() && rules.take(name).is_some() {
                self.nested.add(name);
                holding.insert(entry.path().parent().map(Path::to_owned));
            }
        }
        self.directories += holding.len();
    }

    /// Adds what another directory holds.
    pub(super) fn merge(&mut self, other: &Self) {
        self.formats.merge(&other.formats);
        self.others.merge(&other.others);
        self.directories += other.directories;
        self.nested.merge(&other.nested);
    }

    /// In words; `None` if nothing was left out.
    pub(super) fn said(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.formats.is_empty() {
            let them = if self.formats.total() == 1 { "it" } else { "them" };
            let formats = self.formats.parts().join(", ");
            parts.push(format!("{formats} (`formats` leaves {them} out)"));
        }
        parts.extend(self.others.parts());
        if self.directories > 0 {
            let directories = match self.directories {
                1 => "1 directory".to_owned(),
                n => format!("{n} directories"),
            };
            let images = self.nested.parts().join(", ");
            parts.push(format!("{directories} with {images} (`recursive` takes them)"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The files that are used although the script would leave them out, by format.
#[derive(Debug, Default)]
pub(super) struct BeyondScript {
    counts: BTreeMap<usize, (ImageFormat, u64)>,
}

impl BeyondScript {
    pub(super) fn add(&mut self, format: ImageFormat) {
        self.counts.entry(format as usize).or_insert((format, 0)).1 += 1;
    }

    /// In words; `None` if there are none.
    pub(super) fn said(&self) -> Option<String> {
        let kinds: Vec<String> =
            self.counts.values().map(|(format, count)| format!("{count} {format}")).collect();
        let total: u64 = self.counts.values().map(|(_, count)| count).sum();
        let (last, first) = kinds.split_last()?;
        let kinds = match first {
            [] => last.clone(),
            _ => format!("{} and {last}", first.join(", ")),
        };
        let (files, are, them) =
            if total == 1 { ("file", "is", "it") } else { ("files", "are", "them") };
        Some(format!(
            "{kinds} {files} {are} used, which the script would leave out; `formats=script` leaves \
             {them} out"
        ))
    }
}

/// What is in an image_dir without any class, as a sentence.
pub(super) fn instead(image_dir: &Path, rules: Rules<'_>) -> String {
    let (mut images, mut directories) = (Kinds::default(), 0);
    for entry in std::fs::read_dir(image_dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if is_desktop_file(&name) {
            continue;
        }
        if entry.path().is_dir() {
            directories += 1;
        } else if ImageFormat::of_name(&name).is_some() {
            images.add(&name);
        }
    }
    if !images.is_empty() {
        let images = images.parts().join(", ");
        return format!("{images} lie directly in it; each class needs a directory of its own");
    }
    let mut left_out = LeftOut::default();
    for entry in std::fs::read_dir(image_dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() && !is_desktop_file(&entry.file_name()) {
            left_out.merge(&LeftOut::of(&entry.path(), rules));
        }
    }
    let hold = match directories {
        0 => return "It holds no directories; each class needs one".into(),
        1 => "Its only directory holds".to_owned(),
        n => format!("Its {n} directories hold"),
    };
    let said = left_out.said().unwrap_or_else(|| "no files".into());
    format!("{hold} {said}")
}
