//! The batches of fine-tuning. Each epoch shows every photograph once, in a new order, each in a
//! new view. What an epoch draws depends on nothing but the seed and its number, so that a resumed
//! run draws the same.

use super::network::Piece;
use super::photographs::{Photographs, draw};
use crate::error::{Error, Result};
use crate::images::View;
use crate::tf::Tensor;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Photographs in a step.
const BATCH: usize = 32;
/// Photographs that go through the network together. Each piece of a batch is computed by a thread
/// of its own. It must stay fixed, because the last bits of a result depend on it.
const PIECE: usize = 4;
/// The streams of the seed's random numbers before this one draw batches and distortions.
const FIRST_STREAM: u64 = 1 << 32;
/// The part of the truth that is spread over all classes.
const SMOOTHING: f32 = 0.1;

/// The photographs to train on.
#[derive(Debug)]
pub(super) struct Batches<'a> {
    pub(super) photographs: &'a Photographs<'a>,
    /// The rows to train on.
    pub(super) rows: &'a [usize],
    /// The class of each row.
    pub(super) classes: &'a [usize],
    pub(super) class_count: usize,
    pub(super) seed: u64,
}

impl Batches<'_> {
    /// Steps in an epoch. Batches are as large as each other, or one photograph smaller.
    pub(super) fn steps(&self) -> u64 {
        self.rows.len().div_ceil(BATCH) as u64
    }

    /// The photographs of a step, each with its view.
    fn drawn(&self, step: u64) -> Vec<(usize, View)> {
        let (epoch, batch) = (step / self.steps(), (step % self.steps()) as usize);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(FIRST_STREAM + epoch);
        let mut rows = self.rows.to_vec();
        rows.shuffle(&mut rng);
        let drawn: Vec<_> = rows.into_iter().map(|row| (row, draw(&mut rng))).collect();
        let (count, steps) = (drawn.len(), self.steps() as usize);
        drawn[count * batch / steps..count * (batch + 1) / steps].to_vec()
    }

    /// The pieces of a step. The weights of a batch add up to 1, and those of a class to the same
    /// as those of another would if batches held all photographs.
    pub(super) fn pieces(&self, step: u64) -> Result<Vec<Piece>> {
        let drawn = self.drawn(step);
        let share = self.shares();
        let total: f32 = drawn.iter().map(|(row, _)| share[self.classes[*row]]).sum();
        let piece = |drawn: &[(usize, View)]| {
            let rows: Vec<usize> = drawn.iter().map(|(row, _)| *row).collect();
            let weights: Vec<f32> = rows.iter().map(|&r| share[self.classes[r]] / total).collect();
            self.piece(&rows, &weights, |i, into| self.photographs.view(rows[i], &drawn[i].1, into))
        };
        drawn.chunks(PIECE).map(piece).collect()
    }

    /// Rows as the network sees them when it labels them, with weights of 1.
    pub(super) fn whole(&self, rows: &[usize]) -> Result<Vec<Piece>> {
        let piece = |rows: &[usize]| {
            self.piece(rows, &vec![1.0; rows.len()], |i, into| {
                self.photographs.whole(rows[i], into)
            })
        };
        rows.chunks(PIECE).map(piece).collect()
    }

    fn piece(
        &self,
        rows: &[usize],
        weights: &[f32],
        mut fill: impl FnMut(usize, &mut [f32]) -> Result<()>,
    ) -> Result<Piece> {
        let (spec, count) = (self.photographs.spec, rows.len() as u64);
        let sides = [spec.height, spec.width, spec.depth].map(|n| u64::from(n.unsigned_abs()));
        let mut pixels = Tensor::new(&[&[count], &sides[..]].concat());
        let images = pixels.chunks_exact_mut(self.photographs.size()).enumerate();
        images.into_iter().try_for_each(|(i, into)| fill(i, into))?;
        let mut truth = Tensor::new(&[count, self.class_count as u64]);
        truth.fill(SMOOTHING / self.class_count as f32);
        for (row, truth) in rows.iter().zip(truth.chunks_exact_mut(self.class_count)) {
            truth[self.classes[*row]] += 1.0 - SMOOTHING;
        }
        let weights = Tensor::new(&[count]).with_values(weights);
        let weights = weights.map_err(|e| Error::tensorflow("making a tensor", e))?;
        Ok(Piece { pixels, truth, weights })
    }

    /// The weight of a photograph of each class: 1 / the photographs of the class.
    fn shares(&self) -> Vec<f32> {
        let mut counts = vec![0u32; self.class_count];
        self.rows.iter().for_each(|&row| counts[self.classes[row]] += 1);
        counts.into_iter().map(|count| 1.0 / count.max(1) as f32).collect()
    }
}

/// How many of a piece's photographs have their class's logit highest.
pub(super) fn right(piece: &Piece, logits: &[f32]) -> usize {
    let classes = piece.truth.dims()[1] as usize;
    let rows = piece.truth.chunks_exact(classes).zip(logits.chunks_exact(classes));
    rows.filter(|(truth, logits)| highest(truth) == highest(logits)).count()
}

fn highest(values: &[f32]) -> Option<usize> {
    (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b]))
}
