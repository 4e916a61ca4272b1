//! Computes bottlenecks: reads photographs, decodes them and runs the network, all in parallel.

use super::key::Stamp;
use super::plan::Item;
use crate::error::{Error, Result};
use crate::images::ImageFormat;
use crate::inference::pipeline::{self, Steps};
use crate::inference::{Decoded, Extractor};
use sha2::{Digest, Sha256};

/// A bottleneck to be put into the cache.
pub(super) struct Made {
    pub(super) row: usize,
    /// The image's stamp from before it was read; `None` if it could not be read.
    pub(super) image: Option<Stamp>,
    /// The SHA-256 of the image.
    pub(super) hash: Option<[u8; 32]>,
    /// Whether its file says that it must be turned to be seen as it was taken.
    pub(super) says_turned: bool,
    /// The bottleneck, or what is wrong with the image.
    pub(super) values: Result<Vec<f32>, String>,
}

/// Computes the bottlenecks of all items, and passes them to `finish` in batches, in any order.
pub(super) fn run(
    extractor: &dyn Extractor,
    items: &[Item<'_>],
    finish: impl FnMut(Vec<Made>) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let readable = items.iter().filter_map(|item| item.listed.photograph.read().ok());
        let mut probes = readable.map(|(_, image)| image);
        // The threads that extract report its error.
        scope.spawn(move || drop(extractor.prepare(&mut probes)));
        let steps = Steps {
            load,
            first: |batch| decode(extractor, batch),
            waits: |half: &HalfDone| half.decoded.iter().any(Result::is_ok),
            second: |half| extract(extractor, half),
            ready: || extractor.is_ready(),
            backlog: extractor.backlog(),
        };
        pipeline::run(items.chunks(extractor.batch_size().max(1)), steps, finish)
    })
}

type Loaded = (usize, Result<(Stamp, Vec<u8>), String>);

fn load(batch: &[Item<'_>]) -> Vec<Loaded> {
    let read = |item: &Item<'_>| {
        let read = item.listed.photograph.read();
        read.map(|(metadata, image)| (Stamp::of(&metadata), image))
    };
    batch.iter().map(|item| (item.row, read(item))).collect()
}

/// A batch whose images are decoded.
struct HalfDone {
    /// One for each image; those that could be read have no values yet.
    made: Vec<Made>,
    /// The pixels of the images that could be read.
    decoded: Decoded,
}

fn decode(extractor: &dyn Extractor, batch: Vec<Loaded>) -> HalfDone {
    let mut made = Vec::with_capacity(batch.len());
    let mut images = Vec::with_capacity(batch.len());
    for (row, loaded) in batch {
        match loaded {
            Ok((stamp, image)) => {
                let hash = Some(Sha256::digest(&image).into());
                let says_turned = ImageFormat::says_turned(&image);
                let values = Ok(Vec::new());
                made.push(Made { row, image: Some(stamp), hash, says_turned, values });
                images.push(image);
            }
            Err(message) => {
                let values = Err(message);
                made.push(Made { row, image: None, hash: None, says_turned: false, values });
            }
        }
    }
    HalfDone { made, decoded: extractor.decode(images) }
}

fn extract(extractor: &dyn Extractor, batch: HalfDone) -> Result<Vec<Made>> {
    let HalfDone { mut made, decoded } = batch;
    let size = extractor.bottleneck_size();
    let mut extracted = extractor.extract(decoded)?.into_iter();
    for made in made.iter_mut().filter(|m| m.values.is_ok()) {
        made.values = extracted.next().unwrap_or_else(|| Err("was not computed".into()));
        if let Ok(values) = &made.values {
            if values.len() != size {
                let message = format!("holds {} numbers instead of {size}", values.len());
                return Err(Error::model("the bottleneck tensor", message));
            }
            if values.iter().any(|v| !v.is_finite()) {
                made.values = Err("has a bottleneck with numbers that are not finite".into());
            }
        }
    }
    Ok(made)
}
