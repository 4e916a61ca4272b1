//! The classes and their photographs, split into sets: what listing gives, and all else takes.

use super::split::{Category, hash_name};
use crate::images::Photograph;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// A photograph of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The photograph.
    pub photograph: Photograph,
    /// How much it counts in training: 2 is as if it were listed twice.
    pub weight: f64,
    /// What it has in common with those it must stay together with; `None` for the scripts' way,
    /// its path without variations.
    pub(super) group: Option<Box<[u8]>>,
}

impl Listed {
    /// What it has in common with the photographs that it must stay together with.
    #[must_use]
    pub fn group(&self) -> Cow<'_, [u8]> {
        match &self.group {
            Some(group) => Cow::Borrowed(group),
            None => hash_name(self.photograph.path().as_os_str().as_encoded_bytes()),
        }
    }
}

/// One class and its photographs.
#[derive(Debug, Clone)]
pub struct LabelLists {
    /// The label: of a directory, its name by [`label_name`]; of a catalogue, as it stands there.
    pub label: String,
    /// The directory of its text files in the cache: the class directory's own name; empty for a
    /// catalogue, whose photographs are cached by their place, whatever their label.
    pub dir: OsString,
    sets: [Vec<Listed>; 3],
}

impl LabelLists {
    /// A class without photographs.
    pub(super) fn new(label: String, dir: OsString) -> Self {
        Self { label, dir, sets: [const { Vec::new() }; 3] }
    }

    /// One set's photographs, in order.
    #[must_use]
    pub fn images(&self, category: Category) -> &[Listed] {
        &self.sets[category as usize]
    }

    pub(super) fn push(&mut self, category: Category, listed: Listed) {
        self.sets[category as usize].push(listed);
    }
}

/// All classes, in class-index order.
#[derive(Debug, Clone)]
pub struct ImageLists {
    /// The directory as typed, or the catalogue.
    pub place: PathBuf,
    /// The classes, by class index.
    pub labels: Vec<LabelLists>,
    /// A sentence about what is in the directory instead, if no class was found; else empty.
    pub instead: String,
}

impl ImageLists {
    /// The number of classes.
    #[must_use]
    pub fn class_count(&self) -> usize {
        self.labels.len()
    }

    /// The number of images in a set, over all classes.
    #[must_use]
    pub fn count(&self, category: Category) -> usize {
        self.labels.iter().map(|l| l.images(category).len()).sum()
    }
}

/// The label of a directory: lower case, with every run of characters other than a–z and 0–9
/// replaced by a space.
#[must_use]
pub fn label_name(dir_name: &str) -> String {
    let mut label = String::new();
    for c in dir_name.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            label.push(c);
        } else if !label.ends_with(' ') {
            label.push(' ');
        }
    }
    label
}

/// The lines of `retrained_labels.txt`: each label by [`label_name`]; labels that would have the
/// same line, or an empty one, stay as they are.
#[must_use]
pub fn file_labels(labels: &[String]) -> Vec<String> {
    let names: Vec<String> = labels.iter().map(|label| label_name(label)).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    names.iter().for_each(|name| *counts.entry(name.trim()).or_default() += 1);
    let line = |(label, name): (&String, &String)| match name.trim() {
        trimmed if trimmed.is_empty() || counts[trimmed] > 1 => crate::text::one_line(label),
        _ => name.clone(),
    };
    labels.iter().zip(&names).map(line).collect()
}
