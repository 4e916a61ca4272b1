//! How good predictions are: pure functions of true classes and scores.

mod calibration;
mod confusion;
mod interval;
mod label_errors;
mod ranking;

pub use calibration::{Bin, Calibration, best_temperature, tempered};
pub use confusion::{ClassScore, Confusion};
pub use interval::{Interval, wilson};
pub use label_errors::{LabelError, label_errors};
pub use ranking::{PrPoint, average_precision, pr_curve};

/// The class with the highest score; of equal scores the first, as TensorFlow's argmax has it.
#[must_use]
pub fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}
