//! An image of a FITS file, decoded: its values, its brightness, its pixels of 0 to 255.

use super::hdus::choose;
use super::header::is_chosen;
use super::interval::Limits;
use super::pixels::{Values, values};
use super::sample::Sample;
use super::settings::{FitsSettings, Interval, Stretch};
use super::source::Source;
use super::stretch::{Levels, brightness};
use super::wcs::Wcs;
use crate::images::Raster;

/// Channels of a photograph.
const COLOURS: usize = 3;

/// The planes of an image that become a photograph: one is grey; three are red, green and blue.
#[derive(Debug)]
pub struct Frame {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Plane by plane, the bottom row first: FITS counts rows upward.
    pub values: Values,
    /// Which values become black and white.
    pub interval: Interval,
    /// The curve from black to white.
    pub stretch: Stretch,
    pub(super) wcs: Result<Wcs, String>,
}

/// Whether that is a FITS file, plain or gzipped.
#[must_use]
pub fn is_fits(content: &[u8]) -> bool {
    let start = Source::new(content).bytes(9);
    start.is_ok_and(|start| *start == *b"SIMPLE  =")
}

/// Width and height of the image that the settings choose. Only headers are read.
///
/// # Errors
/// A sentence without the file's name, if there is no such image or it is too large.
pub fn size(content: &[u8], settings: &FitsSettings) -> Result<(u64, u64), String> {
    let settings = &settings.of_file(content);
    let chosen = choose(&mut Source::new(content), settings.hdu.as_ref())?;
    let selection = chosen.image.selection(settings)?;
    Ok((selection.width as u64, selection.height as u64))
}

impl Frame {
    /// Decodes the image that the settings choose.
    ///
    /// # Errors
    /// A sentence without the file's name, if there is no such image, it is too large, damaged, or
    /// none of its values is finite.
    pub fn read(content: &[u8], settings: &FitsSettings) -> Result<Self, String> {
        let settings = &settings.of_file(content);
        let mut source = Source::new(content);
        let chosen = choose(&mut source, settings.hdu.as_ref())?;
        let selection = chosen.image.selection(settings)?;
        let data = source.bytes(chosen.data_length)?;
        if data.len() as u64 != chosen.data_length {
            return Err(format!("is cut off within the image of HDU {}", chosen.number));
        }
        let frame = Self {
            width: selection.width,
            height: selection.height,
            values: values(&chosen, &data, &selection)?,
            interval: settings.interval,
            stretch: settings.stretch,
            wcs: Wcs::of(&chosen.keywords),
        };
        match frame.values.any_finite() {
            true => Ok(frame),
            false => Err("has no pixel with a value: all are BLANK, NaN or infinite".into()),
        }
    }

    /// 1, or 3 for red, green and blue.
    #[must_use]
    pub fn planes(&self) -> usize {
        self.values.len() / (self.width * self.height).max(1)
    }

    /// The brightness, 0 to 1, of each value; NaN stays. As in astropy's `make_rgb`, each plane has
    /// its own interval.
    #[must_use]
    pub fn scaled(&self) -> Vec<f32> {
        match &self.values {
            Values::Single(values) => self.scaled_planes(values),
            Values::Double(values) => self.scaled_planes(values),
        }
    }

    fn scaled_planes<T: Sample>(&self, values: &[T]) -> Vec<f32> {
        let planes = values.chunks(self.width * self.height);
        let scaled = planes.map(|plane| match Limits::of(plane, self.interval) {
            Some(limits) => brightness(plane, limits, self.stretch),
            None => vec![f32::NAN; plane.len()],
        });
        scaled.collect::<Vec<_>>().concat()
    }

    /// The photograph: brightness as 0 to 255, rounded to the nearest, with NaN as 0. Its first row
    /// is the last of FITS, so that it looks as astronomers' programs show it.
    #[must_use]
    pub fn raster(&self) -> Raster {
        let mut pixels = vec![0; self.width * self.height * COLOURS];
        match &self.values {
            Values::Single(values) => self.draw(values, &mut pixels),
            Values::Double(values) => self.draw(values, &mut pixels),
        }
        Raster { height: self.height, width: self.width, depth: COLOURS, pixels }
    }

    fn draw<T: Sample>(&self, values: &[T], pixels: &mut [u8]) {
        let is_grey = self.planes() == 1;
        let mut level_of = Vec::with_capacity(self.width);
        for (colour, plane) in values.chunks(self.width * self.height).enumerate() {
            let Some(limits) = Limits::of(plane, self.interval) else { continue };
            let levels = Levels::new(plane, limits, self.stretch);
            let rows = plane.chunks(self.width).rev();
            for (row, drawn) in rows.zip(pixels.chunks_mut(self.width * COLOURS)) {
                levels.draw(row, &mut level_of);
                for (&level, pixel) in level_of.iter().zip(drawn.chunks_exact_mut(COLOURS)) {
                    if is_grey { pixel.fill(level) } else { pixel[colour] = level }
                }
            }
        }
    }

    /// The pixel of a position in degrees, in the header's own system, (0, 0) being the centre of
    /// the first pixel of the bottom row; `None` where the projection has none.
    ///
    /// # Errors
    /// A sentence without the file's name, if the header has no WCS of a known kind.
    pub fn pixel(&self, ra: f64, dec: f64) -> Result<Option<(f64, f64)>, String> {
        self.wcs.as_ref().map(|wcs| wcs.pixel(ra, dec)).map_err(Clone::clone)
    }
}

impl FitsSettings {
    /// The settings for a file: a cut-out holds what was chosen, and nothing else.
    fn of_file(&self, content: &[u8]) -> Self {
        let settings = self.clone();
        match is_chosen(content) {
            true => Self { hdu: None, planes: None, ..settings },
            false => settings,
        }
    }
}

impl Values {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    fn any_finite(&self) -> bool {
        match self {
            Self::Single(values) => values.iter().any(|value| value.is_finite()),
            Self::Double(values) => values.iter().any(|value| value.is_finite()),
        }
    }
}
