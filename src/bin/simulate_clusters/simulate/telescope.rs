//! Everything about an exposure except the scene: the telescope, the camera, the night and the
//! darkroom. All differ from photograph to photograph.

use super::dice::Dice;

/// Photons from a star of magnitude 0 through one of the three filters, per second and square
/// metre: the flux of Vega in V (3.6e-11 W m⁻² nm⁻¹, Bessell, Castelli & Plez 1998) over about 80
/// nm.
const PHOTONS: f32 = 7.9e9;

/// Everything about an exposure except the scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telescope {
    /// Electrons counted from a star of magnitude 0, in each colour.
    pub(super) electrons: f32,
    /// Side of a pixel in arc seconds.
    pub(super) scale: f32,
    /// Electrons from the sky in a pixel, in red, green and blue.
    pub(super) sky: [f32; 3],
    /// How much the sky brightens across the field to the right and down, as fractions of the sky.
    pub(super) gradient: [f32; 2],
    /// Read noise of the whole exposure in electrons.
    pub(super) read_noise: f32,
    /// Electrons that a pixel can hold.
    pub(super) full_well: f32,
    /// Whether full pixels spill along their column, rather than into a drain.
    pub(super) bleeds: bool,
    /// Full width at half maximum of a star in pixels.
    pub(super) width: f32,
    /// Moffat's exponent: 2.5 has wide wings, 4.8 is the turbulence limit (Trujillo et al. 2001).
    pub(super) wings: f32,
    /// Ratio of the axes of a star's image, and the angle of the major one, from guiding errors.
    pub(super) roundness: (f32, f32),
    /// Four rays on bright stars, from the vanes that hold a reflector's secondary mirror.
    pub(super) spikes: Option<Spikes>,
    /// The fraction of a bright star's light that the glass scatters into a halo, and the halo's
    /// radius in pixels.
    pub(super) halo: (f32, f32),
    /// How the picture is developed.
    pub(super) print: Print,
}

/// Diffraction spikes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spikes {
    /// The angle of one of them from the horizontal.
    pub(super) angle: f32,
    /// The fraction of the star's light that is in all four together.
    pub(super) fraction: f32,
    /// The length over which they fade in green, in pixels.
    pub(super) length: f32,
}

/// How electrons become grey levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    /// Where asinh turns from linear to logarithmic, in units of the noise of the sky.
    pub(super) softening: f32,
    /// The grey level of the sky, out of 255; below 0, part of the sky's noise is cut off.
    pub(super) pedestal: f32,
    /// The factor by which colours are moved away from grey; 0 is black and white.
    pub(super) saturation: f32,
    /// The signal printed white, as a fraction of that of the brightest stars.
    pub(super) white: f32,
    /// Smoothing against noise: the fraction of each pixel given to its neighbours.
    pub(super) smoothing: f32,
    /// Where the edges fade to black: the distance from the middle to half the brightness, as a
    /// fraction of the side.
    pub(super) vignette: f32,
}

impl Telescope {
    /// A telescope for a square photograph of `size` pixels and `field` arc seconds a side.
    pub(super) fn draw(dice: &mut Dice, field: f32, size: u32) -> Self {
        let scale = field / size as f32;
        let aperture = dice.log_range(0.10, 0.60);
        let seconds = dice.log_range(200.0, 3600.0);
        // Mirrors, filters and the CCD's quantum efficiency together.
        let efficiency = dice.range(0.2, 0.4);
        let electrons =
            PHOTONS * std::f32::consts::FRAC_PI_4 * aperture * aperture * seconds * efficiency;
        // Magnitudes per square arc second, from a town to a desert mountain.
        let sky = dice.range(18.8, 21.6);
        let level = electrons * 10f32.powf(-0.4 * sky) * scale * scale;
        let tint = dice.range(-0.15, 0.35);
        let tilt = 0.05 * dice.unit().powi(2);
        let direction = dice.range(0.0, std::f32::consts::TAU);
        // The seeing, in pixels. On wide fields it hardly matters next to the blur of lens, focus
        // and pixels.
        let seeing = dice.log_range(1.5, 4.0) / scale;
        let blur = dice.range(1.5, 2.7) * (size as f32 / 256.0).max(0.5);
        let reflector = dice.chance(0.45);
        Self {
            electrons,
            scale,
            sky: [level * (1.0 + tint), level, level * (1.0 - 0.5 * tint)],
            gradient: [tilt * direction.cos(), tilt * direction.sin()],
            read_noise: dice.log_range(8.0, 60.0),
            // Each short exposure is set so that the sky fills a fraction of the well.
            full_well: (level * dice.log_range(15.0, 120.0)).max(3e4),
            bleeds: dice.chance(0.2),
            width: seeing.hypot(blur).min(0.03 * size as f32),
            wings: dice.range(2.4, 4.5),
            roundness: (1.0 - 0.15 * dice.unit().powi(2), dice.range(0.0, std::f32::consts::PI)),
            spikes: reflector.then(|| Spikes {
                angle: dice.range(0.0, std::f32::consts::FRAC_PI_2),
                fraction: dice.log_range(0.01, 0.04),
                length: dice.range(0.03, 0.09) * size as f32,
            }),
            halo: (dice.log_range(0.004, 0.03), dice.range(0.02, 0.06) * size as f32),
            print: Print::draw(dice),
        }
    }
}

impl Print {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            softening: dice.log_range(40.0, 500.0),
            pedestal: dice.range(-8.0, 10.0),
            // One in eight is black and white, as from a monochrome camera or a survey plate.
            saturation: if dice.chance(0.12) { 0.0 } else { dice.range(0.8, 1.7) },
            white: dice.log_range(0.4, 1.6),
            smoothing: dice.range(0.3, 0.5),
            vignette: if dice.chance(0.4) { dice.range(0.40, 0.6) } else { 1.0 },
        }
    }
}
