//! What the samples of a TIFF mean: grey, RGB, a palette, CMYK or YCbCr, with or without alpha.

use super::file::{File, JPEG, refused};
use tiff::tags::Tag;

/// How samples become colours.
pub(super) struct Colours {
    kind: Kind,
    /// Samples of a pixel.
    pub(super) per_pixel: usize,
    /// Bits of a sample.
    pub(super) bits: u16,
    /// Whether each sample of a pixel is in a plane of its own.
    pub(super) is_planar: bool,
    /// Whether colours were multiplied by alpha, the first sample after them.
    is_premultiplied: bool,
}

enum Kind {
    Grey {
        white_is_zero: bool,
    },
    Rgb,
    /// All reds, then all greens, then all blues.
    Palette(Vec<u8>),
    Cmyk,
    YCbCr,
}

/// A value of `ExtraSamples`.
const PREMULTIPLIED: u16 = 1;
/// A value of `PlanarConfiguration`.
const PLANAR: u16 = 2;

impl Colours {
    /// From the file's tags.
    ///
    /// # Errors
    /// A sentence that says what kind of file it is, and what to do.
    pub(super) fn of(interpretation: u64, file: &mut File) -> Result<Self, String> {
        let per_pixel: u16 =
            file.find_tag_unsigned(Tag::SamplesPerPixel).map_err(refused)?.unwrap_or(1);
        let bits = file.find_tag_unsigned_vec(Tag::BitsPerSample).map_err(refused)?;
        let bits: u16 = bits.and_then(|bits| bits.first().copied()).unwrap_or(1);
        let kind = match interpretation {
            0 | 1 => Kind::Grey { white_is_zero: interpretation == 0 },
            2 => Kind::Rgb,
            3 => Kind::Palette(palette(file, bits)?),
            5 => Kind::Cmyk,
            6 => Kind::YCbCr,
            _ => {
                return Err(format!(
                    "is a TIFF with {}; save it as RGB",
                    match interpretation {
                        8..=10 => "Lab colours".to_owned(),
                        32803 | 34892 => "a camera's raw data".to_owned(),
                        other => format!("colours of kind {other}"),
                    }
                ));
            }
        };
        let of_colour = kind.samples();
        let is_known = match kind {
            Kind::Grey { .. } => (1..=2).contains(&per_pixel),
            _ => usize::from(per_pixel) >= of_colour,
        };
        if !is_known {
            return Err(format!(
                "is a TIFF with {per_pixel} samples a pixel, which it does not say the colours of; \
                 save it as grey or RGB"
            ));
        }
        if matches!(kind, Kind::YCbCr) {
            check_subsampling(file)?;
        }
        let extra: Vec<u16> =
            file.find_tag_unsigned_vec(Tag::ExtraSamples).map_err(refused)?.unwrap_or_default();
        let is_premultiplied = extra.first() == Some(&PREMULTIPLIED);
        let planar: Option<u16> =
            file.find_tag_unsigned(Tag::PlanarConfiguration).map_err(refused)?;
        let is_planar = planar == Some(PLANAR);
        Ok(Self { kind, per_pixel: per_pixel.into(), bits, is_planar, is_premultiplied })
    }

    pub(super) fn is_palette(&self) -> bool {
        matches!(self.kind, Kind::Palette(_))
    }

    /// Red, green and blue of each pixel.
    pub(super) fn pixels(&self, samples: Vec<u8>) -> Vec<u8> {
        if matches!(self.kind, Kind::Rgb) && self.per_pixel == 3 {
            return samples;
        }
        let alpha = self.kind.samples();
        let mut pixels = Vec::with_capacity(samples.len() / self.per_pixel * 3);
        for pixel in samples.chunks_exact(self.per_pixel) {
            let rgb = self.kind.rgb(pixel);
            let alpha = pixel.get(alpha).copied().filter(|_| self.is_premultiplied);
            pixels.extend(alpha.map_or(rgb, |alpha| rgb.map(|colour| divided(colour, alpha))));
        }
        pixels
    }
}

impl Kind {
    /// The samples of a pixel without alpha.
    fn samples(&self) -> usize {
        match self {
            Self::Grey { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk => 4,
        }
    }

    fn rgb(&self, pixel: &[u8]) -> [u8; 3] {
        match self {
            Self::Grey { white_is_zero: false } => [pixel[0]; 3],
            Self::Grey { white_is_zero: true } => [255 - pixel[0]; 3],
            Self::Rgb => [pixel[0], pixel[1], pixel[2]],
            Self::Palette(colours) => {
                let (size, index) = (colours.len() / 3, usize::from(pixel[0]));
                [0, 1, 2].map(|i| colours.get(i * size + index).copied().unwrap_or(0))
            }
            Self::Cmyk => [pixel[0], pixel[1], pixel[2]].map(|ink| without(ink, pixel[3])),
            Self::YCbCr => ycbcr(pixel[0], pixel[1], pixel[2]),
        }
    }
}

/// What an ink and black leave of white, as Pillow computes it: the product divided by 255 and
/// rounded.
fn without(ink: u8, black: u8) -> u8 {
    let left = u32::from(255 - black);
    let product = u32::from(ink) * left + 128;
    (left - (((product >> 8) + product) >> 8)) as u8
}

/// A colour before it was multiplied by alpha, as Pillow computes it.
fn divided(colour: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        _ => (u32::from(colour) * 255 / u32::from(alpha)).min(255) as u8,
    }
}

/// JPEG's formula.
fn ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    rgb.map(|colour| colour.round() as u8)
}

/// The colour map; of its 16 bits the upper ones.
fn palette(file: &mut File, bits: u16) -> Result<Vec<u8>, String> {
    let colours: Vec<u16> =
        file.find_tag_unsigned_vec(Tag::ColorMap).map_err(refused)?.unwrap_or_default();
    if bits > 8 || colours.len() != 3 << bits {
        return Err(
            "is a TIFF with an incomplete palette or one of more than 256 colours; save it \
                    as RGB"
                .into(),
        );
    }
    Ok(colours.into_iter().map(|colour| (colour >> 8) as u8).collect())
}

/// Only the decoder of JPEG enlarges colours that are stored at a lower resolution.
fn check_subsampling(file: &mut File) -> Result<(), String> {
    let compression: Option<u16> = file.find_tag_unsigned(Tag::Compression).map_err(refused)?;
    let by: Option<Vec<u16>> =
        file.find_tag_unsigned_vec(Tag::ChromaSubsampling).map_err(refused)?;
    match compression == Some(JPEG) || by.is_some_and(|by| by == [1, 1]) {
        true => Ok(()),
        false => Err("is a TIFF with YCbCr colours at a lower resolution; save it as RGB".into()),
    }
}
