//! King's (1962, AJ 67, 471) empirical law for the surface density of star clusters:
//! f(r) ∝ [(1 + (r/r_c)²)^−½ − (1 + (r_t/r_c)²)^−½]² within the tidal radius r_t, nothing beyond.

use rand::{Rng, RngExt};

/// A King profile. All lengths are in the same unit, whichever that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct King {
    /// The core radius.
    core: f64,
    /// 1 + (r_t/r_c)².
    edge: f64,
}

impl King {
    /// A profile with these core and tidal radii. Both must be positive, and the tidal radius the
    /// larger.
    pub(crate) fn new(core: f64, tidal: f64) -> Self {
        let core = core.max(f64::MIN_POSITIVE);
        Self { core, edge: 1.0 + (tidal.max(core) / core).powi(2) }
    }

    /// The tidal radius.
    pub(crate) fn tidal(&self) -> f64 {
        self.core * (self.edge - 1.0).sqrt()
    }

    /// The fraction of the stars within `r` of the centre (King 1962, equation 18).
    pub(crate) fn within(&self, r: f64) -> f64 {
        self.sum((r / self.core).powi(2)) / self.sum(self.edge - 1.0)
    }

    /// The projected radius that half the stars lie within.
    pub(crate) fn half(&self) -> f64 {
        let (mut low, mut high) = (0.0, self.tidal());
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if self.within(middle) < 0.5 { low = middle } else { high = middle }
        }
        low
    }

    /// The distance of a random star from the centre.
    pub(crate) fn sample(&self, rng: &mut impl Rng) -> f64 {
        // Rejection sampling: the law without its second term, 1/(1+x) in x = (r/r_c)², is never
        // below it and can be inverted in closed form.
        loop {
            let y = self.edge.powf(rng.random());
            let keep = (1.0 - (y / self.edge).sqrt()).powi(2);
            if rng.random::<f64>() < keep {
                return self.core * (y - 1.0).sqrt();
            }
        }
    }

    /// The integral of [`King::density_at`] over the cluster.
    pub(crate) fn norm(&self) -> f64 {
        std::f64::consts::PI * self.core * self.core * self.sum(self.edge - 1.0)
    }

    /// The law at the square of a distance, which saves a square root for each pixel.
    pub(crate) fn density_at(&self, r2: f64) -> f64 {
        let y = 1.0 + r2 / (self.core * self.core);
        if y >= self.edge { 0.0 } else { (y.sqrt().recip() - self.edge.sqrt().recip()).powi(2) }
    }

    /// The integral of the law from 0 to x = (r/r_c)².
    fn sum(&self, x: f64) -> f64 {
        let x = x.min(self.edge - 1.0);
        x.ln_1p() - 4.0 * ((1.0 + x).sqrt() - 1.0) / self.edge.sqrt() + x / self.edge
    }
}
