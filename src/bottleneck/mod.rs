//! Bottlenecks: the vectors that the pretrained network computes from the photographs. Each is
//! computed once and cached.

mod access;
mod appender;
mod cache;
mod compute;
mod files;
mod fill;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod key;
mod learnable;
mod packed;
mod plan;
mod rows;
mod shard;
mod spec;
mod text;

pub use access::Access;
pub use cache::{cache_bottlenecks, cache_shard};
pub use learnable::{Learnable, ScaledRows};
pub use rows::Bottlenecks;
pub use shard::Shard;
pub use spec::{
    BadImage, CacheEvent, CacheSpec, MissingShard, Progress, get_bottleneck_path, get_packed_path,
    get_shard_path,
};
pub use text::parse_bottleneck;
