//! The image of a star: Moffat's (1969) profile (1 + (r/α)²)^−β, precomputed at sub-pixel
//! positions.

use super::frame::{Frame, add};
use super::telescope::Telescope;

/// Stamps are made for this many positions of a star's centre along each side of a pixel.
const PHASES: usize = 8;

/// Pixels from the middle of a stamp to its edge; bright stars have wings beyond it.
const RADIUS: usize = 9;
const SIDE: usize = 2 * RADIUS + 1;

/// Steps per pixel of the table of the wings.
const WING_STEPS: f32 = 4.0;

/// The image of a star of 1 electron.
pub(super) struct Psf {
    /// The peak in electrons per pixel.
    peak: f32,
    alpha2: f32,
    beta: f32,
    /// `r² = form[0] dx² + form[1] dx dy + form[2] dy²`.
    form: [f32; 3],
    /// A stamp of SIDE × SIDE for each phase; the phases run in rows from the pixel's top left.
    stamps: Vec<f32>,
    /// The profile at each quarter pixel.
    wings: Vec<f32>,
}

impl Psf {
    /// The image of a star in a photograph of `size` pixels.
    pub(super) fn new(telescope: &Telescope, size: usize) -> Self {
        let beta = telescope.wings;
        let alpha2 = telescope.width.powi(2) / (4.0 * (2f32.powf(1.0 / beta) - 1.0));
        let (axis, angle) = telescope.roundness;
        let (sin, cos) = angle.sin_cos();
        // An ellipse of the same area as the circle.
        let form = [
            axis * cos * cos + sin * sin / axis,
            2.0 * sin * cos * (axis - 1.0 / axis),
            axis * sin * sin + cos * cos / axis,
        ];
        let peak = (beta - 1.0) / (std::f32::consts::PI * alpha2);
        let mut psf = Self { peak, alpha2, beta, form, stamps: Vec::new(), wings: Vec::new() };
        let reach = (1.6 * size as f32 * WING_STEPS) as usize + 2;
        psf.wings = (0..reach).map(|i| psf.profile((i as f32 / WING_STEPS).powi(2))).collect();
        psf.stamps.reserve(PHASES * PHASES * SIDE * SIDE);
        for phase in 0..PHASES * PHASES {
            let centre = |phase: usize| (phase as f32 + 0.5) / PHASES as f32;
            let (x, y) = (centre(phase % PHASES), centre(phase / PHASES));
            for i in 0..SIDE * SIDE {
                let dx = (i % SIDE) as f32 - RADIUS as f32 + 0.5 - x;
                let dy = (i / SIDE) as f32 - RADIUS as f32 + 0.5 - y;
                psf.stamps.push(psf.pixel(dx, dy));
            }
        }
        psf
    }

    fn profile(&self, r2: f32) -> f32 {
        self.peak * (1.0 + r2 / self.alpha2).powf(-self.beta)
    }

    fn r2(&self, dx: f32, dy: f32) -> f32 {
        self.form[0] * dx * dx + self.form[1] * dx * dy + self.form[2] * dy * dy
    }

    /// The light in a pixel whose centre is at (dx, dy) from the star.
    fn pixel(&self, dx: f32, dy: f32) -> f32 {
        // Only near the middle does the profile curve noticeably within a pixel.
        if self.r2(dx, dy) > 6.0 {
            return self.profile(self.r2(dx, dy));
        }
        let thirds = [-1.0f32 / 3.0, 0.0, 1.0 / 3.0];
        thirds
            .iter()
            .flat_map(|v| thirds.map(|u| self.profile(self.r2(dx + u, dy + v))))
            .sum::<f32>()
            / 9.0
    }

    /// Draws a star of `light` electrons at (x, y), out to where it falls below `floor` electrons a
    /// pixel.
    pub(super) fn draw(&self, frame: &mut Frame, x: f32, y: f32, light: [f32; 3], floor: f32) {
        let brightest = light.into_iter().fold(0.0, f32::max);
        let contrast = brightest * self.peak / floor;
        if contrast <= 1.0 {
            return;
        }
        let reach = (self.alpha2 * (contrast.powf(1.0 / self.beta) - 1.0))
            .sqrt()
            .min(1.5 * frame.size as f32);
        let margin = reach + 1.0;
        let end = frame.size as f32 + margin;
        if !(x > -margin && y > -margin && x < end && y < end) {
            return;
        }
        if reach <= RADIUS as f32 - 0.5 {
            self.stamp(frame, x, y, light, reach.ceil() as usize);
        } else {
            self.stamp(frame, x, y, light, RADIUS);
            let (column, row) = (x.floor() + 0.5 - x, y.floor() + 0.5 - y);
            let edge = RADIUS as f32 + 0.25;
            frame.add_disc((x, y), reach, light, |dx, dy| {
                if (dx - column).abs() < edge && (dy - row).abs() < edge {
                    return 0.0;
                }
                let at = self.r2(dx, dy).sqrt() * WING_STEPS;
                let step = (at as usize).min(self.wings.len() - 2);
                let t = at - step as f32;
                self.wings[step] * (1.0 - t) + self.wings[step + 1] * t
            });
        }
    }

    /// Adds the precomputed image, out to `radius` pixels from the star's own.
    fn stamp(&self, frame: &mut Frame, x: f32, y: f32, light: [f32; 3], radius: usize) {
        let (column, row) = (x.floor(), y.floor());
        let phase = |part: f32| ((part * PHASES as f32) as usize).min(PHASES - 1);
        let phase = phase(y - row) * PHASES + phase(x - column);
        let stamp = &self.stamps[phase * SIDE * SIDE..(phase + 1) * SIDE * SIDE];
        let (column, row, radius) = (column as isize, row as isize, radius as isize);
        let last = frame.size as isize - 1;
        let (left, right) = ((column - radius).max(0), (column + radius).min(last));
        if left > right {
            return;
        }
        for line in (row - radius).max(0)..=(row + radius).min(last) {
            // In bounds of the stamp, because of the clamps above and radius <= RADIUS.
            let from = (line - row + RADIUS as isize) as usize * SIDE
                + (left - column + RADIUS as isize) as usize;
            let to = line as usize * frame.size + left as usize;
            let count = (right - left + 1) as usize;
            for (pixel, weight) in
                frame.pixels[to..to + count].iter_mut().zip(&stamp[from..from + count])
            {
                add(pixel, light, *weight);
            }
        }
    }
}
