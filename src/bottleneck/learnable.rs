//! Bottlenecks as training without a graph takes them.

use super::Bottlenecks;
use crate::dataset::hash_name;
use crate::learn::Features;
use std::borrow::Cow;

/// Photographs to learn from.
#[derive(Debug, Clone)]
pub struct Learnable<'a> {
    /// Their bottlenecks.
    pub features: Features,
    /// The class of each.
    pub truth: Vec<usize>,
    groups: Vec<Cow<'a, [u8]>>,
}

impl Bottlenecks<'_> {
    /// The photographs of these rows, which have bottlenecks.
    #[must_use]
    pub fn learnable(&self, rows: &[usize]) -> Learnable<'_> {
        let group = |&row: &usize| hash_name(self.path(row).as_os_str().as_encoded_bytes());
        Learnable {
            features: Features::new(self.size, rows.iter().map(|&row| self.row(row))),
            truth: rows.iter().map(|&row| self.classes[row]).collect(),
            groups: rows.iter().map(group).collect(),
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
