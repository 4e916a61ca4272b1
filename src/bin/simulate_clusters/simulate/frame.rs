//! The light that falls on the CCD, as electrons per pixel and colour.

use super::scene::Glow;
use super::star::Star;
use super::tables::flux;
use super::telescope::{Spikes, Telescope};

/// Electrons in red, green and blue, row after row from the top.
pub(super) struct Frame {
    pub(super) size: usize,
    pub(super) pixels: Vec<[f32; 3]>,
}

impl Frame {
    /// The sky alone.
    pub(super) fn of_sky(telescope: &Telescope, size: usize) -> Self {
        let mut frame = Self { size, pixels: vec![[0.0; 3]; size * size] };
        let [right, down] = telescope.gradient;
        let half = 0.5 * telescope.scale * size as f32;
        frame.add_surface(telescope.scale, |x, y| {
            let tilt = 1.0 + 0.5 * (right * x + down * y) / half;
            telescope.sky.map(|sky| sky * tilt)
        });
        frame
    }

    /// Adds `light(x, y)` to each pixel, with x and y in arc seconds from the middle.
    pub(super) fn add_surface(&mut self, scale: f32, light: impl Fn(f32, f32) -> [f32; 3]) {
        let middle = 0.5 * self.size as f32;
        for (row, line) in self.pixels.chunks_exact_mut(self.size).enumerate() {
            let y = (row as f32 + 0.5 - middle) * scale;
            for (column, pixel) in line.iter_mut().enumerate() {
                add(pixel, light((column as f32 + 0.5 - middle) * scale, y), 1.0);
            }
        }
    }

    /// Adds the unresolved stars of a globular cluster.
    pub(super) fn add_glow(&mut self, telescope: &Telescope, glow: &Glow) {
        let scale = telescope.scale;
        let total =
            telescope.electrons * flux(glow.magnitude) * scale * scale / glow.profile.norm() as f32;
        let colour = super::colour::star(glow.kelvin, glow.reddening).map(|c| c * total);
        self.add_surface(scale, |x, y| {
            let density = glow.profile.density_at(f64::from(glow.placement.radius2(x, y))) as f32;
            colour.map(|c| c * density)
        });
    }

    /// Adds `light` times `weight(dx, dy)` to the pixels within `reach` of `at`, where (dx, dy)
    /// leads from `at` to the middle of the pixel.
    pub(super) fn add_disc(
        &mut self,
        at: (f32, f32),
        reach: f32,
        light: [f32; 3],
        weight: impl Fn(f32, f32) -> f32,
    ) {
        let (x, y) = at;
        let last = self.size as f32 - 1.0;
        let (top, bottom) =
            ((y - 0.5 - reach).ceil().max(0.0), (y - 0.5 + reach).floor().min(last));
        let mut row = top;
        while row <= bottom {
            let dy = row + 0.5 - y;
            let half = (reach * reach - dy * dy).max(0.0).sqrt();
            let (left, right) =
                ((x - 0.5 - half).ceil().max(0.0), (x - 0.5 + half).floor().min(last));
            if left <= right {
                let start = row as usize * self.size;
                let line = &mut self.pixels[start + left as usize..=start + right as usize];
                for (i, pixel) in line.iter_mut().enumerate() {
                    add(pixel, light, weight(left + i as f32 + 0.5 - x, dy));
                }
            }
            row += 1.0;
        }
    }

    /// Adds light at a point, divided among the four pixels around it.
    fn add_point(&mut self, x: f32, y: f32, light: [f32; 3]) {
        let (x, y) = (x - 0.5, y - 0.5);
        let last = self.size as f32 - 1.0;
        if !(x >= 0.0 && y >= 0.0 && x < last && y < last) {
            return;
        }
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = (x - column as f32, y - row as f32);
        let at = row * self.size + column;
        add(&mut self.pixels[at], light, (1.0 - fx) * (1.0 - fy));
        add(&mut self.pixels[at + 1], light, fx * (1.0 - fy));
        add(&mut self.pixels[at + self.size], light, (1.0 - fx) * fy);
        add(&mut self.pixels[at + self.size + 1], light, fx * fy);
    }

    /// Adds the spikes of a star of `light` electrons, out to where they fall below `floor`
    /// electrons a pixel.
    pub(super) fn add_spikes(
        &mut self,
        x: f32,
        y: f32,
        light: [f32; 3],
        spikes: &Spikes,
        floor: f32,
    ) {
        const STEP: f32 = 0.5;
        // Diffraction scales with the wavelength: red spikes are longer, and fainter at the base.
        let lengths: [f32; 3] = std::array::from_fn(|c| {
            spikes.length * super::colour::WAVELENGTHS[c] / super::colour::WAVELENGTHS[1]
        });
        // The integral of 1/(1+(t/l)²) from 0 to infinity over four arms is 2πl.
        let bases: [f32; 3] = std::array::from_fn(|c| {
            light[c] * spikes.fraction * STEP / (2.0 * std::f32::consts::PI * lengths[c])
        });
        let brightest = bases.into_iter().fold(0.0, f32::max) / STEP;
        if brightest <= floor {
            return;
        }
        let reach = (lengths[0] * (brightest / floor - 1.0).sqrt()).min(1.5 * self.size as f32);
        for arm in 0..4u8 {
            let angle = spikes.angle + f32::from(arm) * std::f32::consts::FRAC_PI_2;
            let (sin, cos) = angle.sin_cos();
            for step in 1..(reach / STEP) as usize {
                let t = step as f32 * STEP;
                let light = std::array::from_fn(|c| bases[c] / (1.0 + (t / lengths[c]).powi(2)));
                self.add_point(x + t * cos, y + t * sin, light);
            }
        }
    }

    /// A star's position in pixels from the top left corner.
    pub(super) fn position(&self, telescope: &Telescope, star: &Star) -> (f32, f32) {
        let middle = 0.5 * self.size as f32;
        (star.x / telescope.scale + middle, star.y / telescope.scale + middle)
    }
}

/// Adds `light` times `weight` to a pixel.
pub(super) fn add(pixel: &mut [f32; 3], light: [f32; 3], weight: f32) {
    for (sum, light) in pixel.iter_mut().zip(light) {
        *sum += light * weight;
    }
}
