//! TIFF, which TensorFlow has no op for: its first page, decoded by the `tiff` crate. Colours are
//! made here, because that crate refuses palettes and grey with alpha, and leaves CMYK and YCbCr to
//! others. So it is told that all samples are grey, which gives them as they are stored.
//!
//! Samples of 16 bits lose their low byte and alpha is dropped, as DecodePng does with them.

mod colours;
mod directory;
mod file;
mod samples;

use super::bytes::Size;
use super::exif::Orientation;
use super::raster::Raster;
use colours::Colours;
use directory::Directory;
use file::{JPEG, MOST_BYTES, check_jpegs, damaged, open, refused};
use samples::samples;
use tiff::TiffError;
use tiff::tags::Tag;

const NEW_SUBFILE_TYPE: u16 = 254;
const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const PHOTOMETRIC_INTERPRETATION: u16 = 262;
const ORIENTATION: u16 = 274;
const SAMPLES_PER_PIXEL: u16 = 277;

const BLACK_IS_ZERO: u16 = 1;

/// The size of the first page; `None` if that is cut off.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    let directory = Directory::find(content)?;
    Some((directory.number(IMAGE_WIDTH)?, directory.number(IMAGE_LENGTH)?))
}

/// How the first page must be turned.
pub(super) fn orientation(content: &[u8]) -> Option<Orientation> {
    let value = Directory::find(content)?.number(ORIENTATION)?;
    Orientation::from_exif(u8::try_from(value).ok()?)
}

/// The pixels of the first page.
pub(super) fn decode(content: &[u8]) -> Result<Raster, String> {
    let cut_off = || damaged("its directory is incomplete");
    let directory = Directory::find(content).ok_or_else(cut_off)?;
    if directory.number(NEW_SUBFILE_TYPE).is_some_and(|kind| kind & 1 == 1) {
        return Err(
            "is a TIFF or a camera's raw file whose first page is only a small copy of the \
                    photograph; save the photograph as JPEG or TIFF"
                .into(),
        );
    }
    let interpretation = directory.number(PHOTOMETRIC_INTERPRETATION).ok_or_else(cut_off)?;
    check_memory(&directory)?;
    let as_grey = directory.replaced(PHOTOMETRIC_INTERPRETATION, BLACK_IS_ZERO);
    let mut file = open(as_grey.ok_or_else(cut_off)?)?;
    let colours = Colours::of(interpretation, &mut file)?;
    if file.find_tag_unsigned(Tag::Compression).map_err(refused)? == Some(JPEG) {
        check_jpegs(&mut file, content)?;
    }
    let (width, height) = file.dimensions().map_err(refused)?;
    let (width, height) = (width as usize, height as usize);
    let pixels = colours.pixels(samples(&mut file, &colours)?);
    Ok(Raster { height, width, depth: 3, pixels })
}

/// Checks how much memory the samples take, a byte each, before the file is opened: the decoder
/// multiplies these numbers without a check.
fn check_memory(directory: &Directory<'_>) -> Result<(), String> {
    let tags = [IMAGE_WIDTH, IMAGE_LENGTH, SAMPLES_PER_PIXEL];
    let numbers = tags.map(|tag| directory.number(tag).unwrap_or(1));
    match numbers.into_iter().fold(1, u64::saturating_mul) > MOST_BYTES as u64 {
        true => Err(refused(TiffError::LimitsExceeded)),
        false => Ok(()),
    }
}
