//! How files become pixels, where there is a choice. Training and labelling must agree on it, so it
//! is kept in the graph's metadata.

use crate::error::{Error, Result};
use serde_json::{Map, Value, json};

/// How files become pixels. The default is the scripts' way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Whether photographs are turned as their EXIF orientation says.
    pub exif_orientation: bool,
    /// Whether large JPEGs are reduced while they are decoded.
    pub fast_decode: bool,
}

/// The names of all settings.
const EXIF_ORIENTATION: &str = "exif_orientation";
const FAST_DECODE: &str = "fast_decode";

impl Reading {
    /// The scripts' way.
    pub const DEFAULT: Self = Self { exif_orientation: false, fast_decode: false };

    /// All settings by name.
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        let Self { exif_orientation, fast_decode } = self;
        let settings =
            [(EXIF_ORIENTATION, json!(exif_orientation)), (FAST_DECODE, json!(fast_decode))];
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
            match name.as_str() {
                EXIF_ORIENTATION => {
                    reading.exif_orientation = value.as_bool().ok_or_else(wrong)?;
                }
                FAST_DECODE => reading.fast_decode = value.as_bool().ok_or_else(wrong)?,
                _ => unknown.push(name.clone()),
            }
        }
        Ok((reading, unknown))
    }

    /// What the names of cached bottlenecks end with: nothing for the default.
    #[must_use]
    pub fn suffix(&self) -> String {
        let part = |(name, value): (String, Value)| match value {
            Value::Bool(_) => format!("_{name}"),
            Value::String(text) => format!("_{name}-{text}"),
            other => format!("_{name}-{other}"),
        };
        let text: String = self.options().into_iter().map(part).collect();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-,".contains(c);
        text.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
    }
}
