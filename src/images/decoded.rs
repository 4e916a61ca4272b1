//! TIFF and WebP, which TensorFlow has no ops for, decoded by the `image` crate.

use super::bytes::Size;
use super::raster::{MAX_PIXELS, Raster};
use super::reading::Reading;
use image::{ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// The size in the header; `None` if that is cut off.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    let reader = ImageReader::new(Cursor::new(content)).with_guessed_format().ok()?;
    reader.into_dimensions().ok().map(|(width, height)| (width.into(), height.into()))
}

pub(super) fn tiff(content: &[u8], _: &Reading) -> Result<Raster, String> {
    decode(content, ImageFormat::Tiff)
}

pub(super) fn webp(content: &[u8], _: &Reading) -> Result<Raster, String> {
    decode(content, ImageFormat::WebP)
}

fn decode(content: &[u8], format: ImageFormat) -> Result<Raster, String> {
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * MAX_PIXELS);
    reader.limits(limits);
    let image = reader.decode().map_err(|e| format!("cannot be decoded ({e})"))?.into_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Raster { height, width, depth: 3, pixels: image.into_raw() })
}
