//! Batches of bottlenecks, ready to feed.

use super::evaluation::Evaluator;
use crate::bottleneck::Bottlenecks;
use crate::dataset::{Category, Epochs, Sampler, WeightedMembers};
use crate::error::Result;
use crate::inference::DistortedImages;
use crate::layers::Truth;
use crate::learn::Scaling;
use crate::tf::Tensor;
use tensorflow::SessionRunArgs;

/// A batch. The next batch of the same size reuses its tensors.
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

    /// Session arguments that feed the batch.
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

/// What images are drawn from at random.
pub(super) enum Population<'a> {
    Alike(&'a [Vec<usize>]),
    Weighted(&'a WeightedMembers),
}

impl<'a> Population<'a> {
    fn of(
        bottlenecks: &'a Bottlenecks<'_>,
        weighted: &'a Option<WeightedMembers>,
        category: Category,
    ) -> Self {
        match weighted {
            Some(weighted) if category == Category::Training => Self::Weighted(weighted),
            _ => Self::Alike(bottlenecks.members(category)),
        }
    }

    /// Draws `n` images.
    pub(super) fn draw(&self, sampler: &mut Sampler, n: usize, rows: &mut Vec<usize>) {
        match self {
            Self::Alike(members) => sampler.draw(members, n, rows),
            Self::Weighted(members) => sampler.draw_weighted(members, n, rows),
        }
    }
}

/// Draws images and makes batches of them.
pub(super) struct Batches<'a> {
    pub(super) bottlenecks: &'a Bottlenecks<'a>,
    /// Distorts training images; `None` if the run has no distortions.
    distorted: Option<DistortedImages<'a>>,
    truth: Truth,
    class_count: usize,
    sampler: Sampler,
    /// The training photographs with their weights; `None` if all count the same.
    weighted: Option<WeightedMembers>,
    /// The order of training photographs; `None` draws them at random.
    epochs: Option<Epochs>,
    /// How features are scaled, while the layer learns.
    scaling: Option<Scaling>,
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
        let training = bottlenecks.members(Category::Training);
        let rows: Vec<usize> = training.iter().flatten().copied().collect();
        let weighted = (!bottlenecks.weights(&rows).is_empty())
            .then(|| WeightedMembers::new(training, |row| bottlenecks.weight(row)));
        Self {
            bottlenecks,
            distorted,
            truth,
            class_count,
            sampler,
            weighted,
            epochs: None,
            scaling: None,
        }
    }

    /// Takes training photographs in epochs from now on.
    pub(super) fn in_epochs(&mut self, seed: u64) {
        // The order of a cache's file depends on what was computed when; that of the rows does not,
        // and is nearly the same.
        let rows = self.bottlenecks.members(Category::Training).concat();
        self.epochs = Some(Epochs::new(rows, self.bottlenecks.row_bytes(), seed));
    }

    /// Scales the features of all batches from now on; `None` leaves them as they are.
    pub(super) fn scale(&mut self, scaling: Option<Scaling>) {
        self.scaling = scaling;
    }

    /// The same, with other bottlenecks of the same images.
    pub(super) fn reading(self, bottlenecks: &'a Bottlenecks<'a>) -> Self {
        Self { bottlenecks, ..self }
    }

    /// The positions in the random streams that draw batches and that distort images, and in the
    /// epochs.
    pub(super) fn drawn(&self) -> [u128; 3] {
        let distorted = self.distorted.as_ref().map_or(0, DistortedImages::drawn);
        [self.sampler.drawn(), distorted, self.epochs.as_ref().map_or(0, Epochs::drawn)]
    }

    /// Moves to these positions.
    pub(super) fn skip_to(&mut self, [batches, distortions, epochs]: [u128; 3]) {
        self.sampler.skip_to(batches);
        self.distorted.iter_mut().for_each(|d| d.skip_to(distortions));
        self.epochs.iter_mut().for_each(|e| e.skip_to(epochs));
    }

    /// The random stream that draws batches.
    pub(super) fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// The order of training photographs, if it is one of epochs.
    pub(super) fn epochs(&mut self) -> Option<&mut Epochs> {
        self.epochs.as_mut()
    }

    /// The script's `get_random_cached_bottlenecks`: draws `how_many` images at random, or takes
    /// all of the category. Distorted training images follow its
    /// `get_random_distorted_bottlenecks`.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        category: Category,
        how_many: Option<usize>,
    ) -> Result<()> {
        let distorted = self.distorted.is_some() && category == Category::Training;
        // A batch of all images stays the same, unless they are distorted.
        if how_many.is_none() && !batch.rows.is_empty() && !distorted {
            return Ok(());
        }
        self.draw(&mut batch.rows, category, how_many);
        self.gather(batch, category)
    }

    /// Draws `how_many` images, or takes all of the category.
    pub(super) fn draw(
        &mut self,
        rows: &mut Vec<usize>,
        category: Category,
        how_many: Option<usize>,
    ) {
        match (how_many, &mut self.epochs) {
            (Some(n), Some(epochs)) if category == Category::Training => epochs.draw(n, rows),
            (Some(n), _) => {
                let population = Population::of(self.bottlenecks, &self.weighted, category);
                population.draw(&mut self.sampler, n, rows);
            }
            (None, _) if rows.is_empty() => {
                rows.extend(self.bottlenecks.members(category).iter().flatten());
            }
            (None, _) => {}
        }
    }

    /// What images of a category are drawn from at random.
    pub(super) fn population(&self, category: Category) -> Population<'_> {
        Population::of(self.bottlenecks, &self.weighted, category)
    }

    /// Fills the batch's tensors from its rows. Training images are distorted if the run says so.
    fn gather(&mut self, batch: &mut Batch, category: Category) -> Result<()> {
        if self.distorted.is_none() || category != Category::Training {
            self.gather_cached(batch);
            return Ok(());
        }
        self.resize(batch);
        if let Some(images) = &mut self.distorted {
            images.get_distorted_bottlenecks(&batch.rows, &mut batch.bottlenecks)?;
        }
        self.gather_truth(batch);
        Ok(())
    }

    /// Fills the batch's tensors from its rows, whose bottlenecks are cached.
    pub(super) fn gather_cached(&self, batch: &mut Batch) {
        self.resize(batch);
        let size = self.bottlenecks.size;
        let rows = batch.rows.iter().zip(batch.bottlenecks.chunks_exact_mut(size));
        for (&row, into) in rows {
            into.copy_from_slice(self.bottlenecks.row(row));
            self.scaling.iter().for_each(|scaling| scaling.apply(into));
        }
        self.gather_truth(batch);
    }

    /// Makes the batch's tensors as large as its rows need.
    fn resize(&self, batch: &mut Batch) {
        let (n, size) = (batch.rows.len() as u64, self.bottlenecks.size);
        if batch.bottlenecks.dims() != [n, size as u64] {
            batch.bottlenecks = Tensor::new(&[n, size as u64]);
            batch.ground_truth = match self.truth {
                Truth::OneHot => GroundTruth::OneHot(Tensor::new(&[n, self.class_count as u64])),
                Truth::Index => GroundTruth::Index(Tensor::new(&[n])),
            };
        }
    }

    fn gather_truth(&self, batch: &mut Batch) {
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
    }
}
