//! Reflection nebulosity: dust in wisps, lit by the brightest stars of a young cluster.

use super::dice::Dice;
use super::star::Star;
use super::tables::flux;
use rand::RngExt;

/// At most this many stars, the brightest, light the dust.
const LAMPS: usize = 10;

/// Points along a side of the coarsest grid of dust.
const COARSE: usize = 4;
/// How many times the grid's spacing is halved.
const OCTAVES: usize = 5;

/// Dust, and the stars that light it.
#[derive(Clone, Debug)]
pub(super) struct Nebula {
    /// x and y in arc seconds, and light in red, green and blue in units of a star of magnitude 0.
    lamps: Vec<(f32, f32, [f32; 3])>,
    /// Column density of the dust on a square grid over the field, mean about 1.
    dust: Vec<f32>,
    /// Points along a side of the grid.
    points: usize,
    field: f32,
    /// The fraction of the light that dust of density 1 scatters.
    scattered: f32,
    /// Square of the distance between the dust and the stars along the line of sight, in square arc
    /// seconds.
    distance2: f32,
}

impl Nebula {
    /// Dust around the brightest of `stars`.
    pub(super) fn around(stars: &[Star], dice: &mut Dice, field: f32, years: f32) -> Self {
        let mut bright: Vec<&Star> = stars.iter().collect();
        bright.sort_by(|a, b| a.magnitude.total_cmp(&b.magnitude));
        let lamps = bright.iter().take(LAMPS).map(|star| {
            let [r, g, b] = star.colour();
            let light = flux(star.magnitude);
            // Small grains scatter blue light more, about as 1/λ. In the youngest clusters hydrogen
            // adds its red glow.
            let hydrogen = if years < 1e7 { 1.0 } else { 0.0 };
            (star.x, star.y, [light * (0.85 * r + hydrogen), light * g, light * 1.2 * b])
        });
        let lamps = lamps.collect();
        let (dust, points) = wisps(dice);
        Self {
            lamps,
            dust,
            points,
            field,
            scattered: dice.log_range(0.004, 0.05),
            distance2: (field * dice.range(0.03, 0.10)).powi(2),
        }
    }

    /// Surface brightness at (x, y), in arc seconds from the centre: stars of magnitude 0 per
    /// square arc second, in red, green and blue.
    pub(super) fn brightness(&self, x: f32, y: f32) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for (star_x, star_y, light) in &self.lamps {
            let r2 = (x - star_x).powi(2) + (y - star_y).powi(2) + self.distance2;
            let dilution = 1.0 / (4.0 * std::f32::consts::PI * r2);
            for (sum, light) in sum.iter_mut().zip(light) {
                *sum += light * dilution;
            }
        }
        let dust = self.scattered * self.density(x, y);
        sum.map(|light| light * dust)
    }

    /// The density of the dust at (x, y), interpolated bilinearly.
    fn density(&self, x: f32, y: f32) -> f32 {
        let last = (self.points - 1) as f32;
        let along = |x: f32| ((x / self.field + 0.5) * last).clamp(0.0, last - 0.001);
        bilinear(&self.dust, self.points, along(x), along(y))
    }
}

/// The value of a square grid, `points` along a side, at (x, y) in grid steps.
fn bilinear(grid: &[f32], points: usize, x: f32, y: f32) -> f32 {
    let (column, row) = (x as usize, y as usize);
    let (fx, fy) = (x - column as f32, y - row as f32);
    let at = row * points + column;
    let upper = grid[at] * (1.0 - fx) + grid[at + 1] * fx;
    let lower = grid[at + points] * (1.0 - fx) + grid[at + points + 1] * fx;
    upper * (1.0 - fy) + lower * fy
}

/// Turbulent dust: the exponential of noise whose power falls with the frequency. Returns the grid
/// and the number of points along its side.
fn wisps(dice: &mut Dice) -> (Vec<f32>, usize) {
    let mut points = COARSE;
    let mut grid: Vec<f32> = (0..points * points).map(|_| dice.normal()).collect();
    let mut amplitude = 1.0;
    for _ in 0..OCTAVES {
        let finer = 2 * points - 1;
        amplitude *= 0.55;
        let mut next = Vec::with_capacity(finer * finer);
        for row in 0..finer {
            for column in 0..finer {
                let last = points as f32 - 1.001;
                let (x, y) = ((0.5 * column as f32).min(last), (0.5 * row as f32).min(last));
                next.push(bilinear(&grid, points, x, y) + amplitude * dice.normal());
            }
        }
        (grid, points) = (next, finer);
    }
    let contrast = 0.4 + 0.5 * dice.rng.random::<f32>();
    for value in &mut grid {
        *value = (contrast * *value).exp();
    }
    (grid, points)
}
