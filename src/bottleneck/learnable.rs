//! Bottlenecks as training without a graph takes them.

use super::Bottlenecks;
use crate::learn::{FeatureRows, Features, Scaling};
use std::borrow::Cow;
use std::ops::Range;

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

/// Rows of bottlenecks as features, scaled if there is a scaling. They stay in the file until they
/// are asked for.
#[derive(Debug, Clone, Copy)]
pub struct ScaledRows<'a> {
    /// The bottlenecks.
    pub bottlenecks: &'a Bottlenecks<'a>,
    /// The rows, which have bottlenecks.
    pub rows: &'a [usize],
    /// How features are scaled; `None` leaves them as they are.
    pub scaling: Option<&'a Scaling>,
}

impl FeatureRows for ScaledRows<'_> {
    fn width(&self) -> usize {
        self.bottlenecks.size
    }

    fn count(&self) -> usize {
        self.rows.len()
    }

    fn rows<'r>(&'r self, range: Range<usize>, room: &'r mut Vec<f64>) -> &'r [f64] {
        room.clear();
        for &row in &self.rows[range] {
            let row = self.bottlenecks.row(row).iter().copied().map(f64::from);
            match self.scaling {
                None => room.extend(row),
                Some(Scaling { mean, deviation }) => {
                    let scales = mean.iter().zip(deviation);
                    room.extend(row.zip(scales).map(|(x, (m, d))| (x - m) / d));
                }
            }
        }
        room
    }
}
