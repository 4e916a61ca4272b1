//! Astronomers' images: FITS files, plain, gzipped or tile-compressed. The `fitsio-pure` crate
//! decodes what was checked here; intervals and stretches are astropy's, and so are cut-outs.

mod cutout;
mod frame;
mod frame_file;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod hdus;
mod header;
mod interval;
mod pixels;
mod sample;
mod settings;
mod sip;
mod source;
mod stretch;
mod tiles;
mod wcs;
mod zscale;

use crate::images::raster::Raster;

pub use frame::{Frame, is_fits, size};
pub use frame_file::{Centre, FrameFile, Region};
pub use pixels::Values;
pub use settings::{FitsSettings, Hdu, Interval, Planes, Stretch};

/// The photograph in a file, for the table of formats.
pub(super) fn decode(content: &[u8], settings: &FitsSettings) -> Result<Raster, String> {
    Frame::read(content, settings).map(|frame| frame.raster())
}
