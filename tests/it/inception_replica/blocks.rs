//! The parts of Inception v3 (Szegedy et al. 2015, arXiv:1512.00567) as it was published in
//! December 2015: a stem, then eleven blocks of parallel branches whose channels are concatenated.

/// A convolution, always followed by batch normalisation and ReLU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution {
    /// Output channels.
    pub(super) channels: usize,
    /// Height and width.
    pub(super) kernel: [usize; 2],
    pub(super) stride: i64,
    pub(super) padding: &'static str,
}

/// Pooling over squares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pooling {
    /// `AvgPool` or `MaxPool`.
    pub(super) op: &'static str,
    pub(super) size: i64,
    pub(super) stride: i64,
    pub(super) padding: &'static str,
}

/// One step of a branch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Convolve(Convolution),
    Pool(Pooling),
    /// Two convolutions side by side that end the branch.
    Fork([Convolution; 2]),
}

/// The branches of a block. The steps of a branch go under a scope `tower`, unless there is only
/// one.
pub(super) type Block = Vec<Vec<Step>>;

const AVERAGE: Step = Step::Pool(Pooling { op: "AvgPool", size: 3, stride: 1, padding: "SAME" });
const MAXIMUM: Step = Step::Pool(Pooling { op: "MaxPool", size: 3, stride: 1, padding: "SAME" });
/// Halves height and width.
const SHRINK: Step = Step::Pool(Pooling { op: "MaxPool", size: 3, stride: 2, padding: "VALID" });

/// The pooling after all blocks, over the whole picture.
pub(super) const GLOBAL_AVERAGE: Pooling =
    Pooling { op: "AvgPool", size: 8, stride: 1, padding: "VALID" };

const fn convolution(channels: usize, height: usize, width: usize) -> Convolution {
    Convolution { channels, kernel: [height, width], stride: 1, padding: "SAME" }
}

/// Keeps height and width.
const fn same(channels: usize, height: usize, width: usize) -> Step {
    Step::Convolve(convolution(channels, height, width))
}

/// Without the border.
const fn valid(channels: usize, size: usize) -> Step {
    Step::Convolve(Convolution { padding: "VALID", ..convolution(channels, size, size) })
}

/// Halves height and width.
const fn halved(channels: usize) -> Step {
    Step::Convolve(Convolution { stride: 2, padding: "VALID", ..convolution(channels, 3, 3) })
}

const fn fork(channels: usize) -> Step {
    Step::Fork([convolution(channels, 1, 3), convolution(channels, 3, 1)])
}

/// From 299×299×3 to 35×35×192.
pub(super) const STEM: [Step; 7] =
    [halved(32), valid(32, 3), same(64, 3, 3), SHRINK, valid(80, 1), valid(192, 3), SHRINK];

/// The eleven blocks, `mixed` to `mixed_10`, from 35×35×192 to 8×8×2048.
pub(super) fn blocks() -> Vec<Block> {
    vec![
        with_5x5(32),
        with_5x5(64),
        with_5x5(64),
        // To 17×17.
        vec![vec![halved(384)], vec![same(64, 1, 1), same(96, 3, 3), halved(96)], vec![SHRINK]],
        with_7x7(128),
        with_7x7(160),
        with_7x7(160),
        with_7x7(192),
        // To 8×8.
        vec![
            vec![same(192, 1, 1), halved(320)],
            vec![same(192, 1, 1), same(192, 1, 7), same(192, 7, 1), halved(192)],
            vec![SHRINK],
        ],
        with_forks(AVERAGE),
        with_forks(MAXIMUM),
    ]
}

fn with_5x5(pooled: usize) -> Block {
    vec![
        vec![same(64, 1, 1)],
        vec![same(48, 1, 1), same(64, 5, 5)],
        vec![same(64, 1, 1), same(96, 3, 3), same(96, 3, 3)],
        vec![AVERAGE, same(pooled, 1, 1)],
    ]
}

/// 7×7 as 1×7 and 7×1, with `n` channels in between.
fn with_7x7(n: usize) -> Block {
    vec![
        vec![same(192, 1, 1)],
        vec![same(n, 1, 1), same(n, 1, 7), same(192, 7, 1)],
        vec![same(n, 1, 1), same(n, 7, 1), same(n, 1, 7), same(n, 7, 1), same(192, 1, 7)],
        vec![AVERAGE, same(192, 1, 1)],
    ]
}

fn with_forks(pool: Step) -> Block {
    vec![
        vec![same(320, 1, 1)],
        vec![same(384, 1, 1), fork(384)],
        vec![same(448, 1, 1), same(384, 3, 3), fork(384)],
        vec![pool, same(192, 1, 1)],
    ]
}
