//! Clumpy positions of stars, as in young clusters: a fractal made by repeatedly dividing a cube
//! (Goodwin & Whitworth 2004, A&A 413, 929).

use rand::{Rng, RngExt};

/// `count` projected positions in a fractal of `dimension` between 1.6 (all clumps) and 3 (none),
/// half of them within `half` of the centre.
pub(super) fn positions(
    rng: &mut impl Rng,
    count: usize,
    dimension: f32,
    half: f32,
) -> Vec<(f32, f32)> {
    // Each of a cube's eight children is kept with probability 2^(D−3).
    let keep = 2f32.powf(dimension - 3.0);
    let mut parents = vec![[0.0f32; 3]];
    let mut side = 1.0f32;
    // Twice as many as needed, because the corners are cut off.
    while parents.len() < 2 * count.max(1) {
        side *= 0.5;
        let mut children = Vec::with_capacity(parents.len() * 8);
        for parent in &parents {
            for corner in 0..8u32 {
                // The first division keeps all children, or the whole cluster could die out.
                if side == 0.5 || rng.random::<f32>() < keep {
                    // Noise hides the lattice.
                    children.push(std::array::from_fn(|axis| {
                        let sign = if corner >> axis & 1 == 0 { -1.0 } else { 1.0 };
                        parent[axis] + side * (sign + 0.6 * (rng.random::<f32>() - 0.5))
                    }));
                }
            }
        }
        if children.is_empty() {
            continue;
        }
        parents = children;
    }
    let mut inside: Vec<[f32; 3]> =
        parents.into_iter().filter(|p| p.iter().map(|x| x * x).sum::<f32>() < 1.0).collect();
    let mut positions = Vec::with_capacity(count);
    while positions.len() < count && !inside.is_empty() {
        let [x, y, _] = inside.swap_remove(rng.random_range(0..inside.len()));
        positions.push((x, y));
    }
    scale(&mut positions, half);
    positions
}

/// Centres the positions and scales them so that half lie within `half`.
fn scale(positions: &mut [(f32, f32)], half: f32) {
    if positions.is_empty() {
        return;
    }
    let n = positions.len() as f32;
    let (x, y) = positions.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / n, sum.1 + p.1 / n));
    let mut radii: Vec<f32> = positions.iter().map(|p| (p.0 - x).hypot(p.1 - y)).collect();
    let middle = radii.len() / 2;
    let (_, median, _) = radii.select_nth_unstable_by(middle, f32::total_cmp);
    let factor = half / median.max(1e-6);
    for p in positions {
        *p = ((p.0 - x) * factor, (p.1 - y) * factor);
    }
}
