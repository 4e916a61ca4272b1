//! Cut-outs of a frame, and a frame as a FITS file, so that a cut-out can go wherever the bytes of
//! a photograph go.

use super::frame::Frame;
use super::header::CHOSEN;
use super::pixels::Values;
use super::sample::Sample;
use super::source::BLOCK;
use crate::images::MAX_PIXELS;

const CARD: usize = 80;

impl Frame {
    /// The part of `width` × `height` pixels around a place, as astropy's
    /// `Cutout2D(mode="partial")`: (0, 0) is the centre of the first pixel of the bottom row, and
    /// outside the frame are NaN. It has no WCS. `None` if none of it is in the frame, or it would
    /// have more pixels than an image may have.
    #[must_use]
    pub fn cutout(&self, x: f64, y: f64, width: usize, height: usize) -> Option<Self> {
        let pixels = (width as u64).checked_mul(height as u64)?.checked_mul(self.planes() as u64)?;
        if pixels > MAX_PIXELS {
            return None;
        }
        let part = Part {
            columns: Overlap::new(x, width, self.width)?,
            rows: Overlap::new(y, height, self.height)?,
        };
        let values = match &self.values {
            Values::Single(values) => Values::Single(self.part(values, &part, f32::NAN)),
            Values::Double(values) => Values::Double(self.part(values, &part, f64::NAN)),
        };
        let wcs = Err("is a cut-out, without a WCS".into());
        let Self { interval, stretch, .. } = *self;
        Some(Self { width, height, values, interval, stretch, wcs })
    }

    fn part<T: Copy>(&self, values: &[T], Part { columns, rows }: &Part, outside: T) -> Vec<T> {
        let mut part = vec![outside; columns.size * rows.size * self.planes()];
        let planes = values.chunks(self.width * self.height);
        for (from, to) in planes.zip(part.chunks_mut(columns.size * rows.size)) {
            let from = from.chunks(self.width).skip(rows.from);
            let to = to.chunks_mut(columns.size).skip(rows.to);
            for (from, to) in from.zip(to).take(rows.count) {
                to[columns.to..][..columns.count]
                    .copy_from_slice(&from[columns.from..][..columns.count]);
            }
        }
        part
    }

    /// The frame as a FITS file with one image, of single or double precision.
    #[must_use]
    pub fn to_fits(&self) -> Vec<u8> {
        let mut axes = vec![self.width, self.height];
        if self.planes() > 1 {
            axes.push(self.planes());
        }
        let bitpix = match self.values {
            Values::Single(_) => -32,
            Values::Double(_) => -64,
        };
        let mut file = Vec::with_capacity(self.values.len() * 8 + 2 * BLOCK);
        card(&mut file, "SIMPLE", "T");
        card(&mut file, "BITPIX", &format!("{bitpix}"));
        card(&mut file, "NAXIS", &axes.len().to_string());
        for (i, axis) in axes.iter().enumerate() {
            card(&mut file, &format!("NAXIS{}", i + 1), &axis.to_string());
        }
        card(&mut file, CHOSEN, "T");
        file.extend(format!("{:CARD$}", "END").as_bytes());
        file.resize(file.len().next_multiple_of(BLOCK), b' ');
        match &self.values {
            Values::Single(values) => values.iter().for_each(|value| value.push(&mut file)),
            Values::Double(values) => values.iter().for_each(|value| value.push(&mut file)),
        }
        file.resize(file.len().next_multiple_of(BLOCK), 0);
        file
    }
}

fn card(file: &mut Vec<u8>, keyword: &str, value: &str) {
    file.extend(format!("{:CARD$}", format!("{keyword:8}= {value:>20}")).as_bytes());
}

/// The part of a frame that is cut out.
struct Part {
    columns: Overlap,
    rows: Overlap,
}

/// Along one axis, what of a cut-out lies in the frame.
struct Overlap {
    /// Pixels of the cut-out.
    size: usize,
    /// The first pixel of the frame that is in the cut-out, and its place there.
    from: usize,
    to: usize,
    /// How many pixels follow, with the first.
    count: usize,
}

impl Overlap {
    fn new(centre: f64, size: usize, length: usize) -> Option<Self> {
        // Beyond this, the place of a pixel is not exact; no frame is as large.
        const FARTHEST: f64 = 1e12;
        if !centre.is_finite() || centre.abs() > FARTHEST {
            return None;
        }
        let start = (centre - size as f64 / 2.0).ceil() as i64;
        let end = start.checked_add(i64::try_from(size).ok()?)?.min(length as i64);
        let first = start.max(0);
        let count = usize::try_from(end - first).ok().filter(|&count| count > 0)?;
        Some(Self { size, from: first as usize, to: (first - start) as usize, count })
    }
}
