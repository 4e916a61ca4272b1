//! Batches of bottlenecks, ready to be fed.

use super::evaluation::Evaluator;
use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, Sampler};
use crate::error::Result;
use crate::inference::DistortedImages;
use crate::layers::Truth;
use crate::tf::Tensor;
use tensorflow::SessionRunArgs;

/// A batch. Its tensors are used again for the next one of the same size.
pub(super) struct Batch {
    pub(super) rows: Vec<usize>,
    bottlenecks: Tensor<f32>,
    ground_truth: GroundTruth,
}

/// The true classes of a batch.
enum GroundTruth {
    /// [batch, classes]
    OneHot(Tensor<f32>),
    /// [batch]
    Index(Tensor<i64>),
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            rows: Vec::new(),
            bottlenecks: Tensor::new(&[0, 0]),
            ground_truth: GroundTruth::OneHot(Tensor::new(&[0, 0])),
        }
    }

    /// The arguments of a run on the batch.
    pub(super) fn feed<'b>(&'b self, evaluator: &'b Evaluator) -> SessionRunArgs<'b> {
        let mut args = SessionRunArgs::new();
        let (x, truth) = (&evaluator.bottleneck_input, &evaluator.ground_truth_input);
        args.add_feed(&x.operation, x.index, &self.bottlenecks);
        match &self.ground_truth {
            GroundTruth::OneHot(t) => args.add_feed(&truth.operation, truth.index, t),
            GroundTruth::Index(t) => args.add_feed(&truth.operation, truth.index, t),
        }
        args
    }
}

/// Makes batches.
pub(super) struct Batches<'a> {
    pub(super) bottlenecks: &'a Bottlenecks<'a>,
    /// What distorts training images, if anything does.
    distorted: Option<DistortedImages<'a>>,
    truth: Truth,
    class_count: usize,
    sampler: Sampler,
}

impl<'a> Batches<'a> {
    pub(super) fn new(
        bottlenecks: &'a Bottlenecks<'a>,
        distorted: Option<DistortedImages<'a>>,
        truth: Truth,
        class_count: usize,
        random_seed: u64,
    ) -> Self {
        let sampler = Sampler::new(random_seed);
        Self { bottlenecks, distorted, truth, class_count, sampler }
    }

    /// How far the random numbers have been used that draw batches, and those that distort.
    pub(super) fn drawn(&self) -> [u128; 2] {
        [self.sampler.drawn(), self.distorted.as_ref().map_or(0, DistortedImages::drawn)]
    }

    /// Goes on as if that many had been used.
    pub(super) fn skip_to(&mut self, [batches, distortions]: [u128; 2]) {
        self.sampler.skip_to(batches);
        self.distorted.iter_mut().for_each(|d| d.skip_to(distortions));
    }

    /// The script's `get_random_cached_bottlenecks`: `how_many` images drawn at random, or all of
    /// the category. With distortions also its `get_random_distorted_bottlenecks`, for training
    /// images alone.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        category: Category,
        how_many: Option<usize>,
    ) -> Result<()> {
        let distorted = self.distorted.is_some() && category == Category::Training;
        // All of them are the same each time, but for distortions.
        if how_many.is_none() && !batch.rows.is_empty() && !distorted {
            return Ok(());
        }
        self.draw(&mut batch.rows, category, how_many);
        self.gather(batch, category)
    }

    /// `how_many` images drawn at random, or all of the category.
    pub(super) fn draw(
        &mut self,
        rows: &mut Vec<usize>,
        category: Category,
        how_many: Option<usize>,
    ) {
        let members = self.bottlenecks.members(category);
        match how_many {
            Some(n) => self.sampler.draw(members, n, rows),
            None if rows.is_empty() => rows.extend(members.iter().flatten()),
            None => {}
        }
    }

    /// Fills the batch's tensors for its rows.
    pub(super) fn gather(&mut self, batch: &mut Batch, category: Category) -> Result<()> {
        let (n, size) = (batch.rows.len() as u64, self.bottlenecks.size);
        if batch.bottlenecks.dims() != [n, size as u64] {
            batch.bottlenecks = Tensor::new(&[n, size as u64]);
            batch.ground_truth = match self.truth {
                Truth::OneHot => GroundTruth::OneHot(Tensor::new(&[n, self.class_count as u64])),
                Truth::Index => GroundTruth::Index(Tensor::new(&[n])),
            };
        }
        match self.distorted.as_mut().filter(|_| category == Category::Training) {
            Some(images) => {
                images.get_distorted_bottlenecks(&batch.rows, &mut batch.bottlenecks)?;
            }
            None => {
                let rows = batch.rows.iter().zip(batch.bottlenecks.chunks_exact_mut(size));
                rows.for_each(|(&row, into)| into.copy_from_slice(self.bottlenecks.row(row)));
            }
        }
        let classes = batch.rows.iter().map(|&row| self.bottlenecks.classes[row]);
        match &mut batch.ground_truth {
            GroundTruth::OneHot(truth) => {
                truth.fill(0.0);
                let rows = truth.chunks_exact_mut(self.class_count).zip(classes);
                rows.for_each(|(one_hot, class)| one_hot[class] = 1.0);
            }
            GroundTruth::Index(truth) => {
                truth.iter_mut().zip(classes).for_each(|(t, class)| *t = class as i64);
            }
        }
        Ok(())
    }
}
