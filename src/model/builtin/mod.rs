//! Networks that this program builds itself.

mod efficientnet;
mod miniature;
mod mobilenet;
mod mobilenet_v2;
mod residual;

pub(super) use efficientnet::{LITE_0, LITE_1, LITE_2};
pub(super) use miniature::maybe_write_miniature;
pub use miniature::{Calibration, build_miniature, write_miniature};
pub(super) use mobilenet_v2::MOBILENET_V2;
pub(super) use residual::{CLASSES, FEATURES, Network};
