//! One exposure: the scene through the telescope onto the CCD, and the picture developed from it.

use super::frame::Frame;
use super::nebula::Nebula;
use super::psf::Psf;
use super::scene::Scene;
use super::star::Star;
use super::tables::flux;
use super::telescope::Telescope;
use super::{print, sensor};
use image::RgbImage;
use rand::Rng;

/// Light below this fraction of the sky's noise in a pixel is not drawn.
const FLOOR: f32 = 0.15;

/// Photographs `scene`.
pub(super) fn expose(
    scene: &Scene,
    telescope: &Telescope,
    noise: &mut impl Rng,
    size: usize,
) -> RgbImage {
    let mut frame = Frame::of_sky(telescope, size);
    if let Some(glow) = &scene.glow {
        frame.add_glow(telescope, glow);
    }
    if let Some(nebula) = &scene.nebula {
        add_nebula(&mut frame, telescope, nebula);
    }
    let psf = Psf::new(telescope, size);
    let floor = FLOOR * (telescope.sky[1] + telescope.read_noise.powi(2)).sqrt();
    for star in scene.members.iter().chain(&scene.field_stars) {
        add_star(&mut frame, telescope, &psf, star, floor);
    }
    sensor::count(&mut frame, telescope, noise);
    sensor::saturate(&mut frame, telescope);
    print::develop(frame, telescope)
}

fn add_star(frame: &mut Frame, telescope: &Telescope, psf: &Psf, star: &Star, floor: f32) {
    let green = telescope.electrons * flux(star.magnitude);
    let light = star.colour().map(|c| c * green);
    let (x, y) = frame.position(telescope, star);
    psf.draw(frame, x, y, light, floor);

    let (fraction, radius) = telescope.halo;
    let halo = fraction / (2.0 * std::f32::consts::PI * radius * radius);
    let brightest = light.into_iter().fold(0.0, f32::max);
    if brightest * halo > floor {
        let reach = (2.0 * (brightest * halo / floor).ln()).sqrt() * radius;
        let steep = -0.5 / (radius * radius);
        frame.add_disc((x, y), reach, light, |dx, dy| halo * (steep * (dx * dx + dy * dy)).exp());
    }
    if let Some(spikes) = &telescope.spikes {
        frame.add_spikes(x, y, light, spikes, floor);
    }
}

fn add_nebula(frame: &mut Frame, telescope: &Telescope, nebula: &Nebula) {
    let per_pixel = telescope.electrons * telescope.scale * telescope.scale;
    frame.add_surface(telescope.scale, |x, y| {
        nebula.brightness(x, y).map(|light| light * per_pixel)
    });
}
