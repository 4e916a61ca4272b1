//! Photographs as files: their format and size, and the pixels that a network takes. Nothing here
//! decodes. A new format is a row of the table in `format`, and a file of its own here.

mod bmp;
mod bytes;
mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gif;
mod header;
mod jpeg;
mod pixels;
mod png;
mod raster;
mod read;

pub use format::ImageFormat;
pub(crate) use header::checked_size;
pub use header::{MAX_PIXELS, checked};
pub use pixels::{PixelRange, PixelSpec};
pub use raster::{Raster, View};
pub use read::{read_if_image, read_image};
