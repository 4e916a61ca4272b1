//! A frame of which many cut-outs are made: a FITS file that is decoded once.

use super::frame::Frame;
use super::settings::FitsSettings;
use crate::images::read::read_image;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A FITS file that is decoded when the first cut-out is made of it, and then kept.
#[derive(Debug)]
pub struct FrameFile {
    path: PathBuf,
    settings: FitsSettings,
    frame: OnceLock<Result<Frame, String>>,
}

/// Which part of a frame is cut out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Its middle.
    pub centre: Centre,
    /// Width and height in pixels.
    pub size: usize,
}

/// The middle of a cut-out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Centre {
    /// In pixels: (0, 0) is the centre of the first pixel of the bottom row.
    Pixel(f64, f64),
    /// Right ascension and declination in degrees, in the system of the frame's WCS.
    Sky(f64, f64),
}

/// In a form that file names may have.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size;
        match self.centre {
            Centre::Pixel(x, y) => write!(f, "#x{x}_y{y}_{size}"),
            Centre::Sky(ra, dec) => write!(f, "#ra{ra}_dec{dec}_{size}"),
        }
    }
}

impl FrameFile {
    /// The file at `path`. It is not opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, settings: FitsSettings) -> Self {
        Self { path: path.into(), settings, frame: OnceLock::new() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A part of the frame, as a FITS file.
    ///
    /// # Errors
    /// A sentence about the cut-out, if the frame cannot be decoded, has no such place, or the
    /// whole cut-out lies outside.
    pub fn cutout(&self, region: &Region) -> Result<Vec<u8>, String> {
        let frame = self.frame.get_or_init(|| {
            let (_, content) = read_image(&self.path)?;
            Frame::read(&content, &self.settings)
        });
        let unusable = |why: &str| format!("cannot be cut out: {} {why}", self.path.display());
        let frame = frame.as_ref().map_err(|why| unusable(why))?;
        let (x, y) = match region.centre {
            Centre::Pixel(x, y) => (x, y),
            Centre::Sky(ra, dec) => {
                let pixel = frame.pixel(ra, dec).map_err(|why| unusable(&why))?;
                pixel.ok_or_else(|| unusable("does not show this part of the sky"))?
            }
        };
        let cutout = frame.cutout(x, y, region.size, region.size);
        cutout.map(|cutout| cutout.to_fits()).ok_or_else(|| {
            let (width, height) = (frame.width, frame.height);
            format!(
                "lies outside of {}: pixel ({x:.1}, {y:.1}) of {width} × {height}",
                self.path.display()
            )
        })
    }
}
