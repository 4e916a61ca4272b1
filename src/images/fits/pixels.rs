//! The values of an image: numbers as stored, decoded by the `fitsio-pure` crate, then scaled by
//! BSCALE and BZERO, with BLANK as NaN. In single precision where astropy uses it.

use super::hdus::{Chosen, Selection, Storage};
use super::header::Keywords;
use super::tiles;
use fitsio_pure::hdu::{Hdu, HduInfo};
use fitsio_pure::image::{ImageData, read_image_data};

/// The values of planes, one plane after the other, the bottom row first.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of images of 8 or 16 bits or single precision.
    Single(Vec<f32>),
    /// Of images of 32 or 64 bits or double precision.
    Double(Vec<f64>),
}

/// The selected planes of an image, whose data unit is `data`.
pub(super) fn values(hdu: &Chosen, data: &[u8], selection: &Selection) -> Result<Values, String> {
    let scaling = Scaling::of(&hdu.keywords, hdu.image.storage);
    let size = selection.width * selection.height;
    match hdu.image.storage {
        Storage::Plain => {
            let bytes = size * (hdu.image.bitpix.unsigned_abs() / 8) as usize;
            let plane = |plane: usize| plain(hdu, &data[plane * bytes..][..bytes], selection);
            let planes = selection.planes.iter().map(|&number| plane(number));
            joined(planes.map(|stored| Ok(scaling.values(stored?))))
        }
        Storage::Tiles => {
            let all = scaling.values(tiles::decoded(hdu, data)?);
            Ok(picked(all, size, &selection.planes))
        }
    }
}

fn plain(hdu: &Chosen, data: &[u8], selection: &Selection) -> Result<ImageData, String> {
    let info =
        HduInfo::Image { bitpix: hdu.image.bitpix, naxes: vec![selection.width, selection.height] };
    let unit =
        Hdu { info, header_start: 0, data_start: 0, data_len: data.len(), cards: Vec::new() };
    read_image_data(data, &unit).map_err(|e| format!("cannot be decoded as FITS ({e})"))
}

fn joined(mut planes: impl Iterator<Item = Result<Values, String>>) -> Result<Values, String> {
    let first = planes.next().unwrap_or(Ok(Values::Single(Vec::new())))?;
    planes.try_fold(first, |mut all, plane| {
        match (&mut all, plane?) {
            (Values::Single(all), Values::Single(plane)) => all.extend(plane),
            (Values::Double(all), Values::Double(plane)) => all.extend(plane),
            // The planes of an image are stored alike.
            _ => {}
        }
        Ok(all)
    })
}

/// The given planes of all.
fn picked(all: Values, size: usize, planes: &[usize]) -> Values {
    fn of<T: Copy>(all: Vec<T>, size: usize, planes: &[usize]) -> Vec<T> {
        if planes.iter().copied().eq(0..all.len() / size.max(1)) {
            return all;
        }
        planes.iter().flat_map(|plane| &all[plane * size..][..size]).copied().collect()
    }
    match all {
        Values::Single(all) => Values::Single(of(all, size, planes)),
        Values::Double(all) => Values::Double(of(all, size, planes)),
    }
}

/// How stored numbers become values.
struct Scaling {
    scale: f64,
    zero: f64,
    /// Only of integers.
    blank: Option<i64>,
}

impl Scaling {
    fn of(keywords: &Keywords, storage: Storage) -> Self {
        let blank = match storage {
            Storage::Plain => keywords.integer("BLANK"),
            Storage::Tiles => keywords.integer("BLANK").or_else(|| keywords.integer("ZBLANK")),
        };
        let scale = keywords.number("BSCALE").unwrap_or(1.0);
        Self { scale, zero: keywords.number("BZERO").unwrap_or(0.0), blank }
    }

    fn values(&self, stored: ImageData) -> Values {
        match stored {
            ImageData::U8(stored) => self.single(stored),
            ImageData::I16(stored) => self.single(stored),
            ImageData::I32(stored) => self.double(stored, f64::from),
            // Exactly, as a sum of doubles is not.
            ImageData::I64(stored) if self.scale == 1.0 && self.zero == TWO_POW_63 => {
                self.mapped(stored, |value| (value as u64 ^ 1 << 63) as f64)
            }
            ImageData::I64(stored) => self.double(stored, |value| value as f64),
            ImageData::F32(mut stored) => {
                if !self.is_identity() {
                    stored.iter_mut().for_each(|value| *value = self.scaled_single(*value));
                }
                Values::Single(stored)
            }
            ImageData::F64(mut stored) => {
                if !self.is_identity() {
                    stored.iter_mut().for_each(|value| *value = self.scaled(*value));
                }
                Values::Double(stored)
            }
        }
    }

    fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.zero == 0.0
    }

    fn single<T: Copy + Into<i64> + Into<f32>>(&self, stored: Vec<T>) -> Values {
        let value = |&number: &T| match self.blank == Some(number.into()) {
            true => f32::NAN,
            false => self.scaled_single(number.into()),
        };
        Values::Single(stored.iter().map(value).collect())
    }

    fn double<T: Copy + Into<i64>>(&self, stored: Vec<T>, wide: impl Fn(T) -> f64) -> Values {
        self.mapped(stored, |number| self.scaled(wide(number)))
    }

    fn mapped<T: Copy + Into<i64>>(&self, stored: Vec<T>, map: impl Fn(T) -> f64) -> Values {
        let value = |&number: &T| match self.blank == Some(number.into()) {
            true => f64::NAN,
            false => map(number),
        };
        Values::Double(stored.iter().map(value).collect())
    }

    fn scaled_single(&self, value: f32) -> f32 {
        value * self.scale as f32 + self.zero as f32
    }

    fn scaled(&self, value: f64) -> f64 {
        value * self.scale + self.zero
    }
}

const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
