//! The confusion matrix, and what follows from it for each class.

use super::{Interval, wilson};

/// How often each class was taken for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    /// `counts[truth][predicted]`
    pub counts: Vec<Vec<usize>>,
}

/// How well one class is recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScore {
    /// Photographs of this class that were recognised.
    pub right: usize,
    /// Photographs of this class.
    pub support: usize,
    /// Photographs that were taken for this class.
    pub predicted: usize,
    /// right / predicted; `None` if none was taken for this class.
    pub precision: Option<f64>,
    /// right / support; `None` if the class has no photographs.
    pub recall: Option<f64>,
    /// 2·right / (predicted + support); `None` if both are 0.
    pub f1: Option<f64>,
    /// The 95 % interval of the precision.
    pub precision_interval: Option<Interval>,
    /// The 95 % interval of the recall.
    pub recall_interval: Option<Interval>,
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Confusion {
    /// Counts pairs of true and predicted class, each below `classes`.
    #[must_use]
    pub fn of(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        pairs.into_iter().for_each(|(truth, predicted)| counts[truth][predicted] += 1);
        Self { counts }
    }

    /// All photographs.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Photographs that were recognised.
    #[must_use]
    pub fn right(&self) -> usize {
        self.counts.iter().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// right / total; `None` without photographs.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.right(), self.total())
    }

    /// How well a class is recognised.
    #[must_use]
    pub fn class(&self, class: usize) -> ClassScore {
        let right = self.counts[class][class];
        let support = self.counts[class].iter().sum();
        let predicted = self.counts.iter().map(|row| row[class]).sum();
        ClassScore {
            right,
            support,
            predicted,
            precision: share(right, predicted),
            recall: share(right, support),
            f1: share(2 * right, predicted + support),
            precision_interval: wilson(right, predicted),
            recall_interval: wilson(right, support),
        }
    }

    /// The mistakes as (truth, predicted, count), the most frequent first.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(usize, usize, usize)> {
        let mut mistakes = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            let wrong = row.iter().enumerate().filter(|&(predicted, _)| predicted != truth);
            mistakes.extend(wrong.map(|(predicted, &count)| (truth, predicted, count)));
        }
        mistakes.retain(|&(.., count)| count > 0);
        mistakes.sort_by_key(|&(.., count)| std::cmp::Reverse(count));
        mistakes
    }
}
