//! Seeded random numbers. The numbers of a photograph come from ChaCha streams whose keys identify
//! the photograph, so that it is the same on any machine, in any order and on any number of
//! threads.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// How far a photograph's parameters may stray from those of its class, as a fraction of their
/// whole range.
const CLASS_SPREAD: f32 = 0.15;

/// What the numbers are for. Each use has its own stream, so that drawing more for one does not
/// change the others.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Scene = 0,
    Telescope = 1,
    Noise = 2,
    Class = 3,
}

/// The generator of one stream of one photograph.
pub(super) fn generator(group: u64, seed: u64, index: u64, stream: Stream) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    // The key holds the four numbers themselves, so that no two photographs share a stream.
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, index, group, stream as u64]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Draws the parameters of a photograph: from their whole range, or near the values of its class.
pub(super) struct Dice {
    /// For numbers that differ from star to star or pixel to pixel.
    pub(super) rng: ChaCha8Rng,
    class: Option<ChaCha8Rng>,
}

impl Dice {
    pub(super) fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, class: None }
    }

    /// Parameters near those that `class` draws. They must be asked for in a fixed order.
    pub(super) fn near(rng: ChaCha8Rng, class: ChaCha8Rng) -> Self {
        Self { rng, class: Some(class) }
    }

    /// A parameter, uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f32 {
        let own: f32 = self.rng.random();
        let Some(class) = &mut self.class else { return own };
        let u = class.random::<f32>() + CLASS_SPREAD * (own - 0.5);
        // Reflecting at the ends keeps it uniform over all classes.
        let u = u.abs();
        if u >= 1.0 { (2.0 - u).min(0.999_999) } else { u }
    }

    /// A parameter, uniform between two values.
    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A parameter whose logarithm is uniform between those of two positive values.
    pub(super) fn log_range(&mut self, low: f32, high: f32) -> f32 {
        low * (high / low).powf(self.unit())
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// A standard normal number, whatever the class.
    pub(super) fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.rng)
    }

    /// A uniform number in [0, 1), whatever the class.
    pub(super) fn fresh(&mut self) -> f32 {
        self.rng.random()
    }
}
