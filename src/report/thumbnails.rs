//! Small pictures of photographs, for the report and TensorBoard.

use crate::images::{Photograph, PixelRange, PixelSpec, Reading};
use crate::inference::Decoder;
use crate::parallel;
use image::RgbImage;
use image::imageops::thumbnail;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Makes thumbnails, and keeps some: a smaller one of the same photograph is made of a larger.
#[derive(Debug)]
pub struct Thumbnails {
    decoder: Decoder,
    kept: Mutex<HashMap<PathBuf, RgbImage>>,
}

/// How many are kept: of 160 pixels, 77 MB.
const MOST_KEPT: usize = 1_000;

impl Thumbnails {
    /// For photographs that are read in this way. Large JPEGs are always reduced while they are
    /// decoded.
    #[must_use]
    pub fn new(reading: &Reading) -> Self {
        let range = PixelRange::Divide { mean: 0.0, std: 1.0 };
        let reading = Reading { fast_decode: true, ..reading.clone() };
        let decoder = Decoder::new(&PixelSpec::new(1, 1, range).with_reading(reading));
        Self { decoder, kept: Mutex::default() }
    }

    /// A thumbnail of each photograph, at most `side` pixels wide and high; `None` for one that
    /// cannot be read any more. The work is spread over all cores.
    #[must_use]
    pub fn of(&self, photographs: &[&Photograph], side: u32) -> Vec<Option<RgbImage>> {
        let of = |photograph: &Photograph| {
            self.kept(photograph.path(), side).or_else(|| self.one(photograph, side))
        };
        parallel::map(photographs.len(), |i| of(photographs[i]))
    }

    /// The thumbnail, made of one that is kept and not smaller.
    fn kept(&self, path: &Path, side: u32) -> Option<RgbImage> {
        let kept = self.kept.lock().ok()?;
        let larger = kept.get(path).filter(|p| p.width().max(p.height()) >= side)?;
        Some(within(larger, side))
    }

    fn one(&self, photograph: &Photograph, side: u32) -> Option<RgbImage> {
        let (_, bytes) = photograph.read().ok()?;
        // Twice the side, so that what is averaged is finer than what is shown.
        let pixels = self.decoder.decode_at_least(bytes, 2 * u64::from(side)).ok()?;
        let &[height, width, 3] = pixels.dims() else { return None };
        let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
        let picture = RgbImage::from_raw(width, height, pixels.to_vec())?;
        let picture = within(&picture, side);
        if let Ok(mut kept) = self.kept.lock()
            && kept.len() < MOST_KEPT
        {
            kept.insert(photograph.path().to_owned(), picture.clone());
        }
        Some(picture)
    }
}

/// The picture, made at most `side` pixels wide and high.
fn within(picture: &RgbImage, side: u32) -> RgbImage {
    let longest = picture.width().max(picture.height()).max(1);
    let scaled = |n: u32| (n * side.min(longest) / longest).max(1);
    thumbnail(picture, scaled(picture.width()), scaled(picture.height()))
}
