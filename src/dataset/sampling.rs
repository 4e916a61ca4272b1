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
}
