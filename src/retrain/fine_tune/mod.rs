//! Fine-tuning: after the new layer, the network itself is trained on the photographs.
//!
//! The loss is the cross-entropy with labels smoothed by 0.1, each class with the same weight;
//! AdamW with a one-cycle learning rate, ten times as high for the new layer; batches of 32
//! photographs, each turned by any angle, mirrored, closer, and brighter or darker. Normalisation
//! keeps its statistics; its scales and offsets are trained.

mod batches;
mod folds;
mod graph;
mod network;
mod photographs;
mod replace;
mod run;
mod schedule;
mod select;
mod task;
mod tuning;
mod workers;

pub use network::{Gradients, Network, Piece};
pub use select::{Layer, choose, layers};

pub(super) use folds::Rows;
pub(super) use replace::replace_values;
pub(super) use run::{Start, run};
pub(super) use task::Untuned;
