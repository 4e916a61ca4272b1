//! Inspects an unfamiliar graph: whether it is safe to run, what its tensors are for, and which of
//! them depend on noise.

mod augmentation;
mod before_noise;
mod checks;
mod functions;
mod guess;
mod labelling;
mod normalisation;
mod random_ops;
mod randomness;
mod ranges;
mod view;

pub(super) use augmentation::bypass_augmentation;
pub(super) use before_noise::before_noise;
pub(super) use checks::MOST_FEATURES;
pub(crate) use checks::{check_graph, check_part, image_size};
pub(super) use functions::is_call;
pub(super) use guess::{Guess, Guessed, Head, advice, guess_bottleneck, guess_input};
pub(crate) use labelling::{Labelling, SCRIPT_INPUT, SCRIPT_OUTPUT, SCRIPT_RANGE};
pub(super) use normalisation::{RangeGuess, shown_range};
pub(crate) use random_ops::RandomOp;
pub(super) use randomness::Randomness;
pub(crate) use randomness::{batch_norm, random_op};
pub(super) use view::GraphView;
