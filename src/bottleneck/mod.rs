//! Bottlenecks: the vectors that the pretrained network computes from the photographs. Each is
//! computed once and cached.

mod access;
mod cache;
mod compute;
mod fill;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod key;
mod learnable;
mod packed;
mod plan;
mod rows;
mod spec;
mod text;

pub use access::Access;
pub use cache::cache_bottlenecks;
pub use learnable::{Learnable, ScaledRows};
pub use rows::Bottlenecks;
pub use spec::{BadImage, CacheSpec, Progress, get_bottleneck_path, get_packed_path};
pub use text::parse_bottleneck;
