//! The CCD: photon noise, read noise, and what happens to electrons in full pixels.

use super::frame::Frame;
use super::telescope::Telescope;
use rand::Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

/// Above this many electrons, Poisson and Gaussian noise differ by less than the read noise.
const GAUSSIAN: f32 = 40.0;

/// The fraction of a spilled charge that is lost at each pixel.
const LOSS: f32 = 0.15;

/// Replaces expected electrons with counted ones.
pub(super) fn count(frame: &mut Frame, telescope: &Telescope, rng: &mut impl Rng) {
    let read2 = telescope.read_noise.powi(2);
    for electrons in frame.pixels.as_flattened_mut() {
        let normal: f32 = StandardNormal.sample(rng);
        *electrons = if *electrons > GAUSSIAN {
            *electrons + normal * (*electrons + read2).sqrt()
        } else {
            // `new` fails if the mean is 0: nothing is expected, so nothing is counted.
            Poisson::new(*electrons).map_or(0.0, |law| law.sample(rng))
                + normal * telescope.read_noise
        };
    }
}

/// Removes the excess from overfull pixels. It spills along the column if the CCD bleeds, and is
/// lost otherwise.
pub(super) fn saturate(frame: &mut Frame, telescope: &Telescope) {
    let well = telescope.full_well;
    if telescope.bleeds {
        for column in 0..frame.size {
            for colour in 0..3 {
                bleed(frame, column, colour, well);
            }
        }
    }
    for electrons in frame.pixels.as_flattened_mut() {
        *electrons = electrons.min(well);
    }
}

/// Spills half of each full pixel's excess up its column and half down.
fn bleed(frame: &mut Frame, column: usize, colour: usize, well: f32) {
    let size = frame.size;
    let excess: Vec<f32> = (0..size)
        .map(|row| 0.5 * (frame.pixels[row * size + column][colour] - well).max(0.0))
        .collect();
    if excess.iter().all(|e| *e == 0.0) {
        return;
    }
    let mut spill = |rows: &mut dyn Iterator<Item = usize>| {
        let mut carried = 0.0;
        for row in rows {
            let pixel = &mut frame.pixels[row * size + column][colour];
            let taken = (well - *pixel).max(0.0).min(carried);
            *pixel += taken;
            carried = (carried - taken) * (1.0 - LOSS) + excess[row];
        }
    };
    spill(&mut (0..size));
    spill(&mut (0..size).rev());
}
