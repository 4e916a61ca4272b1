//! What the telescope points at: stars, the light of those too faint to be seen one by one, and
//! dust.

use super::dice::Dice;
use super::king::King;
use super::nebula::Nebula;
use super::star::Star;

/// The cluster's position in the field, its position angle and its flattening.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    x: f32,
    y: f32,
    sin: f32,
    cos: f32,
    axis: f32,
}

impl Placement {
    /// Draws a centre within `offset` arc seconds of the field's centre along each side, and any
    /// position angle. The minor axis is `axis` times the major one.
    pub(super) fn draw(dice: &mut Dice, offset: f32, axis: f32) -> Self {
        let angle = std::f32::consts::TAU * dice.fresh();
        let (x, y) = (offset * (2.0 * dice.fresh() - 1.0), offset * (2.0 * dice.fresh() - 1.0));
        Self { x, y, sin: angle.sin(), cos: angle.cos(), axis }
    }

    /// Turns coordinates along the cluster's own axes into the photograph's.
    pub(super) fn place(&self, u: f32, v: f32) -> (f32, f32) {
        let v = v * self.axis;
        (self.x + u * self.cos - v * self.sin, self.y + u * self.sin + v * self.cos)
    }

    /// The square of the distance from the centre, along the cluster's own axes.
    pub(super) fn radius2(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - self.x, y - self.y);
        let (u, v) = (x * self.cos + y * self.sin, (y * self.cos - x * self.sin) / self.axis);
        u * u + v * v
    }
}

/// The summed light of stars too faint to be drawn one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glow {
    /// Its surface density, in arc seconds.
    pub(crate) profile: King,
    /// Its position and shape.
    pub(crate) placement: Placement,
    /// Its total apparent magnitude in V.
    pub(crate) magnitude: f32,
    /// Its mean temperature in kelvin.
    pub(crate) kelvin: f32,
    /// Colour excess E(B−V), in magnitudes.
    pub(crate) reddening: f32,
}

/// Everything in the field of one photograph.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// The side of the square field, in arc seconds.
    pub(crate) field: f32,
    /// The stars of the cluster.
    pub(crate) members: Vec<Star>,
    /// The stars in front of and behind it.
    pub(crate) field_stars: Vec<Star>,
    /// The unresolved light of a globular cluster.
    pub(crate) glow: Option<Glow>,
    /// Dust lit by the bright stars of a young cluster.
    pub(super) nebula: Option<Nebula>,
}

/// At most this many field stars are drawn; any fainter ones count as sky background.
const FIELD_STARS: f32 = 1800.0;

/// The number of the Galaxy's stars grows with the magnitude m as 10^0.35m, between 0.25 at the
/// poles and 0.4 in the plane (Bahcall & Soneira 1980, ApJS 44, 73, near m = 15).
const SLOPE: f32 = 0.35;

/// The stars of the Galaxy in front of and behind the cluster. `density` per square degree are
/// brighter than V = 15; the distant ones are behind up to `dust` magnitudes of E(B−V).
pub(super) fn field_stars(dice: &mut Dice, field: f32, density: f32, dust: f32) -> Vec<Star> {
    let to_15 = density * (field / 3600.0).powi(2);
    let faintest = (15.0 + (FIELD_STARS / to_15.max(1e-3)).log10() / SLOPE).min(21.0);
    let count = to_15 * 10f32.powf(SLOPE * (faintest - 15.0));
    let count = (count + count.sqrt() * dice.normal()).round().max(0.0) as usize;
    let mut star = || {
        // 1 − u is in (0, 1], so its logarithm is finite.
        let magnitude = faintest + (1.0 - dice.fresh()).log10() / SLOPE;
        Star {
            x: field * (dice.fresh() - 0.5),
            y: field * (dice.fresh() - 0.5),
            magnitude,
            kelvin: field_kelvin(dice),
            reddening: dust * dice.fresh() * ((magnitude - 6.0) / 10.0).clamp(0.0, 1.0),
        }
    };
    (0..count).map(|_| star()).collect()
}

/// The temperature of a field star: mostly F to K dwarfs and K giants, some A and B stars.
fn field_kelvin(dice: &mut Dice) -> f32 {
    let (centre, spread) = match dice.fresh() {
        u if u < 0.10 => (9500.0, 0.18),
        u if u < 0.55 => (6000.0, 0.10),
        u if u < 0.93 => (4750.0, 0.09),
        _ => (3700.0, 0.06),
    };
    centre * (spread * dice.normal()).exp()
}
