//! Facts about stars as short tables: the main sequence, the mass function, the stars of an old
//! cluster.

/// Linear interpolation in rows of (x, y, z) with rising x; constant beyond the ends.
fn lookup(rows: &[[f32; 3]], x: f32) -> (f32, f32) {
    let next = rows.partition_point(|row| row[0] < x).clamp(1, rows.len() - 1);
    let (a, b) = (rows[next - 1], rows[next]);
    let t = ((x - a[0]) / (b[0] - a[0])).clamp(0.0, 1.0);
    (a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2]))
}

/// log10 of the mass in suns, absolute magnitude M_V, log10 of the temperature in kelvin, for
/// dwarfs M6 to O6; rounded from Pecaut & Mamajek (2013, ApJS 208, 9) and its later extensions.
const DWARFS: [[f32; 3]; 16] = [
    [-1.00, 16.5, 3.447], // M6
    [-0.64, 12.6, 3.505],
    [-0.36, 10.1, 3.550],
    [-0.24, 8.8, 3.585], // M0
    [-0.15, 7.3, 3.647],
    [-0.06, 5.8, 3.722], // K0
    [0.000, 4.8, 3.761],
    [0.025, 4.4, 3.773], // G0
    [0.124, 3.4, 3.816],
    [0.207, 2.5, 3.859], // F0
    [0.279, 2.0, 3.907],
    [0.362, 1.1, 3.987], // A0
    [0.529, 0.3, 4.097],
    [0.672, -0.6, 4.196], // B5
    [0.863, -1.9, 4.314],
    [1.550, -5.0, 4.590], // O6
];

/// M_V and temperature (kelvin) of a main-sequence star of `mass` suns.
pub(crate) fn dwarf(mass: f32) -> (f32, f32) {
    let (magnitude, log_kelvin) = lookup(&DWARFS, mass.log10());
    (magnitude, 10f32.powf(log_kelvin))
}

/// Mass in suns at a cluster's turn-off, and M_V and temperature of its red giants: from the red
/// clump of old clusters to the red supergiants of young ones. Rounded from the Hyades, M 67, M 11,
/// NGC 457, and h and χ Persei.
const GIANTS: [[f32; 3]; 6] = [
    [1.2, 0.9, 4700.0],
    [2.2, 0.6, 4900.0],
    [3.0, -0.6, 4700.0],
    [5.0, -2.3, 4300.0],
    [9.0, -4.6, 3800.0],
    [20.0, -5.6, 3600.0],
];

/// M_V and temperature (kelvin) of the typical red giant of a cluster whose turn-off is at `mass`
/// suns.
pub(crate) fn giant(mass: f32) -> (f32, f32) {
    lookup(&GIANTS, mass)
}

/// The mass, in suns, at the turn-off of a cluster of `years`: hydrogen lasts 10¹⁰ years · M^−2.5.
pub(crate) fn turn_off(years: f32) -> f32 {
    (years / 1e10).powf(-0.4)
}

/// The mass, from 0.15 to 40 suns, that a fraction `u` of new stars is below (Kroupa 2001, MNRAS
/// 322, 231: slope −1.3 up to half a sun, then Salpeter's −2.3).
pub(crate) fn kroupa(u: f32) -> f32 {
    const LOW: f32 = 0.15;
    const BREAK: f32 = 0.5;
    const HIGH: f32 = 40.0;
    // The number of stars in a segment of slope −(1+p) is (a^−p − b^−p)/p. The second segment is
    // scaled to continue the first.
    let segment = |p: f32, a: f32, b: f32| (a.powf(-p) - b.powf(-p)) / p;
    let (first, second) = (segment(0.3, LOW, BREAK), segment(1.3, BREAK, HIGH) * BREAK);
    let n = u * (first + second);
    if n < first {
        (LOW.powf(-0.3) - 0.3 * n).powf(-1.0 / 0.3)
    } else {
        (BREAK.powf(-1.3) - 1.3 * (n - first) / BREAK).powf(-1.0 / 1.3)
    }
}

/// M_V, log10 of the number of stars per magnitude (any unit), temperature in kelvin: the main
/// sequence, turn-off and red giant branch of an old metal-poor cluster (12 Gyr, turn-off near 0.8
/// suns). Read off the luminosity functions and colour-magnitude diagrams of M 3, M 13 and M 92
/// (Sandage 1957; Piotto & Zoccali 1999), to about 0.15 dex and 150 K.
const OLD: [[f32; 3]; 14] = [
    [-2.4, -0.10, 3950.0], // the tip of the giant branch
    [-1.5, 0.30, 4350.0],
    [-0.5, 0.70, 4700.0],
    [0.5, 1.02, 4950.0],
    [2.0, 1.42, 5200.0],
    [3.0, 1.70, 5450.0],
    [3.5, 2.10, 5950.0], // subgiants
    [4.0, 2.50, 6450.0], // the turn-off
    [5.0, 2.75, 6100.0],
    [6.0, 2.85, 5500.0],
    [7.0, 2.95, 4950.0],
    [8.0, 3.05, 4500.0],
    [10.0, 3.20, 3900.0],
    [12.0, 3.10, 3500.0],
];

/// The temperature, in kelvin, of an old star of this M_V that is not on the horizontal branch.
pub(crate) fn old_star(magnitude: f32) -> f32 {
    lookup(&OLD, magnitude).1
}

/// Cumulative number and light of the stars of an old cluster, from the brightest down.
pub(crate) struct OldStars {
    /// M_V at the faint edge of the bin, the number of brighter stars, and their light in units of
    /// a star of M_V = 0.
    bins: Vec<[f32; 3]>,
}

impl OldStars {
    const BIN: f32 = 0.1;

    /// Numbers of stars are in the table's arbitrary unit.
    pub(crate) fn new() -> Self {
        let (first, last) = (OLD[0][0], OLD[OLD.len() - 1][0]);
        let steps = ((last - first) / Self::BIN).round() as usize;
        let mut bins = vec![[first, 0.0, 0.0]];
        let (mut stars, mut light) = (0.0, 0.0);
        for i in 0..steps {
            let middle = first + (i as f32 + 0.5) * Self::BIN;
            let n = 10f32.powf(lookup(&OLD, middle).0) * Self::BIN;
            stars += n;
            light += n * flux(middle);
            bins.push([middle + 0.5 * Self::BIN, stars, light]);
        }
        Self { bins }
    }

    /// The number of stars brighter than this M_V, and their light.
    pub(crate) fn brighter(&self, magnitude: f32) -> (f32, f32) {
        lookup(&self.bins, magnitude)
    }

    /// The light of all stars.
    pub(crate) fn light(&self) -> f32 {
        self.bins[self.bins.len() - 1][2]
    }

    /// The M_V that `n` stars are brighter than.
    pub(crate) fn magnitude(&self, n: f32) -> f32 {
        let next = self.bins.partition_point(|bin| bin[1] < n).clamp(1, self.bins.len() - 1);
        let (a, b) = (self.bins[next - 1], self.bins[next]);
        a[0] + ((n - a[1]) / (b[1] - a[1])).clamp(0.0, 1.0) * (b[0] - a[0])
    }
}

/// The light of a star of magnitude `m`, in units of one of magnitude 0.
pub(crate) fn flux(m: f32) -> f32 {
    10f32.powf(-0.4 * m)
}
