//! Photographs as files: what format they have, how large they are, and the pixels a network wants
//! of them. Nothing here decodes; it uses nothing but `error` and `text`. A new format is a row of
//! the table in `format` and a file of its own.

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
mod read;

pub use format::ImageFormat;
pub use header::{MAX_PIXELS, checked};
pub use pixels::{PixelRange, PixelSpec};
pub use read::{read_if_image, read_image};
