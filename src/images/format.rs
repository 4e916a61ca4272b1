//! The table of image formats, from which every list and message about them is made. A file's first
//! bytes decide its format, because its extension may be wrong.

use super::bytes::Size;
use super::exif::{self, Orientation};
use super::raster::Raster;
use super::reading::Reading;
use super::{bmp, fits, gif, jpeg, png, tiff, webp};
use std::ffi::OsStr;
use std::fmt;

/// How many of a file's first bytes determine its format.
pub(super) const MAGIC_LENGTH: usize = 16;

/// A supported image format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF; only the first frame is used.
    Gif,
    /// BMP.
    Bmp,
    /// TIFF.
    Tiff,
    /// WebP.
    WebP,
    /// FITS, plain or gzipped.
    Fits,
}

/// What decodes a format.
#[derive(Debug, Clone, Copy)]
pub enum DecodedBy {
    /// An op of TensorFlow's, which decides about every pixel.
    Op(&'static str),
    /// A crate. TensorFlow has no op for the format.
    Crate(fn(&[u8], &Reading) -> Result<Raster, String>),
}

/// The properties of a format.
struct Traits {
    name: &'static str,
    /// What its files begin with; `?` is any byte.
    magic: &'static [&'static [u8]],
    /// The extensions of its files, in lower case.
    endings: &'static [&'static str],
    decoded_by: DecodedBy,
    /// Adapts the file to that op, and reads the size from its header; `None` if that is cut off.
    prepare: fn(&mut Vec<u8>, &Reading) -> Result<Option<Size>, String>,
    /// How a photograph must be turned, if the file says so.
    orientation: fn(&[u8]) -> Option<Orientation>,
}

impl ImageFormat {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Jpeg, Self::Png, Self::Gif, Self::Bmp, Self::Tiff, Self::WebP, Self::Fits];

    const fn traits(self) -> Traits {
        match self {
            Self::Jpeg => Traits {
                name: "JPEG",
                magic: &[b"\xff\xd8\xff"],
                endings: &["jpg", "jpeg"],
                decoded_by: DecodedBy::Op("DecodeJpeg"),
                prepare: |content, _| Ok(jpeg::size(content)),
                orientation: |content| exif::orientation(jpeg::exif(content)),
            },
            Self::Png => Traits {
                name: "PNG",
                magic: &[b"\x89PNG\r\n\x1a\n"],
                endings: &["png"],
                decoded_by: DecodedBy::Op("DecodePng"),
                prepare: |content, _| Ok(png::size(content)),
                orientation: |content| exif::orientation(png::exif(content)),
            },
            Self::Gif => Traits {
                name: "GIF",
                magic: &[b"GIF8"],
                endings: &["gif"],
                decoded_by: DecodedBy::Op("DecodeGif"),
                prepare: |content, _| gif::prepare(content),
                orientation: |_| None,
            },
            Self::Bmp => Traits {
                name: "BMP",
                magic: &[b"BM"],
                endings: &["bmp"],
                decoded_by: DecodedBy::Op("DecodeBmp"),
                prepare: |content, _| bmp::prepare(content),
                orientation: |_| None,
            },
            Self::Tiff => Traits {
                name: "TIFF",
                magic: &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"],
                endings: &["tif", "tiff"],
                decoded_by: DecodedBy::Crate(|content, _| tiff::decode(content)),
                prepare: |content, _| Ok(tiff::size(content)),
                orientation: tiff::orientation,
            },
            Self::WebP => Traits {
                name: "WebP",
                magic: &[b"RIFF????WEBP"],
                endings: &["webp"],
                decoded_by: DecodedBy::Crate(|content, _| webp::decode(content)),
                prepare: |content, _| Ok(webp::size(content)),
                orientation: |content| exif::orientation(webp::exif(content)),
            },
            Self::Fits => Traits {
                name: "FITS",
                magic: &[b"SIMPLE  =", b"\x1f\x8b"],
                endings: &["fits", "fit", "fts", "fits.gz", "fit.gz", "fts.gz", "fits.fz"],
                decoded_by: DecodedBy::Crate(|content, reading| {
                    fits::decode(content, &reading.fits)
                }),
                prepare: |content, reading| fits::size(content, &reading.fits).map(Some),
                orientation: |_| None,
            },
        }
    }
}

