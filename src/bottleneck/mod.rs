//! Bottlenecks: what the pretrained network makes of each photograph, computed once, cached, and
//! held in memory.

mod cache;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod key;
mod packed;
mod rows;

pub use cache::{
    BadImage, CacheSpec, cache_bottlenecks, get_bottleneck_path, get_packed_path, parse_bottleneck,
};
pub use rows::Bottlenecks;
