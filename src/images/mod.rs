//! Photographs as files: their format and size, and the pixels that a network takes. Formats that
//! TensorFlow has no op for are decoded here. A new format is a row of the table in `format`, and
//! a file of its own here.

mod bmp;
mod bytes;
mod exif;
pub mod fits;
mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gif;
mod header;
mod jpeg;
mod photograph;
mod pixels;
mod png;
mod raster;
mod read;
mod reading;
mod tiff;
mod webp;

pub use bytes::Size;
pub use exif::{Orientation, swaps_sides};
pub use format::{DecodedBy, ImageFormat};
pub use header::checked;
pub use photograph::{Photograph, preview_path};
pub use pixels::{PixelRange, PixelSpec};
pub use raster::{MAX_PIXELS, Raster, View};
pub use read::{read_if_image, read_image};
pub use reading::Reading;
