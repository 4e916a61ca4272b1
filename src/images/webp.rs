//! WebP, which TensorFlow has no op for, decoded by the `image` crate: lossy or lossless; of an
//! animation the first frame. Alpha is dropped, as DecodePng drops it.

use super::bytes::{Size, le, slice};
use super::raster::Raster;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder};
use std::io::Cursor;

/// The size in the header; `None` if that is cut off.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    let (width, height) = WebPDecoder::new(Cursor::new(content)).ok()?.dimensions();
    Some((width.into(), height.into()))
}

/// The pixels. WebP has at most 16383 × 16383, of which `checked` allows two thirds.
pub(super) fn decode(content: &[u8]) -> Result<Raster, String> {
    let decoder = WebPDecoder::new(Cursor::new(content));
    let image = decoder.and_then(DynamicImage::from_decoder);
    let image = image.map_err(|e| format!("cannot be decoded as WebP ({e})"))?.into_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Raster { height, width, depth: 3, pixels: image.into_raw() })
}

/// The EXIF data, which comes after the pixels.
pub(super) fn exif(content: &[u8]) -> Option<&[u8]> {
    let mut at = 12;
    loop {
        let length = le(content, at + 4, 4)? as usize;
        if slice(content, at, 4)? == b"EXIF" {
            let exif = slice(content, at + 8, length)?;
            // Some programs also write what precedes EXIF data in a JPEG.
            return Some(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
        }
        at += 8 + length.next_multiple_of(2);
    }
}
