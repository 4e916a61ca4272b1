//! Bottlenecks: what the pretrained network makes of each photograph, computed once, cached, and
//! held in memory.

mod cache;
mod decoder;
mod distorted;
mod distorter;
mod extract;
pub(crate) mod fuzzing;
mod inference;
mod key;
mod network;
mod packed;
pub(crate) mod pipeline;
mod rows;

pub use crate::layers::MAX_PIXELS;
pub use cache::{
    BadImage, CacheSpec, cache_bottlenecks, get_bottleneck_path, get_packed_path, parse_bottleneck,
};
pub use decoder::Decoder;
pub use distorted::{DistortedImages, PIXEL_BUDGET};
pub use distorter::{Distorter, Draw};
pub use extract::{Extractor, LocalExtractor};
pub use inference::Decoded;
pub(crate) use inference::Inference;
pub use network::{BatchNetwork, Part};
pub use rows::Bottlenecks;
