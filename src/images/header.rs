//! How large an image says it is, read from its header alone: before TensorFlow sets memory aside
//! for it.

use super::format::ImageFormat;

/// How many pixels an image may have: what Pillow, too, takes for a decompression bomb. (It would
/// be half a gigabyte in memory.)
pub const MAX_PIXELS: u64 = 178_956_970;

/// The image as it may be given to TensorFlow, and how many pixels it has, as far as its header can
/// be read.
///
/// # Errors
/// A sentence about an image that is too large, or of a kind that would be decoded to wrong
/// colours, without its name.
pub fn checked(
    format: ImageFormat,
    mut content: Vec<u8>,
) -> Result<(Vec<u8>, Option<u64>), String> {
    let Some((width, height)) = format.prepare(&mut content)? else { return Ok((content, None)) };
    let pixels = width.saturating_mul(height);
    if pixels > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height} pixels, more than the {MAX_PIXELS} that are allowed; make it smaller"
        ));
    }
    Ok((content, Some(pixels)))
}
