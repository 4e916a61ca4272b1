//! Checks an image's size from its header, before TensorFlow allocates memory for the pixels.

use super::bytes::Size;
use super::format::ImageFormat;
use super::raster::check_size;
use super::reading::Reading;

/// The image in a form that TensorFlow can decode safely, and its width and height, if its header
/// can be read. `reading` says which of several images in the file is meant.
///
/// # Errors
/// A sentence without the file's name, if the image is too large or would be decoded to wrong
/// colours.
pub fn checked(
    format: ImageFormat,
    mut content: Vec<u8>,
    reading: &Reading,
) -> Result<(Vec<u8>, Option<Size>), String> {
    let size = format.prepare(&mut content, reading)?;
    size.map_or(Ok(()), check_size)?;
    Ok((content, size))
}
