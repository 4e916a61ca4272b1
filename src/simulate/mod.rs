//! Simulated colour CCD photographs of star clusters, so that the tools can be tried, tested and
//! timed without anybody's data: globular clusters and open clusters, as many as wanted, every one
//! different, the same on every run.
//!
//! A photograph is made in four steps: a scene of stars (`globular`, `open`, with the field stars
//! of [`mod@scene`]), light on the detector (`frame`, with stars' images from `psf`), electrons
//! counted (`sensor`), and a picture (`print`). [`tables`], [`colour`] and [`king`] hold the
//! astronomy, with its sources.
//!
//! Not modelled: variable seeing and coma over the field, cosmic rays, satellites, bad pixels and
//! flat-field errors, galaxies, dark clouds, emission nebulae beyond a reddish tint, blue
//! stragglers and white dwarfs, stellar spectra.

pub mod colour;
mod dice;
mod exposure;
mod files;
mod fractal;
mod frame;
mod globular;
pub mod king;
mod nebula;
mod open;
mod print;
mod psf;
pub mod scene;
mod sensor;
pub mod tables;
mod telescope;

pub use files::{Plan, QUALITY, TestPhotos, simulate_clusters};
pub use scene::Scene;

use crate::error::{Error, Result};
use dice::{Dice, Stream, generator};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use telescope::Telescope;

/// The two kinds of star cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClusterKind {
    /// Old, round, of 10⁴ to 10⁶ stars, with a dense middle: M 13.
    Globular,
    /// Young or middle-aged, loose, of 10² to 10⁴ stars: M 35.
    Open,
}

impl ClusterKind {
    /// Both, in the order of their directories' names.
    pub const ALL: [Self; 2] = [Self::Globular, Self::Open];

    /// The name of the class and of its directory.
    pub fn dir_name(self) -> &'static str {
        match self {
            Self::Globular => "globular cluster",
            Self::Open => "open cluster",
        }
    }

    /// The first letter of the files' names.
    fn letter(self) -> char {
        match self {
            Self::Globular => 'g',
            Self::Open => 'o',
        }
    }

    /// What sets the streams of chance of the two kinds apart; numbered classes follow.
    fn group(self) -> u64 {
        self as u64
    }

    fn scene(self, dice: &mut Dice) -> Scene {
        match self {
            Self::Globular => globular::scene(dice),
            Self::Open => open::scene(dice),
        }
    }
}

/// What photograph `index` of `kind` shows; it depends on the three arguments only.
pub fn scene(kind: ClusterKind, seed: u64, index: u64) -> Scene {
    kind.scene(&mut Dice::new(generator(kind.group(), seed, index, Stream::Scene)))
}

/// Photograph `index` of `kind`, `size` pixels square. It depends on the four arguments only; other
/// sizes show the same cluster.
pub fn photograph(kind: ClusterKind, seed: u64, index: u64, size: u32) -> RgbImage {
    shoot(&scene(kind, seed, index), kind.group(), seed, index, size)
}

/// Photograph `index` of a numbered class, `size` pixels square: a globular cluster where `class`
/// is even, else an open one, with parameters near those of its class.
pub fn photograph_of_class(class: u32, seed: u64, index: u64, size: u32) -> RgbImage {
    let kind = if class.is_multiple_of(2) { ClusterKind::Globular } else { ClusterKind::Open };
    let group = ClusterKind::ALL.len() as u64 + u64::from(class);
    let own = generator(group, seed, index, Stream::Scene);
    // The class's own stream has no index, so that it is the same for all its photographs.
    let shared = generator(group, seed, 0, Stream::Class);
    shoot(&kind.scene(&mut Dice::near(own, shared)), group, seed, index, size)
}

fn shoot(scene: &Scene, group: u64, seed: u64, index: u64, size: u32) -> RgbImage {
    let size = size.max(1);
    let mut dice = Dice::new(generator(group, seed, index, Stream::Telescope));
    let telescope = Telescope::draw(&mut dice, scene.field, size);
    let mut noise = generator(group, seed, index, Stream::Noise);
    exposure::expose(scene, &telescope, &mut noise, size as usize)
}

/// The image as a JPEG file of `quality` 1 to 100.
///
/// # Errors
/// Only for an image wider or higher than JPEG allows (65535 pixels).
pub fn encode_jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut jpeg = Vec::with_capacity(16 * 1024);
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(image).map_err(|e| {
        Error::input("(a simulated photograph)", format!("cannot be encoded as JPEG: {e}"))
    })?;
    Ok(jpeg)
}
