//! Bottlenecks: what the pretrained network makes of each photograph, computed once, cached, and held in memory.

mod cache;
mod extract;

pub use cache::{Bottlenecks, cache_bottlenecks, get_bottleneck_path};
pub use extract::{Extractor, LocalExtractor};
