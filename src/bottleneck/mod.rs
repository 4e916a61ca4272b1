//! Bottlenecks: what the pretrained network makes of each photograph, computed once, cached, and held in memory.

mod cache;
mod distorted;
mod distorter;
mod extract;
mod network;

pub use cache::{Bottlenecks, cache_bottlenecks, get_bottleneck_path};
pub use distorted::{DistortedImages, PIXEL_BUDGET};
pub use distorter::{Distorter, Draw};
pub use extract::{Extractor, LocalExtractor};
pub use network::BatchNetwork;
