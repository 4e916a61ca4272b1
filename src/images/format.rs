//! The table of image formats, from which every list and message about them is made. A file's first
//! bytes decide its format, because its extension may be wrong.

use super::bytes::Size;
use super::exif::{self, Orientation};
use super::raster::Raster;
use super::reading::Reading;
use super::{bmp, gif, jpeg, png, tiff, webp};
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
    prepare: fn(&mut Vec<u8>) -> Result<Option<Size>, String>,
    /// How a photograph must be turned, if the file says so.
    orientation: fn(&[u8]) -> Option<Orientation>,
}

impl ImageFormat {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::Jpeg, Self::Png, Self::Gif, Self::Bmp, Self::Tiff, Self::WebP];

    const fn traits(self) -> Traits {
        match self {
            Self::Jpeg => Traits {
                name: "JPEG",
                magic: &[b"\xff\xd8\xff"],
                endings: &["jpg", "jpeg"],
                decoded_by: DecodedBy::Op("DecodeJpeg"),
                prepare: |content| Ok(jpeg::size(content)),
                orientation: |content| exif::orientation(jpeg::exif(content)),
            },
            Self::Png => Traits {
                name: "PNG",
                magic: &[b"\x89PNG\r\n\x1a\n"],
                endings: &["png"],
                decoded_by: DecodedBy::Op("DecodePng"),
                prepare: |content| Ok(png::size(content)),
                orientation: |content| exif::orientation(png::exif(content)),
            },
            Self::Gif => Traits {
                name: "GIF",
                magic: &[b"GIF8"],
                endings: &["gif"],
                decoded_by: DecodedBy::Op("DecodeGif"),
                prepare: gif::prepare,
                orientation: |_| None,
            },
            Self::Bmp => Traits {
                name: "BMP",
                magic: &[b"BM"],
                endings: &["bmp"],
                decoded_by: DecodedBy::Op("DecodeBmp"),
                prepare: bmp::prepare,
                orientation: |_| None,
            },
            Self::Tiff => Traits {
                name: "TIFF",
                magic: &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"],
                endings: &["tif", "tiff"],
                decoded_by: DecodedBy::Crate(tiff::decode),
                prepare: |content| Ok(tiff::size(content)),
                orientation: tiff::orientation,
            },
            Self::WebP => Traits {
                name: "WebP",
                magic: &[b"RIFF????WEBP"],
                endings: &["webp"],
                decoded_by: DecodedBy::Crate(webp::decode),
                prepare: |content| Ok(webp::size(content)),
                orientation: |content| exif::orientation(webp::exif(content)),
            },
        }
    }
}

/// First bytes of common formats that are not supported, to name them in the error.
const OTHERS: [(&[u8], &str); 8] = [
    (b"????ftyphei", "HEIC"),
    (b"????ftypmif1", "HEIC"),
    (b"????ftypavif", "AVIF"),
    (b"SIMPLE  =", "FITS"),
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

    /// Whether files with that extension (without the dot, in either case) are taken for images.
    #[must_use]
    pub fn is_ending(ending: &str) -> bool {
        let endings = Self::ALL.iter().flat_map(|format| format.traits().endings);
        endings.into_iter().any(|known| known.eq_ignore_ascii_case(ending))
    }

    /// All formats, for use in a sentence: "JPEG, PNG, GIF, BMP, TIFF or WebP".
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

    pub(super) fn prepare(self, content: &mut Vec<u8>) -> Result<Option<Size>, String> {
        (self.traits().prepare)(content)
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
