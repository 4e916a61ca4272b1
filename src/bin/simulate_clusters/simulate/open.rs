//! Open clusters: tens to thousands of stars of one age, scattered loosely or in clumps, in the
//! plane of the Galaxy.

use super::colour;
use super::dice::Dice;
use super::fractal;
use super::king::King;
use super::nebula::Nebula;
use super::scene::{Placement, Scene, field_stars};
use super::star::Star;
use super::tables;

/// Arc seconds in a radian.
const RADIAN: f32 = 206_265.0;

/// Stars fainter than this magnitude are left out: no exposure shows them.
const FAINTEST: f32 = 21.0;

/// Stars between one and this many turn-off masses are red giants. Since lifetimes go as M^−2.5,
/// stars are giants for an eighth of their life.
const GIANT_MASSES: f32 = 1.05;

/// An open cluster and its field. The ranges are those of the clusters in Messier's list
/// (Kharchenko et al. 2013, A&A 558, A53), up to the rich ones, such as M 11 and NGC 2158.
pub(super) fn scene(dice: &mut Dice) -> Scene {
    let years = dice.log_range(5e6, 4e9);
    // The number of stars above 0.15 suns. Older clusters are richer: the poor ones have dissolved.
    let old = (years / 3e8).clamp(0.5, 3.0);
    let count = (dice.log_range(150.0, 3500.0) * old.sqrt()).min(5000.0) as usize;
    let half = dice.log_range(0.8, 3.5); // parsecs, of the projected half-number radius
    let parsecs = dice.log_range(250.0, 4500.0);
    let reddening =
        (0.1 + 0.7 * dice.unit().powi(2)) * (parsecs / 2500.0).powf(0.6).clamp(0.1, 1.0);
    let axis = 1.0 - 0.35 * dice.unit();
    // Young clusters still show the clumps they were born in.
    let clumpy = dice.chance(if years < 5e7 { 0.75 } else { 0.3 });
    let dimension = dice.range(1.7, 2.6);
    let segregation = dice.range(0.0, 0.5);
    let nebulous = years < 8e7 && dice.chance(0.6);

    let half = half / parsecs * RADIAN;
    let field = (half * dice.log_range(2.2, 6.5)).clamp(300.0, 7200.0);
    let placement = Placement::draw(dice, 0.12 * field, axis);
    let distance = 5.0 * (parsecs / 10.0).log10() + colour::extinction(reddening);
    let concentration = dice.range(0.45, 1.1);

    let cluster = Cluster { years, segregation, placement, distance, reddening };
    let masses: Vec<f32> = (0..count).map(|_| tables::kroupa(dice.fresh())).collect();
    let positions = match clumpy {
        true => fractal::positions(&mut dice.rng, count, dimension, half),
        false => king_positions(dice, count, &king_of_half(half, concentration)),
    };
    let members = cluster.stars(dice, masses, positions);
    let nebula = nebulous.then(|| Nebula::around(&members, dice, field, years));
    let density = dice.log_range(200.0, 1600.0);
    let field_stars = field_stars(dice, field, density, 1.2 * reddening);
    Scene { field, members, field_stars, glow: None, nebula }
}

struct Cluster {
    /// The age.
    years: f32,
    /// A star's distance from the centre shrinks with its mass to this power.
    segregation: f32,
    placement: Placement,
    /// Apparent minus absolute magnitude, including extinction by dust.
    distance: f32,
    reddening: f32,
}

impl Cluster {
    /// The stars that still shine and are bright enough. `positions` are in arc seconds from the
    /// cluster's centre.
    fn stars(&self, dice: &mut Dice, masses: Vec<f32>, positions: Vec<(f32, f32)>) -> Vec<Star> {
        let turn_off = tables::turn_off(self.years);
        let mut stars = Vec::with_capacity(4096);
        for (mass, (u, v)) in masses.into_iter().zip(positions) {
            let Some((magnitude, kelvin)) = member(dice, mass, turn_off) else { continue };
            let magnitude = magnitude + self.distance;
            if magnitude > FAINTEST {
                continue;
            }
            // Encounters bring the massive stars to the middle.
            let shrink = mass.max(0.5).powf(-self.segregation);
            let (x, y) = self.placement.place(u * shrink, v * shrink);
            // Dust is patchy, all the more in front of young clusters.
            let reddening = (self.reddening * (1.0 + 0.12 * dice.normal())).max(0.0);
            stars.push(Star { x, y, magnitude, kelvin, reddening });
        }
        stars
    }
}

fn king_positions(dice: &mut Dice, count: usize, profile: &King) -> Vec<(f32, f32)> {
    let mut position = || {
        let r = profile.sample(&mut dice.rng) as f32;
        let angle = std::f32::consts::TAU * dice.fresh();
        (r * angle.cos(), r * angle.sin())
    };
    (0..count).map(|_| position()).collect()
}

/// M_V and temperature of a member of `mass` suns; `None` once it is a white dwarf or a neutron
/// star.
fn member(dice: &mut Dice, mass: f32, turn_off: f32) -> Option<(f32, f32)> {
    let (magnitude, kelvin) = if mass < turn_off {
        let (magnitude, kelvin) = tables::dwarf(mass);
        // On the main sequence a star brightens by about a magnitude and cools, slowly at first.
        let age = (mass / turn_off).powi(4);
        (magnitude - age, kelvin * (1.0 - 0.12 * age))
    } else if mass < GIANT_MASSES * turn_off {
        let (magnitude, kelvin) = tables::giant(turn_off);
        // Half are in the red clump; the others climb the branch, where fainter ones are hotter.
        let climb = if dice.fresh() < 0.5 { 0.2 * dice.normal() } else { 2.4 * dice.fresh() - 1.0 };
        (magnitude + climb, kelvin + 220.0 * climb)
    } else {
        return None;
    };
    // Four in ten have a companion, fainter than the star by the fourth power of the mass ratio.
    let ratio = if dice.fresh() < 0.4 { dice.fresh() } else { 0.0 };
    Some((magnitude - 2.5 * (1.0 + ratio.powi(4)).log10(), kelvin))
}

/// The King profile with half its stars within `half`.
fn king_of_half(half: f32, concentration: f32) -> King {
    let unit = King::new(1.0, f64::from(10f32.powf(concentration)));
    let core = f64::from(half) / unit.half();
    King::new(core, core * unit.tidal())
}
