//! Cross-validation of fine-tuning: for each fold, the layer and then the network are trained on
//! the photographs of the other folds.

use super::photographs::Photographs;
use super::task::{Task, Untuned};
use super::tuning::fine_tune;
use super::workers;
use crate::bottleneck::Bottlenecks;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::learn::Logistic;
use crate::proto::float_tensor;
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
            let head = layer(&train(&rest));
            let row = |&i: &usize| rows.rows[i];
            let task = Task {
                settings: self.settings,
                backbone: &self.backbone,
                head: &head,
                paths: &rows.bottlenecks.paths,
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
        let photographs = Photographs::new(&self.backbone.pixels, self.paths);
        let pieces = self.batches(&photographs).whole(rows)?;
        let logits = workers::map(&pieces, |piece| network.logits(&piece.pixels))?;
        let rows = logits.iter().flat_map(|logits| logits.chunks_exact(self.class_count));
        Ok(rows.map(softmax).collect())
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|l| (l - highest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// The weights and biases of a model as a layer's variables.
fn layer(model: &Logistic) -> Vec<NamedTensor> {
    let classes = model.biases.len() as i64;
    let size = model.weights.len() as i64 / classes.max(1);
    let tensor = |dims: &[i64], values: &[f64]| {
        float_tensor(dims, &values.iter().map(|&x| x as f32).collect::<Vec<_>>())
    };
    let weights = tensor(&[size, classes], &model.weights);
    vec![("weights".into(), weights), ("biases".into(), tensor(&[classes], &model.biases))]
}
