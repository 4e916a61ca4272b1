//! Samples batches as the scripts do: for each image, first a random class, then one of its images.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The scripts' limit of images in a class, 2²⁷ − 1: also the modulus of the split.
pub const MAX_NUM_IMAGES_PER_CLASS: u32 = (1 << 27) - 1;

/// A seeded source of batches.
#[derive(Debug, Clone)]
pub struct Sampler {
    rng: ChaCha8Rng,
}

/// The rows of each class that has any, with the weights up to and with each row.
#[derive(Debug, Clone)]
pub struct WeightedMembers {
    classes: Vec<Vec<(usize, f64)>>,
}

impl WeightedMembers {
    /// Of the rows of each class, and the weight of a row. Rows of weight 0 are never drawn.
    #[must_use]
    pub fn new(members: &[Vec<usize>], weight: impl Fn(usize) -> f64) -> Self {
        let class = |rows: &Vec<usize>| {
            let rows = rows.iter().map(|&row| (row, weight(row))).filter(|(_, w)| *w > 0.0);
            let sums = rows.scan(0.0, |sum, (row, weight)| {
                *sum += weight;
                Some((row, *sum))
            });
            sums.collect::<Vec<_>>()
        };
        Self { classes: members.iter().map(class).filter(|class| !class.is_empty()).collect() }
    }
}

impl Sampler {
    /// A sampler whose draws depend on the seed alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The position in the stream of random numbers.
    #[must_use]
    pub fn drawn(&self) -> u128 {
        self.rng.get_word_pos()
    }

    /// Moves to a position that `drawn` returned.
    pub fn skip_to(&mut self, drawn: u128) {
        self.rng.set_word_pos(drawn);
    }

    /// Draws `how_many` images, each from a uniformly random class that has any. `members` lists
    /// the rows of the wanted set by class. Draws nothing if all classes are empty.
    pub fn draw(&mut self, members: &[Vec<usize>], how_many: usize, rows: &mut Vec<usize>) {
        rows.clear();
        let classes: Vec<&Vec<usize>> = members.iter().filter(|m| !m.is_empty()).collect();
        if classes.is_empty() {
            return;
        }
        for _ in 0..how_many {
            let class = classes[self.rng.random_range(0..classes.len())];
            rows.push(class[self.rng.random_range(0..class.len())]);
        }
    }

    /// The same, with photographs that are drawn within their class in proportion to their weights.
    pub fn draw_weighted(
        &mut self,
        members: &WeightedMembers,
        how_many: usize,
        rows: &mut Vec<usize>,
    ) {
        rows.clear();
        if members.classes.is_empty() {
            return;
        }
        for _ in 0..how_many {
            let class = &members.classes[self.rng.random_range(0..members.classes.len())];
            let total = class.last().map_or(0.0, |(_, sum)| *sum);
            let drawn = self.rng.random_range(0.0..total);
            let place = class.partition_point(|(_, sum)| *sum <= drawn);
            rows.push(class[place.min(class.len() - 1)].0);
        }
    }
}
