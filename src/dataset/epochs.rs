//! Batches in epochs: each photograph once an epoch, in an order that reads the file of bottlenecks
//! in long stretches.
//!
//! Blocks of neighbouring rows come in random order; the rows of several blocks are shuffled among
//! one another.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The rows of a block take about this many bytes.
const BLOCK_BYTES: usize = 1 << 19;
/// Blocks whose rows are shuffled among one another.
const BLOCKS: usize = 64;
/// The share of the rows shuffled now by which reading is ahead of drawing.
const LEAD: usize = 8;

/// A seeded order of epochs.
#[derive(Debug, Clone)]
pub struct Epochs {
    /// All rows; neighbours here are neighbours in the file.
    rows: Vec<usize>,
    rows_in_block: usize,
    seed: u64,
    /// How many rows have been drawn.
    drawn: u128,
    epoch: Epoch,
    /// The rows shuffled among one another that are drawn now, and how many of them are.
    now: Vec<usize>,
    used: usize,
    /// The rows after these, in order, and how many of them have been handed out to be read.
    next: Vec<usize>,
    ahead: usize,
    /// The rows that were shuffled before, until they are taken.
    done: Vec<usize>,
}

/// What is left of an epoch.
#[derive(Debug, Clone)]
struct Epoch {
    number: u64,
    rng: ChaCha8Rng,
    /// The blocks still to come, the next one last.
    blocks: Vec<usize>,
}

impl Epochs {
    /// Of `rows`, each of `row_bytes` bytes. The order depends on these and the seed alone.
    #[must_use]
    pub fn new(rows: Vec<usize>, row_bytes: usize, seed: u64) -> Self {
        let rows_in_block = (BLOCK_BYTES / row_bytes.max(1)).max(1);
        let epoch = Epoch { number: 0, rng: ChaCha8Rng::seed_from_u64(seed), blocks: Vec::new() };
        let [now, next, done] = [const { Vec::new() }; 3];
        let (drawn, used, ahead) = (0, 0, 0);
        let mut epochs =
            Self { rows, rows_in_block, seed, drawn, epoch, now, used, next, ahead, done };
        epochs.skip_to(0);
        epochs
    }

    /// How many rows have been drawn.
    #[must_use]
    pub fn drawn(&self) -> u128 {
        self.drawn
    }

    /// Moves to a position that `drawn` returned.
    pub fn skip_to(&mut self, drawn: u128) {
        let in_epoch = self.rows.len().max(1) as u128;
        self.drawn = drawn;
        self.begin((drawn / in_epoch) as u64);
        self.used = (drawn % in_epoch) as usize;
        (self.now, self.next) = (Vec::new(), self.take_blocks());
        self.advance();
        while self.used > self.now.len() {
            self.used -= self.now.len();
            self.advance();
        }
    }

    /// Draws the next `how_many` rows, over the end of an epoch if need be.
    pub fn draw(&mut self, how_many: usize, rows: &mut Vec<usize>) {
        rows.clear();
        if self.rows.is_empty() {
            return;
        }
        while rows.len() < how_many {
            if self.used == self.now.len() {
                self.used = 0;
                self.advance();
            }
            let count = (how_many - rows.len()).min(self.now.len() - self.used);
            rows.extend_from_slice(&self.now[self.used..][..count]);
            self.used += count;
        }
        self.drawn += how_many as u128;
    }

    /// The rows that are drawn now, or have been.
    #[must_use]
    pub fn now(&self) -> &[usize] {
        &self.now
    }

    /// The rows to read by now that are drawn after these and have not been asked for, in order.
    /// They are as many as have been drawn of these, so that the memory they need stays the same.
    pub fn read_ahead(&mut self) -> &[usize] {
        let progress = self.used + self.now.len().div_ceil(LEAD);
        let due = self.next.len() * progress / self.now.len().max(1);
        let first = self.ahead;
        self.ahead = due.clamp(first, self.next.len());
        &self.next[first..self.ahead]
    }

    /// The rows that were drawn before those shuffled now, once.
    pub fn take_done(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.done)
    }

    /// Begins an epoch. Each has a random stream of its own; the stream 0 is the sampler's.
    fn begin(&mut self, number: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number + 1);
        let mut blocks: Vec<usize> = (0..self.rows.len().div_ceil(self.rows_in_block)).collect();
        blocks.shuffle(&mut rng);
        self.epoch = Epoch { number, rng, blocks };
    }

    /// Shuffles the next rows, and finds those after them.
    fn advance(&mut self) {
        self.done = std::mem::replace(&mut self.now, std::mem::take(&mut self.next));
        self.now.shuffle(&mut self.epoch.rng);
        if self.epoch.blocks.is_empty() {
            self.begin(self.epoch.number + 1);
        }
        (self.next, self.ahead) = (self.take_blocks(), 0);
    }

    /// The rows of the next blocks, in order.
    fn take_blocks(&mut self) -> Vec<usize> {
        let kept = self.epoch.blocks.len().saturating_sub(BLOCKS);
        let mut blocks = self.epoch.blocks.split_off(kept);
        blocks.sort_unstable();
        let of_block = |block: usize| {
            let first = block * self.rows_in_block;
            &self.rows[first..self.rows.len().min(first + self.rows_in_block)]
        };
        blocks.into_iter().flat_map(of_block).copied().collect()
    }
}
