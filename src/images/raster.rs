//! A decoded photograph, and views of it: turned, mirrored, scaled, shifted, brighter or darker.
//! These are new for every image of every training step, so they are made here, in one pass over
//! the pixels, rather than by ops.

use super::bytes::Size;
use super::{PixelRange, PixelSpec};

/// The most pixels an image may have: Pillow's limit against decompression bombs, half a gigabyte
/// in memory.
pub const MAX_PIXELS: u64 = 178_956_970;

/// Refuses an image of too many pixels.
pub(super) fn check_size((width, height): Size) -> Result<(), String> {
    match width.saturating_mul(height) > MAX_PIXELS {
        true => Err(format!(
            "is {width} × {height} pixels, more than the {MAX_PIXELS} allowed; make it smaller"
        )),
        false => Ok(()),
    }
}

/// A decoded photograph, [height, width, depth].
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Channels.
    pub depth: usize,
    /// Its pixels, row by row.
    pub pixels: Vec<u8>,
}

/// Which part of a photograph is seen, and how bright it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// By how much it is turned, in radians.
    pub angle: f32,
    /// Whether it is mirrored.
    pub mirrored: bool,
    /// The part of the width and of the height that is seen.
    pub scale: f32,
    /// How far the centre moves right and down, in widths and heights.
    pub shift: [f32; 2],
    /// What pixels are multiplied by.
    pub brightness: f32,
}

impl View {
    /// The photograph as it is.
    pub const WHOLE: Self =
        Self { angle: 0.0, mirrored: false, scale: 1.0, shift: [0.0; 2], brightness: 1.0 };
}

impl Raster {
    /// The mean over squares of pixels, in as few pixels as keep width and height at least
    /// `times` those of `spec`.
    #[must_use]
    pub fn shrunk(self, spec: &PixelSpec, times: usize) -> Self {
        let least = |side: i32| (times * side.unsigned_abs() as usize).max(1);
        let by = (self.width / least(spec.width)).min(self.height / least(spec.height));
        if by < 2 {
            return self;
        }
        let (width, height, depth) = (self.width / by, self.height / by, self.depth);
        let mut sums = vec![0u32; width * depth];
        let mut pixels = Vec::with_capacity(height * sums.len());
        let area = (by * by) as u32;
        for rows in self.pixels.chunks_exact(self.width * depth * by).take(height) {
            sums.fill(0);
            for row in rows.chunks_exact(self.width * depth) {
                for (square, sums) in row.chunks_exact(by * depth).zip(sums.chunks_exact_mut(depth))
                {
                    for pixel in square.chunks_exact(depth) {
                        sums.iter_mut().zip(pixel).for_each(|(sum, &p)| *sum += u32::from(p));
                    }
                }
            }
            pixels.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
        }
        Self { height, width, depth, pixels }
    }

    /// Fills `into`, [spec.height, spec.width, depth], with a view of the photograph, stretched to
    /// that size and normalised as `spec` says. Beyond its edges it is reflected. The whole
    /// photograph is sampled as TensorFlow's ResizeBilinear does.
    pub fn view(&self, view: &View, spec: &PixelSpec, into: &mut [f32]) {
        let (width, height) =
            (spec.width.unsigned_abs() as usize, spec.height.unsigned_abs() as usize);
        let (sin, cos) = view.angle.sin_cos();
        let flip = if view.mirrored { -1.0 } else { 1.0 };
        let (a, b) = (view.scale * cos * flip, -view.scale * sin);
        let (c, d) = (view.scale * sin * flip, view.scale * cos);
        let [right, down] = view.shift;
        let (columns, rows) = (self.width as f32, self.height as f32);
        let normalise = Normalise::new(spec.range, view.brightness);
        for (y, row) in into.chunks_exact_mut(width * self.depth).take(height).enumerate() {
            let v = y as f32 / height as f32 - 0.5;
            for (x, pixel) in row.chunks_exact_mut(self.depth).enumerate() {
                let u = x as f32 / width as f32 - 0.5;
                let across = (0.5 + right + a * u + b * v) * columns;
                let along = (0.5 + down + c * u + d * v) * rows;
                self.sample(across, along, &normalise, pixel);
            }
        }
    }

    /// The pixel at a place between pixels.
    fn sample(&self, x: f32, y: f32, normalise: &Normalise, into: &mut [f32]) {
        let (left, right, across) = neighbours(x, self.width);
        let (top, bottom, along) = neighbours(y, self.height);
        let at = |x: usize, y: usize| {
            let start = (y * self.width + x) * self.depth;
            &self.pixels[start..start + self.depth]
        };
        let corners = [at(left, top), at(right, top), at(left, bottom), at(right, bottom)];
        for (channel, value) in into.iter_mut().enumerate() {
            let [a, b, c, d] = corners.map(|corner| f32::from(corner[channel]));
            let (upper, lower) = (a + (b - a) * across, c + (d - c) * across);
            *value = normalise.apply(upper + (lower - upper) * along);
        }
    }
}

/// The pixels before and after a place, and how far it is from the first. Beyond its edges the
/// photograph is reflected, first and last pixel included.
fn neighbours(place: f32, count: usize) -> (usize, usize, f32) {
    let last = (count - 1) as f32;
    let place = if place < 0.0 { -place - 1.0 } else { place };
    let place = if place > last { (2.0 * last + 1.0 - place).min(last) } else { place };
    let place = place.max(0.0);
    let before = place as usize;
    (before, (before + 1).min(count - 1), place - before as f32)
}

/// Brightness and range as one multiplication and one addition.
struct Normalise {
    brightness: f32,
    factor: f32,
    offset: f32,
}

impl Normalise {
    fn new(range: PixelRange, brightness: f32) -> Self {
        let (mean, std) = range.mean_and_std();
        Self { brightness, factor: 1.0 / std, offset: -mean / std }
    }

    fn apply(&self, value: f32) -> f32 {
        (value * self.brightness).min(255.0) * self.factor + self.offset
    }
}
