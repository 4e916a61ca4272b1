//! Which image formats there are, in one table: every list of them, and every message that names
//! them, is made from it. A file's first bytes say what it holds: a name's ending may be wrong.

use super::bytes::Size;
use super::{bmp, gif, jpeg, png};
use std::fmt;

/// As many first bytes as tell what a file is.
pub(super) const MAGIC_LENGTH: usize = 16;

/// An image format that is decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF, of which the first frame counts.
    Gif,
    /// BMP.
    Bmp,
}

/// What is known of a format.
struct Traits {
    name: &'static str,
    /// What its files begin with; `?` is any byte.
    magic: &'static [&'static [u8]],
    /// The endings of its files' names, in lower case.
    endings: &'static [&'static str],
    /// TensorFlow's op that decodes it.
    op: &'static str,
    /// Makes the file fit for that op, and reads the size from its header, where it has one.
    prepare: fn(&mut Vec<u8>) -> Result<Option<Size>, String>,
}

impl ImageFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Gif, Self::Bmp];

    const fn traits(self) -> Traits {
        match self {
            Self::Jpeg => Traits {
                name: "JPEG",
                magic: &[b"\xff\xd8\xff"],
                endings: &["jpg", "jpeg"],
                op: "DecodeJpeg",
                prepare: |content| Ok(jpeg::size(content)),
            },
            Self::Png => Traits {
                name: "PNG",
                magic: &[b"\x89PNG\r\n\x1a\n"],
                endings: &["png"],
                op: "DecodePng",
                prepare: |content| Ok(png::size(content)),
            },
            Self::Gif => Traits {
                name: "GIF",
                magic: &[b"GIF8"],
                endings: &["gif"],
                op: "DecodeGif",
                prepare: gif::prepare,
            },
            Self::Bmp => Traits {
                name: "BMP",
                magic: &[b"BM"],
                endings: &["bmp"],
                op: "DecodeBmp",
                prepare: bmp::prepare,
            },
        }
    }
}

/// First bytes of formats that people have, and that are not decoded.
const OTHERS: [(&[u8], &str); 11] = [
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"RIFF????WEBP", "WebP"),
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
    /// The format of a file's content, or a sentence that says what it is instead.
    ///
    /// # Errors
    /// Where it is no such image.
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

    /// Whether files with that ending (without the dot, in either case) are taken for images.
    #[must_use]
    pub fn is_ending(ending: &str) -> bool {
        let endings = Self::ALL.iter().flat_map(|format| format.traits().endings);
        endings.into_iter().any(|known| known.eq_ignore_ascii_case(ending))
    }

    /// All formats as a sentence has them: "JPEG, PNG, GIF or BMP".
    #[must_use]
    pub fn names() -> String {
        let [first @ .., last] = Self::ALL.map(|format| format.traits().name);
        format!("{} or {last}", first.join(", "))
    }

    /// The endings of its files' names, in lower case, the most frequent first.
    #[must_use]
    pub fn endings(self) -> &'static [&'static str] {
        self.traits().endings
    }

    /// The op that decodes it.
    #[must_use]
    pub fn decoder(self) -> &'static str {
        self.traits().op
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
