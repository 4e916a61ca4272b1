//! What kind of image a file holds, by its first bytes: a name's ending may be wrong.

use std::fmt;

/// An image format that TensorFlow decodes.
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

/// First bytes of formats that people have, and that TensorFlow does not decode.
const OTHERS: [(&[u8], &str); 8] = [
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"RIFF", "WebP"),
    (b"SIMPLE  =", "FITS"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<!DOCTYPE html", "HTML"),
    (b"<html", "HTML"),
];

impl ImageFormat {
    /// The format of a file's content, or a sentence that says what it is instead.
    pub fn of(content: &[u8]) -> Result<Self, String> {
        const BY_MAGIC: [(&[u8], ImageFormat); 4] = [
            (b"\xff\xd8\xff", ImageFormat::Jpeg),
            (b"\x89PNG\r\n\x1a\n", ImageFormat::Png),
            (b"GIF8", ImageFormat::Gif),
            (b"BM", ImageFormat::Bmp),
        ];
        if let Some((_, format)) = BY_MAGIC.iter().find(|(magic, _)| content.starts_with(magic)) {
            return Ok(*format);
        }
        // A size goes before the name of the format.
        let brand = content.get(4..12).unwrap_or_default();
        if [&b"ftyphei"[..], b"ftypmif1", b"ftypavif"].iter().any(|known| brand.starts_with(known))
        {
            let name = if brand.ends_with(b"avif") { "AVIF" } else { "HEIC" };
            return Err(format!("is {name}, not JPEG, PNG, GIF or BMP; convert it first"));
        }
        let other =
            OTHERS.iter().find(|(magic, _)| content.starts_with(magic)).map(|(_, name)| *name);
        Err(match other {
            Some(name) => format!("is {name}, not JPEG, PNG, GIF or BMP; convert it first"),
            None if content.is_empty() => "is empty".into(),
            None => "is not a JPEG, PNG, GIF or BMP image".into(),
        })
    }

    /// The op that decodes it.
    #[must_use]
    pub fn decoder(self) -> &'static str {
        match self {
            Self::Jpeg => "DecodeJpeg",
            Self::Png => "DecodePng",
            Self::Gif => "DecodeGif",
            Self::Bmp => "DecodeBmp",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_uppercase())
    }
}
