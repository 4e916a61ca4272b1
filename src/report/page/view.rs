//! Predictions that figures are made of: those of the new layer for the test photographs, or those
//! of the cross-validation for all photographs.

use crate::metrics::{Confusion, argmax};
use crate::report::{Material, Outcome};

/// The prediction for a photograph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) photograph: usize,
    pub(super) truth: usize,
    pub(super) predicted: usize,
    pub(super) scores: &'a [f32],
}

impl Entry<'_> {
    /// The score of the predicted class.
    pub(super) fn confidence(&self) -> f32 {
        self.scores[self.predicted]
    }

    pub(super) fn is_right(&self) -> bool {
        self.predicted == self.truth
    }
}

/// Predictions that figures are made of.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// What the names of its figures begin with.
    pub(super) key: &'static str,
    /// What it is called in headings.
    pub(super) title: &'static str,
    pub(super) labels: &'a [String],
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> View<'a> {
    /// The different test photographs.
    pub(super) fn tested(outcome: &'a Outcome) -> Self {
        let entry = |&i: &usize| {
            let p = &outcome.photographs[i];
            Entry { photograph: i, truth: p.truth, predicted: p.predicted, scores: &p.scores }
        };
        let entries = outcome.tested.iter().map(entry).collect();
        Self { key: "test", title: "Test photographs", labels: &outcome.labels, entries }
    }

    /// All photographs, each judged by a classifier that did not learn from it.
    pub(super) fn cross_validated(material: &'a Material<'a>) -> Option<Self> {
        let outcome = material.outcome;
        let scores = material.cross_validated.as_ref()?;
        let entry = |(i, scores): (usize, &'a Vec<f32>)| {
            let truth = outcome.photographs[i].truth;
            Entry { photograph: i, truth, predicted: argmax(scores), scores }
        };
        let entries = scores.iter().enumerate().map(entry).collect();
        let title = "All photographs, cross-validated";
        Some(Self { key: "cross_validated", title, labels: &outcome.labels, entries })
    }

    pub(super) fn confusion(&self) -> Confusion {
        let pairs = self.entries.iter().map(|e| (e.truth, e.predicted));
        Confusion::of(self.labels.len(), pairs)
    }

    /// The scores of one class, and whether the photograph is of it.
    pub(super) fn of_class(&self, class: usize) -> Vec<(f32, bool)> {
        self.entries.iter().map(|e| (e.scores[class], e.truth == class)).collect()
    }
}
