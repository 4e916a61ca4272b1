//! A star as the simulation sees it: position, magnitude and colour.

use super::colour;

/// A star, or an unresolved pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Star {
    /// Arc seconds to the right of the photograph's centre.
    pub(crate) x: f32,
    /// Arc seconds below the centre.
    pub(crate) y: f32,
    /// Apparent magnitude in V, including extinction by dust.
    pub(crate) magnitude: f32,
    /// Temperature in kelvin.
    pub(crate) kelvin: f32,
    /// Colour excess E(B−V) of the dust in front of it, in magnitudes.
    pub(crate) reddening: f32,
}

impl Star {
    /// Its signals in red, green and blue, relative to green.
    pub(crate) fn colour(&self) -> [f32; 3] {
        colour::star(self.kelvin, self.reddening)
    }
}
