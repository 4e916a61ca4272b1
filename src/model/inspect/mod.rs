//! Looking into a graph of unknown make: what it must be before it is run, and what its tensors
//! are for.

mod checks;
mod functions;
mod guess;
mod normalisation;
mod view;

pub(super) use checks::MOST_FEATURES;
pub(crate) use checks::{check_graph, check_part, image_size};
pub(super) use functions::is_call;
pub(super) use guess::{Guessed, guess_bottleneck, guess_input};
pub(super) use normalisation::guess_range;
pub(super) use view::GraphView;
