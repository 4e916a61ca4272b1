//! Chooses a cluster, by kind or by numbered class, and photographs it.

use super::dice::{Dice, Stream, generator};
use super::scene::Scene;
use super::telescope::Telescope;
use super::{exposure, globular, open};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use retrain::error::{Error, Result};

/// The two kinds of star cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClusterKind {
    /// Old, round, 10⁴ to 10⁶ stars, dense in the middle, such as M 13.
    Globular,
    /// Young or middle-aged, loose, 10² to 10⁴ stars, such as M 35.
    Open,
}

impl ClusterKind {
    /// Both, in the order of their directories' names.
    pub(crate) const ALL: [Self; 2] = [Self::Globular, Self::Open];

    /// The name of the class and of its directory.
    pub(crate) fn dir_name(self) -> &'static str {
        match self {
            Self::Globular => "globular cluster",
            Self::Open => "open cluster",
        }
    }

    /// The first letter of its files' names.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Globular => 'g',
            Self::Open => 'o',
        }
    }

    /// A number that gives each kind its own random numbers. Those of numbered classes follow.
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

/// What photograph `index` of `kind` shows. It depends on these three arguments only.
pub(crate) fn scene(kind: ClusterKind, seed: u64, index: u64) -> Scene {
    kind.scene(&mut Dice::new(generator(kind.group(), seed, index, Stream::Scene)))
}

/// Photograph `index` of `kind`, `size` pixels square. It depends on these four arguments only;
/// other sizes show the same cluster.
pub(crate) fn photograph(kind: ClusterKind, seed: u64, index: u64, size: u32) -> RgbImage {
    shoot(&scene(kind, seed, index), kind.group(), seed, index, size)
}

/// Photograph `index` of a numbered class, `size` pixels square: a globular cluster if `class` is
/// even, otherwise an open one, with parameters near those of its class.
pub(crate) fn photograph_of_class(class: u32, seed: u64, index: u64, size: u32) -> RgbImage {
    let kind = if class.is_multiple_of(2) { ClusterKind::Globular } else { ClusterKind::Open };
    let group = ClusterKind::ALL.len() as u64 + u64::from(class);
    let own = generator(group, seed, index, Stream::Scene);
    // Always index 0, because all photographs of a class share its parameters.
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

/// The image as a JPEG file of `quality` 1 to 100. Fails only if the image is wider or higher than
/// JPEG allows, 65535 pixels.
pub(crate) fn encode_jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut jpeg = Vec::with_capacity(16 * 1024);
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(image).map_err(|e| {
        Error::input("(a simulated photograph)", format!("cannot be encoded as JPEG: {e}"))
    })?;
    Ok(jpeg)
}
