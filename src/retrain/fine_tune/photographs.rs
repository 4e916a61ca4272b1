//! The training photographs: decoded once, shrunk to what the network can see, and seen
//! differently each time.

use crate::error::{Error, Result};
use crate::images::{Photograph, PixelSpec, Raster, View};
use crate::inference::{self, Decoder, PIXEL_BUDGET};
use crate::text;
use rand::{Rng, RngExt};
use std::f32::consts::PI;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// How much larger than the network's input a photograph is kept.
const DETAIL: usize = 2;
/// The smallest part of the width and of the height that is seen.
const CLOSEST: f32 = 0.65;
/// The largest factor of brightness; the smallest is its inverse.
const BRIGHTEST: f32 = 1.25;

/// Draws a view of a photograph: turned by any angle, perhaps mirrored, closer, off centre, and
/// brighter or darker.
pub(super) fn draw(rng: &mut impl Rng) -> View {
    let mut between = |from: f32, to: f32| from + (to - from) * rng.random::<f32>();
    let scale = between(CLOSEST, 1.0);
    let room = (1.0 - scale) / 2.0;
    View {
        angle: between(-PI, PI),
        mirrored: between(0.0, 1.0) < 0.5,
        scale,
        shift: [between(-room, room), between(-room, room)],
        brightness: between(-BRIGHTEST.ln(), BRIGHTEST.ln()).exp(),
    }
}

/// Photographs by their rows.
#[derive(Debug)]
pub(super) struct Photographs<'a> {
    decoder: Decoder,
    pub(super) spec: &'a PixelSpec,
    photographs: &'a [&'a Photograph],
    decoded: Vec<OnceLock<Arc<Raster>>>,
    kept: AtomicUsize,
}

impl<'a> Photographs<'a> {
    pub(super) fn new(spec: &'a PixelSpec, photographs: &'a [&'a Photograph]) -> Self {
        Self {
            decoder: Decoder::new(spec),
            spec,
            photographs,
            decoded: photographs.iter().map(|_| OnceLock::new()).collect(),
            kept: AtomicUsize::new(0),
        }
    }

    /// How many numbers a photograph's pixels are.
    pub(super) fn size(&self) -> usize {
        let PixelSpec { width, height, depth, .. } = *self.spec;
        [width, height, depth].into_iter().map(|n| n.unsigned_abs() as usize).product()
    }

    /// Fills `into` with a view of a photograph.
    pub(super) fn view(&self, row: usize, view: &View, into: &mut [f32]) -> Result<()> {
        self.raster(row)?.view(view, self.spec, into);
        Ok(())
    }

    /// Fills `into` with a photograph as the network sees it when it labels it.
    pub(super) fn whole(&self, row: usize, into: &mut [f32]) -> Result<()> {
        let image = self.photographs[row].read().map(|(_, image)| image);
        let pixels = image.and_then(|image| self.decoder.decode(image));
        into.copy_from_slice(&pixels.map_err(|e| self.unusable(row, &e))?);
        Ok(())
    }

    /// A decoded photograph, which is kept while there is room.
    fn raster(&self, row: usize) -> Result<Arc<Raster>> {
        if let Some(raster) = self.decoded[row].get() {
            return Ok(Arc::clone(raster));
        }
        let image = self.photographs[row].read().map(|(_, image)| image);
        let pixels = image.and_then(|image| self.decoder.decode_at_least(image, DETAIL as u64));
        let raster = pixels.and_then(|pixels| inference::raster(&pixels));
        let raster = raster.map_err(|e| self.unusable(row, &e))?;
        let raster = Arc::new(raster.shrunk(self.spec, DETAIL));
        let size = raster.pixels.len();
        let fits = self.kept.fetch_add(size, Ordering::Relaxed) + size <= PIXEL_BUDGET;
        if !fits || self.decoded[row].set(Arc::clone(&raster)).is_err() {
            self.kept.fetch_sub(size, Ordering::Relaxed);
        }
        Ok(raster)
    }

    fn unusable(&self, row: usize, why: &str) -> Error {
        let path = self.photographs[row].path();
        Error::input(path, format!("Error during processing file {} ({why})", text::shown(path)))
    }
}
