//! Bottlenecks as training without a graph takes them.

use super::Bottlenecks;
use crate::learn::Features;
use std::borrow::Cow;

/// Photographs to learn from.
#[derive(Debug, Clone)]
pub struct Learnable<'a> {
    /// Their bottlenecks.
    pub features: Features,
    /// The class of each.
    pub truth: Vec<usize>,
    /// How much each counts; empty for 1 each.
    pub weights: Vec<f64>,
    groups: Vec<Cow<'a, [u8]>>,
}

impl Bottlenecks<'_> {
    /// The photographs of these rows, which have bottlenecks.
    #[must_use]
    pub fn learnable(&self, rows: &[usize]) -> Learnable<'_> {
        Learnable {
            features: Features::new(self.size, rows.iter().map(|&row| self.row(row))),
            truth: rows.iter().map(|&row| self.classes[row]).collect(),
            weights: self.weights(rows),
            groups: rows.iter().map(|&row| self.group(row)).collect(),
        }
    }
}

impl Learnable<'_> {
    /// What photographs that must stay together have in common.
    #[must_use]
    pub fn groups(&self) -> Vec<&[u8]> {
        self.groups.iter().map(|group| &**group).collect()
    }
}
