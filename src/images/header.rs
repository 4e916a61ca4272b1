//! Checks an image's size from its header, before TensorFlow allocates memory for the pixels.

use super::format::ImageFormat;
use super::raster::MAX_PIXELS;

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
    let Some((width, height)) = format.prepare(&mut content)? else { return Ok((content, None)) };
    let pixels = width.saturating_mul(height);
    if pixels > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height} pixels, more than the {MAX_PIXELS} allowed; make it smaller"
        ));
    }
    Ok((content, Some(pixels)))
}
