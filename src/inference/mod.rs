//! Runs networks on photographs, many in parallel: from the bytes of image files to bottlenecks or
//! scores.

mod batch;
mod batches;
mod decoder;
mod distorted;
mod distorter;
mod engine;
mod extract;
mod network;
pub(crate) mod pipeline;
mod remote;
mod repeat;
mod views;

pub(crate) use batch::{Batch, Vectors};
pub(crate) use batches::run;
pub use decoder::Decoder;
pub(crate) use decoder::raster;
pub use distorted::{DistortedImages, PIXEL_BUDGET};
pub use distorter::{Distorter, Draw};
pub use engine::Decoded;
pub(crate) use engine::Inference;
pub use extract::{Extractor, LocalExtractor};
pub use network::{BatchNetwork, Part};
pub use remote::Workers;
