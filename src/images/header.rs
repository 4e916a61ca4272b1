//! Checks an image's size from its header, before TensorFlow allocates memory for the pixels.

use super::bytes::Size;
use super::format::ImageFormat;

/// The most pixels an image may have: Pillow's limit against decompression bombs, half a gigabyte
/// in memory.
pub const MAX_PIXELS: u64 = 178_956_970;

/// The image in a form that TensorFlow can decode safely, and its number of pixels, if its header
/// can be read.
///
/// # Errors
/// A sentence without the file's name, if the image is too large or would be decoded to wrong
/// colours.
pub fn checked(
    format: ImageFormat,
    mut content: Vec<u8>,
) -> Result<(Vec<u8>, Option<u64>), String> {
    let size = checked_size(format, &mut content)?;
    Ok((content, size.map(|(width, height)| width.saturating_mul(height))))
}

/// As [`checked`], but in place, and with width and height instead of the number of pixels.
pub(crate) fn checked_size(
    format: ImageFormat,
    content: &mut Vec<u8>,
) -> Result<Option<Size>, String> {
    let Some((width, height)) = format.prepare(content)? else { return Ok(None) };
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height} pixels, more than the {MAX_PIXELS} allowed; make it smaller"
        ));
    }
    Ok(Some((width, height)))
}
