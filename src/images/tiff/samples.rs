//! The samples of a page as bytes from 0 to 255, pixel by pixel, whatever their depth and layout.

use super::colours::Colours;
use super::file::{File, MOST_BYTES, damaged, parts, refused};
use crate::images::raster::MAX_PIXELS;
use tiff::TiffError;
use tiff::decoder::DecodingResult;

/// Where the parts of a page belong: strips, which are as wide as the page, or tiles.
struct Layout {
    /// Width and height of the page.
    page: [usize; 2],
    /// Width and height of a part; parts at the right and at the bottom may be smaller.
    part: [usize; 2],
    /// Samples of a pixel in a part: 1 if each part has one plane of the samples.
    together: usize,
    /// Samples of a pixel.
    per_pixel: usize,
    /// Parts of a plane.
    per_plane: usize,
}

/// A byte for each sample: 0 is 0, and 255 the largest value that a sample can have. Those of a
/// palette keep their values.
pub(super) fn samples(file: &mut File, colours: &Colours) -> Result<Vec<u8>, String> {
    let [offsets, _] = parts(file)?;
    let parts = u32::try_from(offsets.len()).map_err(|e| damaged(&e.to_string()))?;
    let layout = Layout::of(file, colours, parts)?;
    let [width, height] = layout.page;
    let size = width.saturating_mul(height).saturating_mul(layout.per_pixel);
    if size > MOST_BYTES {
        return Err(refused(TiffError::LimitsExceeded));
    }
    let mut samples = vec![0; size];
    for part in 0..parts {
        let (width, height) = file.chunk_data_dimensions(part);
        let (width, height) = (width as usize, height as usize);
        let stored = file.read_chunk(part).map_err(refused)?;
        let bytes = bytes(stored, colours, width * layout.together, height)?;
        layout.place(part as usize, &bytes, width, &mut samples);
    }
    Ok(samples)
}

impl Layout {
    fn of(file: &mut File, colours: &Colours, parts: u32) -> Result<Self, String> {
        let (width, height) = file.dimensions().map_err(refused)?;
        let (part_width, part_height) = file.chunk_dimensions();
        let page = [width as usize, height as usize];
        // A file of one strip may give it any number of rows.
        let part = [part_width as usize, part_height.min(height.next_multiple_of(16)) as usize];
        let part =
            if part_width > width { [part_width as usize, part_height as usize] } else { part };
        let together = if colours.is_planar { 1 } else { colours.per_pixel };
        let planes = colours.per_pixel / together;
        let per_plane = parts as usize / planes;
        let pixels = part[0].saturating_mul(part[1]).saturating_mul(per_plane) as u64;
        match per_plane > 0 && pixels <= 2 * MAX_PIXELS {
            true => Ok(Self { page, part, together, per_pixel: colours.per_pixel, per_plane }),
            false => Err(damaged("its parts are much larger than the image")),
        }
    }

    /// Copies a part, whose rows have `width` pixels, to its place.
    fn place(&self, part: usize, bytes: &[u8], width: usize, samples: &mut [u8]) {
        let Self { page, together, per_pixel, .. } = *self;
        let across = page[0].div_ceil(self.part[0]);
        let (plane, part) = (part / self.per_plane, part % self.per_plane);
        let (left, top) = (part % across * self.part[0], part / across * self.part[1]);
        // In all planes but the first, the decoder gives tiles at the bottom all their rows.
        let rows = bytes.chunks_exact(width * together).take(page[1].saturating_sub(top));
        for (row, y) in rows.zip(top..) {
            let start = (y * page[0] + left) * per_pixel + plane;
            let into = samples[start..].chunks_mut(per_pixel);
            for (pixel, into) in row.chunks_exact(together).zip(into) {
                into[..together].copy_from_slice(pixel);
            }
        }
    }
}

/// Samples as bytes, in rows of so many.
fn bytes(
    stored: DecodingResult,
    colours: &Colours,
    row: usize,
    rows: usize,
) -> Result<Vec<u8>, String> {
    let bits = colours.bits;
    Ok(match stored {
        DecodingResult::U8(bytes) if bits < 8 => {
            let largest = (1u16 << bits) - 1;
            let times = if colours.is_palette() { 1 } else { (255 / largest) as u8 };
            unpacked(&bytes, usize::from(bits), row, rows, times)
        }
        DecodingResult::U8(bytes) => bytes,
        DecodingResult::U16(samples) => samples.iter().map(|v| (v >> 8) as u8).collect(),
        DecodingResult::U32(samples) => samples.iter().map(|v| (v >> 24) as u8).collect(),
        DecodingResult::F32(samples) => floats(samples.iter().copied())?,
        DecodingResult::F64(samples) => floats(samples.iter().map(|&v| v as f32))?,
        _ => {
            return Err(format!(
                "is a TIFF with {bits}-bit samples of a rare kind; save it with 8 or 16 bits a \
                 sample, from 0 on"
            ));
        }
    })
}

/// Samples of less than a byte; each row begins with a byte of its own.
fn unpacked(bytes: &[u8], bits: usize, row: usize, rows: usize, times: u8) -> Vec<u8> {
    let mask = ((1u16 << bits) - 1) as u8;
    let mut samples = Vec::with_capacity(row * rows);
    for packed in bytes.chunks((row * bits).div_ceil(8).max(1)).take(rows) {
        let of = |i: usize| {
            let byte = packed.get(i * bits / 8).copied().unwrap_or(0);
            (byte >> (8 - bits - i * bits % 8) & mask) * times
        };
        samples.extend((0..row).map(of));
    }
    samples
}

/// Floating-point samples from 0 (black) to 1 (white), as image editors write them. A file does not
/// say which values they are, so values far beyond are refused: all would be white.
fn floats(samples: impl Iterator<Item = f32> + Clone) -> Result<Vec<u8>, String> {
    let finite = samples.clone().filter(|v| v.is_finite());
    let (low, high) = finite.fold((0f32, 1f32), |(low, high), v| (low.min(v), high.max(v)));
    if low < -1.0 || high > 2.0 {
        return Err(format!(
            "is a TIFF with floating-point samples from {low} to {high}, which are read from 0 \
             (black) to 1 (white); scale them, or save it with 16 bits or as FITS"
        ));
    }
    Ok(samples.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect())
}
