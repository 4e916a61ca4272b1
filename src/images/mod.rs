//! Photographs as files: what format they have, how large they are, and the pixels a network wants of them.
//! Nothing here decodes; it uses nothing but `error` and `text`.

mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod header;
mod pixels;
mod read;

pub use format::ImageFormat;
pub use header::{MAX_PIXELS, checked};
pub use pixels::{PixelRange, PixelSpec};
pub use read::read_image;
