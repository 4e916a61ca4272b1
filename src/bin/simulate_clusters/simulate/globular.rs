//! Globular clusters: old stars in a King profile; the faint ones merge into a glow.

use super::colour;
use super::dice::Dice;
use super::king::King;
use super::scene::{Glow, Placement, Scene, field_stars};
use super::star::Star;
use super::tables::{self, OldStars, flux};
use rand_distr::{Distribution, Poisson};

/// On average at most this many stars are drawn one by one; the fainter ones make up the glow.
const RESOLVED: f32 = 6000.0;

/// Arc seconds in a radian.
const RADIAN: f32 = 206_265.0;

/// Stars on the horizontal branch per giant brighter than it (Buzzoni et al. 1983, A&A 128, 94:
/// about 1.4 at Y = 0.24).
const HORIZONTAL_PER_GIANT: f32 = 1.3;

/// M_V of the flat part of the horizontal branch.
const HORIZONTAL: f32 = 0.6;

/// A globular cluster and its field. The ranges are those of the clusters of the Milky Way (Harris
/// 1996, AJ 112, 1487); luminous ones are drawn more often, as photographers prefer them.
pub(super) fn scene(dice: &mut Dice) -> Scene {
    // −4.8 is the M_V of a faint Palomar cluster; −9.6 is between M 13 and Omega Centauri.
    let total = -4.8 - 4.8 * dice.unit().powf(0.7);
    let core = dice.log_range(0.35, 3.0); // parsecs
    let concentration = dice.range(0.8, 2.1);
    let parsecs = dice.log_range(3000.0, 18_000.0);
    let reddening = 0.6 * dice.unit().powi(3);
    let axis = 1.0 - 0.18 * dice.unit();
    let blueness = dice.unit();

    let core = core / parsecs * RADIAN;
    let profile = King::new(f64::from(core), f64::from(core * 10f32.powf(concentration)));
    // Photographers choose a field that fits the cluster, within what the telescope allows.
    let field = (profile.half() as f32 * dice.log_range(3.0, 9.0)).clamp(240.0, 3600.0);
    let placement = Placement::draw(dice, 0.10 * field, axis);
    let distance = 5.0 * (parsecs / 10.0).log10() + colour::extinction(reddening);

    let cluster = Cluster { total, blueness, profile, placement, distance, reddening };
    let (members, glow) = cluster.stars(dice);
    // Field stars are few high above the Galaxy's plane, and many in front of its bulge.
    let density = dice.log_range(80.0, 700.0) * (1.0 + 6.0 * reddening);
    let field_stars = field_stars(dice, field, density, reddening);
    Scene { field, members, field_stars, glow, nebula: None }
}

struct Cluster {
    /// M_V of the whole cluster.
    total: f32,
    /// Blueness of the horizontal branch: 0 is a red clump, 1 has a long blue tail.
    blueness: f32,
    /// Lengths are in arc seconds.
    profile: King,
    placement: Placement,
    /// Apparent minus absolute magnitude, including extinction by dust.
    distance: f32,
    reddening: f32,
}

impl Cluster {
    /// The bright stars, and the light of the faint ones.
    fn stars(&self, dice: &mut Dice) -> (Vec<Star>, Option<Glow>) {
        let old = OldStars::new();
        let per_unit = flux(self.total) / old.light();
        let limit = old.magnitude(RESOLVED / per_unit).min(9.0);
        let (resolved, resolved_light) = old.brighter(limit);
        let mut stars = Vec::with_capacity(8192);
        for _ in 0..poisson(dice, resolved * per_unit) {
            let magnitude = old.magnitude(dice.fresh() * resolved);
            let kelvin = tables::old_star(magnitude) * (1.0 + 0.015 * dice.normal());
            stars.push(self.member(dice, magnitude, kelvin));
        }
        let giants = old.brighter(HORIZONTAL).0 * per_unit;
        for _ in 0..poisson(dice, HORIZONTAL_PER_GIANT * giants) {
            let (magnitude, kelvin) = horizontal_branch(dice, self.blueness);
            stars.push(self.member(dice, magnitude, kelvin));
        }
        let faint = (old.light() - resolved_light).max(0.0) * per_unit;
        let glow = (faint > 0.0).then(|| Glow {
            profile: self.profile,
            placement: self.placement,
            magnitude: self.distance - 2.5 * faint.log10(),
            kelvin: tables::old_star(limit.max(5.0)) - 300.0,
            reddening: self.reddening,
        });
        (stars, glow)
    }

    /// A star of M_V `magnitude` at a random place in the cluster.
    fn member(&self, dice: &mut Dice, magnitude: f32, kelvin: f32) -> Star {
        let r = self.profile.sample(&mut dice.rng) as f32;
        let angle = std::f32::consts::TAU * dice.fresh();
        let (x, y) = self.placement.place(r * angle.cos(), r * angle.sin());
        let (magnitude, reddening) = (magnitude + self.distance, self.reddening);
        Star { x, y, magnitude, kelvin, reddening }
    }
}

/// A star of the horizontal branch: M_V and temperature.
fn horizontal_branch(dice: &mut Dice, blueness: f32) -> (f32, f32) {
    let middle = 5200.0 + 5500.0 * blueness;
    let kelvin = (middle * (0.22 * dice.normal()).exp()).clamp(5000.0, 20_000.0);
    // Above 9000 K the light shifts into the ultraviolet and the branch turns down.
    let magnitude = HORIZONTAL + 0.10 * dice.normal() + 2.2 * (kelvin / 9000.0).ln().max(0.0);
    (magnitude, kelvin)
}

fn poisson(dice: &mut Dice, mean: f32) -> usize {
    // `new` fails if the mean is 0, infinite or NaN: then there is nothing to draw.
    Poisson::new(mean).map_or(0, |law| law.sample(&mut dice.rng) as usize)
}
