//! Cross-validation of fine-tuning: for each fold, the layer and then the network are trained on
//! the photographs of the other folds.

use super::photographs::Photographs;
use super::task::{Task, Untuned};
use super::tuning::fine_tune;
use super::workers;
use crate::bottleneck::Bottlenecks;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::learn::{Logistic, softmax};
use crate::retrain::plan::tensors;
use crate::tf::NamedTensor;
use log::info;

/// The photographs that are cross-validated.
pub(in crate::retrain) struct Rows<'a, 'l> {
    pub(in crate::retrain) bottlenecks: &'a Bottlenecks<'l>,
    /// Their rows.
    pub(in crate::retrain) rows: &'a [usize],
    /// The class of each.
    pub(in crate::retrain) truth: &'a [usize],
    pub(in crate::retrain) class_count: usize,
}

impl Untuned<'_> {
    /// The scores of each photograph by a network that was trained on the other folds; `train`
    /// gives the layer to start from. `None` if some fold leaves fewer than two classes to learn
    /// from.
    pub(in crate::retrain) fn out_of_fold(
        &self,
        rows: &Rows<'_, '_>,
        fold_of: &[usize],
        random_seed: u64,
        cancel: &CancelToken,
        train: impl Fn(&[usize]) -> Logistic,
    ) -> Result<Option<Vec<Vec<f32>>>> {
        let folds = fold_of.iter().max().map_or(0, |most| most + 1);
        let mut scores = vec![Vec::new(); fold_of.len()];
        for fold in 0..folds {
            let (held, rest): (Vec<usize>, Vec<usize>) =
                (0..fold_of.len()).partition(|&i| fold_of[i] == fold);
            if rest.iter().all(|&i| rows.truth[i] == rows.truth[rest[0]]) {
                return Ok(None);
            }
            info!(target: "retrain", "Cross-validation: fold {} of {folds}", fold + 1);
            let head = ["weights", "biases"].map(String::from).into_iter();
            let head: Vec<NamedTensor> = head.zip(tensors(&train(&rest))).collect();
            let row = |&i: &usize| rows.rows[i];
            let task = Task {
                settings: self.settings,
                backbone: &self.backbone,
                head: &head,
                photographs: &rows.bottlenecks.photographs,
                classes: &rows.bottlenecks.classes,
                class_count: rows.class_count,
                training: &rest.iter().map(row).collect::<Vec<_>>(),
                validation: &[],
                random_seed,
                cancel,
                keep: None,
            };
            let predicted = task.predicted(&held.iter().map(row).collect::<Vec<_>>())?;
            held.into_iter().zip(predicted).for_each(|(i, row)| scores[i] = row);
        }
        Ok(Some(scores))
    }
}

impl Task<'_> {
    /// The scores of these rows by the network that the task makes.
    fn predicted(&self, rows: &[usize]) -> Result<Vec<Vec<f32>>> {
        let network = fine_tune(self, &mut ())?;
        let photographs = Photographs::new(&self.backbone.pixels, self.photographs);
        let pieces = self.batches(&photographs).whole(rows)?;
        let logits = workers::map(&pieces, |piece| network.logits(&piece.pixels))?;
        let rows = logits.iter().flat_map(|logits| logits.chunks_exact(self.class_count));
        let scores = |logits: &[f32]| {
            let mut scores: Vec<f64> = logits.iter().map(|&l| l.into()).collect();
            softmax(&mut scores);
            scores.into_iter().map(|p| p as f32).collect()
        };
        Ok(rows.map(scores).collect())
    }
}
