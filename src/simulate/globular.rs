//! Globular clusters: old stars in a King profile, the faint ones of which melt into a glow.

use super::colour;
use super::dice::Dice;
use super::king::King;
use super::scene::{Glow, Placement, Scene, Star, add_field_stars};
use super::tables::{self, OldStars, flux};
use rand_distr::{Distribution, Poisson};

/// The most stars drawn one by one, on average; the fainter ones are the glow.
const RESOLVED: f32 = 6000.0;

/// Arc seconds in a radian.
const RADIAN: f32 = 206_265.0;

/// Stars on the horizontal branch per giant brighter than it (Buzzoni et al. 1983, A&A 128, 94:
/// about 1.4 at Y = 0.24).
const HORIZONTAL_PER_GIANT: f32 = 1.3;

/// M_V of the horizontal branch where it is horizontal.
const HORIZONTAL: f32 = 0.6;

/// A globular cluster and its field. The ranges are those of the clusters of the Milky Way (Harris
/// 1996, AJ 112, 1487), with the luminous ones preferred, as they are by photographers.
pub(super) fn scene(dice: &mut Dice) -> Scene {
    // M_V = −4.8 is one of the Palomar clusters, −9.6 is between M 13 and Omega Centauri.
    let total = -4.8 - 4.8 * dice.unit().powf(0.7);
    let core = dice.log_range(0.35, 3.0); // parsecs
    let concentration = dice.range(0.8, 2.1);
    let parsecs = dice.log_range(3000.0, 18_000.0);
    let reddening = 0.6 * dice.unit().powi(3);
    let axis = 1.0 - 0.18 * dice.unit();
    let blueness = dice.unit();

    let core = core / parsecs * RADIAN;
    let profile = King::new(f64::from(core), f64::from(core * 10f32.powf(concentration)));
    // The photographer fits the field to the cluster, within what the telescope has.
    let field = (profile.half() as f32 * dice.log_range(3.0, 9.0)).clamp(240.0, 3600.0);
    let placement = Placement::draw(dice, 0.10 * field, axis);
    let distance = 5.0 * (parsecs / 10.0).log10() + colour::extinction(reddening);

    let mut stars = Vec::with_capacity(8192);
    let old = OldStars::new();
    let per_unit = flux(total) / old.light();
    let limit = old.magnitude(RESOLVED / per_unit).min(9.0);
    let (resolved, resolved_light) = old.brighter(limit);
    let mut add = |dice: &mut Dice, magnitude: f32, kelvin: f32| {
        let r = profile.sample(&mut dice.rng) as f32;
        let angle = std::f32::consts::TAU * dice.fresh();
        let (x, y) = placement.place(r * angle.cos(), r * angle.sin());
        stars.push(Star { x, y, magnitude: magnitude + distance, kelvin, reddening, member: true });
    };
    for _ in 0..poisson(dice, resolved * per_unit) {
        let magnitude = old.magnitude(dice.fresh() * resolved);
        let kelvin = tables::old_star(magnitude) * (1.0 + 0.015 * dice.normal());
        add(dice, magnitude, kelvin);
    }
    let giants = old.brighter(HORIZONTAL).0 * per_unit;
    for _ in 0..poisson(dice, HORIZONTAL_PER_GIANT * giants) {
        let (magnitude, kelvin) = horizontal_branch(dice, blueness);
        add(dice, magnitude, kelvin);
    }

    let faint = (old.light() - resolved_light).max(0.0) * per_unit;
    let glow = (faint > 0.0).then(|| Glow {
        profile,
        placement,
        magnitude: distance - 2.5 * faint.log10(),
        kelvin: tables::old_star(limit.max(5.0)) - 300.0,
        reddening,
    });
    // High above the plane there are few field stars, before the bulge there are many.
    let density = dice.log_range(80.0, 700.0) * (1.0 + 6.0 * reddening);
    add_field_stars(&mut stars, dice, field, density, reddening);
    Scene { field, stars, glow, nebula: None }
}

/// A star of the horizontal branch: M_V and temperature. `blueness` 0 gives a red clump, 1 a long
/// blue tail.
fn horizontal_branch(dice: &mut Dice, blueness: f32) -> (f32, f32) {
    let middle = 5200.0 + 5500.0 * blueness;
    let kelvin = (middle * (0.22 * dice.normal()).exp()).clamp(5000.0, 20_000.0);
    // Beyond 9000 K the light goes into the ultraviolet and the branch turns down.
    let magnitude = HORIZONTAL + 0.10 * dice.normal() + 2.2 * (kelvin / 9000.0).ln().max(0.0);
    (magnitude, kelvin)
}

fn poisson(dice: &mut Dice, mean: f32) -> usize {
    // An error means a mean of 0, infinity or NaN: there is nothing to draw.
    Poisson::new(mean).map_or(0, |law| law.sample(&mut dice.rng) as usize)
}
