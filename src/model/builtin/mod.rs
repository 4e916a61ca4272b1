//! Networks that this program builds itself.

mod inception;
mod inception_blocks;
mod miniature;
mod mobilenet;

pub use inception::{build_inception_v3_2015, write_inception};
pub(super) use miniature::maybe_write_miniature;
pub use miniature::write_miniature;
