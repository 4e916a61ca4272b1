//! How files become pixels, where there is a choice. Training and labelling must agree on it, so it
//! is kept in the graph's metadata.

use super::fits::FitsSettings;
use crate::error::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::str::FromStr;

/// How files become pixels. The default is the scripts' way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Whether photographs are turned as their EXIF orientation says.
    pub exif_orientation: bool,
    /// Whether large JPEGs are reduced while they are decoded.
    pub fast_decode: bool,
    /// Which image of a FITS file is used, and how bright its values are.
    pub fits: FitsSettings,
}

/// The names of all settings.
const EXIF_ORIENTATION: &str = "exif_orientation";
const FAST_DECODE: &str = "fast_decode";
const FITS_HDU: &str = "fits_hdu";
const FITS_INTERVAL: &str = "fits_interval";
const FITS_STRETCH: &str = "fits_stretch";
const FITS_PLANES: &str = "fits_planes";

/// What a setting's text in a file name must not hold: it could lead elsewhere or be taken for the
/// next setting.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b',');

impl Reading {
    /// The scripts' way.
    pub const DEFAULT: Self =
        Self { exif_orientation: false, fast_decode: false, fits: FitsSettings::DEFAULT };

    /// All settings by name.
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        let Self { exif_orientation, fast_decode, fits } = self;
        let settings = [
            (EXIF_ORIENTATION, json!(exif_orientation)),
            (FAST_DECODE, json!(fast_decode)),
            (FITS_HDU, json!(text(fits.hdu.as_ref()))),
            (FITS_INTERVAL, json!(fits.interval.to_string())),
            (FITS_STRETCH, json!(fits.stretch.to_string())),
            (FITS_PLANES, json!(text(fits.planes.as_ref()))),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The settings that differ from the default.
    #[must_use]
    pub fn options(&self) -> Map<String, Value> {
        let default = Self::DEFAULT.settings();
        self.settings()
            .into_iter()
            .filter(|(name, value)| default.get(name) != Some(value))
            .collect()
    }

    /// Reads what [`options`](Self::options) wrote. Also returns the names that this version does
    /// not know.
    ///
    /// # Errors
    /// The setting with a wrong value.
    pub fn of_options(options: &Map<String, Value>) -> Result<(Self, Vec<String>)> {
        let (mut reading, mut unknown) = (Self::default(), Vec::new());
        for (name, value) in options {
            let wrong = || Error::usage(name.clone(), format!("cannot be {value}"));
            let fits = &mut reading.fits;
            match name.as_str() {
                EXIF_ORIENTATION => {
                    reading.exif_orientation = value.as_bool().ok_or_else(wrong)?;
                }
                FAST_DECODE => reading.fast_decode = value.as_bool().ok_or_else(wrong)?,
                FITS_HDU => fits.hdu = parsed_unless_empty(name, value)?,
                FITS_INTERVAL => fits.interval = parsed(name, value)?,
                FITS_STRETCH => fits.stretch = parsed(name, value)?,
                FITS_PLANES => fits.planes = parsed_unless_empty(name, value)?,
                _ => unknown.push(name.clone()),
            }
        }
        Ok((reading, unknown))
    }

    /// What the names of cached bottlenecks end with: nothing for the default, and another ending
    /// for each other reading.
    #[must_use]
    pub fn suffix(&self) -> String {
        let part = |(name, value): (String, Value)| match value {
            Value::Bool(_) => format!("_{name}"),
            Value::String(text) => format!("_{name}-{}", utf8_percent_encode(&text, UNSAFE)),
            other => format!("_{name}-{other}"),
        };
        self.options().into_iter().map(part).collect()
    }
}

/// What is set, as text; empty for nothing.
fn text<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, T::to_string)
}

/// Reads a setting that is text.
fn parsed<T: FromStr<Err = String>>(name: &str, value: &Value) -> Result<T> {
    let text = value.as_str().ok_or_else(|| format!("{value} is not text"));
    text.and_then(str::parse).map_err(|why| Error::usage(name, why))
}

/// The same, for a setting that may be left empty.
fn parsed_unless_empty<T: FromStr<Err = String>>(name: &str, value: &Value) -> Result<Option<T>> {
    if value.as_str() == Some("") { Ok(None) } else { parsed(name, value).map(Some) }
}