/// First bytes of common formats that are not supported, to name them in the error.
const OTHERS: [(&[u8], &str); 7] = [
    (b"????ftyphei", "HEIC"),
    (b"????ftypmif1", "HEIC"),
    (b"????ftypavif", "AVIF"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<!DOCTYPE html", "HTML"),
    (b"<html", "HTML"),
];

impl ImageFormat {
    /// The format of a file's content.
    ///
    /// # Errors
    /// A sentence that says what the file is instead.
    pub fn of(content: &[u8]) -> Result<Self, String> {
        let is = |format: &Self| format.traits().magic.iter().any(|m| begins_with(content, m));
        if let Some(format) = Self::ALL.into_iter().find(is) {
            return Ok(format);
        }
        let formats = Self::names();
        Err(match OTHERS.iter().find(|(magic, _)| begins_with(content, magic)) {
            Some((_, other)) => format!("is {other}, not {formats}; convert it first"),
            None if content.is_empty() => "is empty".into(),
            None => format!("is not a {formats} image"),
        })
    }

    /// A file's name without the ending that promises a format; `None` without such an ending.
    #[must_use]
    pub fn stem(name: &str) -> Option<&str> {
        let endings = Self::ALL.iter().flat_map(|format| format.endings());
        let stem = |ending: &&str| {
            let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
            stem.strip_suffix('.').filter(|_| end.eq_ignore_ascii_case(ending))
        };
        endings.filter_map(stem).min_by_key(|stem| stem.len())
    }

    /// The format that a file's name promises, in either case; its content decides.
    #[must_use]
    pub fn of_name(name: &OsStr) -> Option<Self> {
        let name = name.as_encoded_bytes();
        let ends = |ending: &str| {
            let rest = name.len().checked_sub(ending.len()).map(|n| name.split_at(n));
            rest.is_some_and(|(before, end)| {
                before.ends_with(b".") && end.eq_ignore_ascii_case(ending.as_bytes())
            })
        };
        Self::ALL.into_iter().find(|format| format.endings().iter().any(|e| ends(e)))
    }

    /// The format called so in settings: its name in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.traits().name.to_lowercase() == name)
    }

    /// All formats, for use in a sentence: "JPEG, PNG, GIF, BMP, TIFF, WebP or FITS".
    #[must_use]
    pub fn names() -> String {
        let [first @ .., last] = Self::ALL.map(|format| format.traits().name);
        format!("{} or {last}", first.join(", "))
    }

    /// The extensions of its files, in lower case, the most common first.
    #[must_use]
    pub fn endings(self) -> &'static [&'static str] {
        self.traits().endings
    }

    /// What decodes it.
    #[must_use]
    pub fn decoded_by(self) -> DecodedBy {
        self.traits().decoded_by
    }

    /// How a photograph must be turned to be seen as it was taken, if its file says so.
    #[must_use]
    pub fn orientation(self, content: &[u8]) -> Orientation {
        (self.traits().orientation)(content).unwrap_or(Orientation::NoTransforms)
    }

    /// Whether a file says that its photograph must be turned to be seen as it was taken.
    #[must_use]
    pub fn says_turned(content: &[u8]) -> bool {
        let orientation = Self::of(content).map(|format| format.orientation(content));
        orientation.is_ok_and(|orientation| orientation != Orientation::NoTransforms)
    }

    pub(super) fn prepare(
        self,
        content: &mut Vec<u8>,
        reading: &Reading,
    ) -> Result<Option<Size>, String> {
        (self.traits().prepare)(content, reading)
    }
}

fn begins_with(content: &[u8], magic: &[u8]) -> bool {
    content.len() >= magic.len()
        && content.iter().zip(magic).all(|(byte, wanted)| *wanted == b'?' || byte == wanted)
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.traits().name)
    }
}
