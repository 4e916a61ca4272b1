//! How well photographs are recognised whose directories are named after their classes.

use super::paths::Key;
use super::rows::Row;
use crate::dataset::label_name;
use crate::fsio;
use crate::metrics::{Confusion, Interval, wilson};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// How well photographs are recognised. `Display` gives tables for people, [`Self::to_json`] the
/// same for programs.
#[derive(Debug)]
pub struct Evaluation {
    labels: Vec<String>,
    /// The class of each label as it is.
    exact: HashMap<String, usize>,
    /// The class of each label as [`label_name`] writes it; `None` if two are written alike.
    classes: HashMap<String, Option<usize>>,
    /// One class more than there are labels: what was taken for that is unknown.
    confusion: Confusion,
    wrong: Vec<Wrong>,
    unnamed: BTreeMap<PathBuf, usize>,
    /// Whether a catalogue said the labels.
    is_of_catalogue: bool,
    /// How many photographs could not be labelled.
    failed: usize,
}

/// A photograph that was not recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// The photograph.
    pub path: PathBuf,
    /// The label of its directory, or in the catalogue.
    pub truth: String,
    /// What it was taken for.
    pub answer: String,
    /// The score of that.
    pub score: f32,
}

impl Evaluation {
    /// An evaluation with these labels, by class index, and no photograph yet.
    #[must_use]
    pub fn new(labels: &[String]) -> Self {
        let mut classes = HashMap::new();
        for (class, label) in labels.iter().enumerate() {
            let same = classes.entry(label_name(label)).or_insert(Some(class));
            *same = same.filter(|&other| other == class);
        }
        Self {
            labels: labels.to_vec(),
            exact: labels.iter().cloned().enumerate().map(|(class, l)| (l, class)).collect(),
            classes,
            confusion: Confusion::of(labels.len() + 1, []),
            wrong: Vec::new(),
            unnamed: BTreeMap::new(),
            is_of_catalogue: false,
            failed: 0,
        }
    }

    /// Counts a photograph.
    pub fn add(&mut self, row: &Row) {
        let Some((answer, score)) = row.top.as_ref().ok().and_then(|top| top.first()) else {
            self.failed += 1;
            return;
        };
        let (place, name) = match row.key.as_deref() {
            Some(Key { label: Some(label), .. }) => {
                self.is_of_catalogue = true;
                (PathBuf::from(label), Some(label.clone()))
            }
            _ => {
                let directory = directory(&row.path);
                let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
                (directory, name)
            }
        };
        let Some(truth) = name.and_then(|name| self.class_of(&name)) else {
            *self.unnamed.entry(place).or_default() += 1;
            return;
        };
        let predicted = row.class.unwrap_or(self.labels.len());
        self.confusion.counts[truth][predicted] += 1;
        if predicted != truth {
            let (truth, answer) = (self.labels[truth].clone(), answer.clone());
            self.wrong.push(Wrong { path: row.path.clone(), truth, answer, score: *score });
        }
    }

    /// The class of a label, or of a directory that was named after one.
    fn class_of(&self, name: &str) -> Option<usize> {
        let exact = self.exact.get(name).copied();
        exact.or_else(|| self.classes.get(&label_name(name)).copied().flatten())
    }

    /// The labels, by class index.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How often each class was taken for each. The class after the last label is "unknown".
    #[must_use]
    pub fn confusion(&self) -> &Confusion {
        &self.confusion
    }

    /// The photographs that were not recognised, in order.
    #[must_use]
    pub fn wrong(&self) -> &[Wrong] {
        &self.wrong
    }

    /// The directories that are named after no label, and the labels of a catalogue that the graph
    /// does not know, with how many photographs each has; these are not counted.
    #[must_use]
    pub fn unnamed(&self) -> &BTreeMap<PathBuf, usize> {
        &self.unnamed
    }

    /// Whether a catalogue said the labels, not the directories.
    #[must_use]
    pub fn is_of_catalogue(&self) -> bool {
        self.is_of_catalogue
    }

    /// How many photographs were counted as unknown.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.confusion.class(self.labels.len()).predicted
    }

    /// The 95 % interval of the accuracy; `None` without photographs.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        wilson(self.confusion.right(), self.confusion.total())
    }

    /// The evaluation as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let interval = |i: Option<Interval>| i.map(|Interval { low, high }| [low, high]);
        let class = |(class, label): (usize, &String)| {
            let score = self.confusion.class(class);
            json!({
                "label": label,
                "photographs": score.support,
                "right": score.right,
                "predicted": score.predicted,
                "precision": score.precision,
                "precision_interval": interval(score.precision_interval),
                "recall": score.recall,
                "recall_interval": interval(score.recall_interval),
                "f1": score.f1,
            })
        };
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let wrong = |wrong: &Wrong| {
            json!({
                "path": path(&wrong.path),
                "truth": wrong.truth,
                "prediction": wrong.answer,
                "score": wrong.score,
            })
        };
        let unnamed = |(directory, count): (&PathBuf, &usize)| {
            let directory = path(directory);
            json!({ "directory": directory, "photographs": count })
        };
        json!({
            "accuracy": self.confusion.accuracy(),
            "interval": interval(self.interval()),
            "photographs": self.confusion.total(),
            "right": self.confusion.right(),
            "unknown": self.unknown(),
            "classes": self.labels.iter().enumerate().map(class).collect::<Vec<_>>(),
            "confusion": self.confusion.counts[..self.labels.len()],
            "wrong": self.wrong.iter().map(wrong).collect::<Vec<_>>(),
            "not_counted": self.unnamed.iter().map(unnamed).collect::<Vec<_>>(),
            "failed": self.failed,
        })
    }
}

/// The directory that a photograph is in, with its name even if that was not typed.
fn directory(path: &Path) -> PathBuf {
    let typed = path.parent().unwrap_or(Path::new(""));
    if typed.file_name().is_some() {
        return typed.into();
    }
    let here = if typed.as_os_str().is_empty() { Path::new(".") } else { typed };
    fsio::real(here).unwrap_or_else(|_| typed.into())
}
