//! Networks that this program builds itself.

mod miniature;
mod mobilenet;

pub(super) use miniature::maybe_write_miniature;
pub use miniature::{Calibration, build_miniature, write_miniature};
