//! From photographs to their bottlenecks.

use super::decoder::Decoder;
use super::network::BatchNetwork;
use crate::error::{Error, Result};
use crate::model::Backbone;
use crate::tf::Tensor;
use log::debug;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// Whatever computes bottlenecks. It may be called from several threads at once.
pub trait Extractor: Sync {
    /// How many numbers a bottleneck has.
    fn bottleneck_size(&self) -> usize;

    /// How many images are best brought at once.
    fn batch_size(&self) -> usize {
        1
    }

    /// How many batches of decoded images may wait.
    fn backlog(&self) -> usize {
        1
    }

    /// What its bottlenecks follow from, besides the image: the model and what is done before it.
    fn identity(&self) -> [u8; 32];

    /// Called before any [`extract`](Self::extract), while images are already being read: `images` are those that
    /// will come, in order.
    ///
    /// # Errors
    /// Where nothing can be computed at all.
    fn prepare(&self, images: &mut dyn Iterator<Item = Vec<u8>>) -> Result<()> {
        let _ = images;
        Ok(())
    }

    /// Whether [`extract`](Self::extract) would begin at once.
    fn is_ready(&self) -> bool {
        true
    }

    /// The pixels of the photographs whose files hold `images`.
    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded;

    /// The bottlenecks of decoded photographs, at most [`batch_size`](Self::batch_size) of them; for a photograph
    /// that is at fault a sentence that says why.
    ///
    /// # Errors
    /// Where nothing can be computed at all.
    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>>;
}

/// The pixels of each image, [1, height, width, depth], or what is wrong with it.
pub type Decoded = Vec<Result<Tensor<f32>, String>>;

/// Computes bottlenecks in this process: decoding, and the network with batch normalisation folded away, several
/// images at once. Nothing is loaded before it is needed.
#[derive(Debug)]
pub struct LocalExtractor<'a> {
    backbone: &'a Backbone,
    decoder: Decoder,
    network: OnceLock<Result<BatchNetwork, String>>,
    batch_size: usize,
}

/// Images that go through the network in one run, by how many pixels it takes of each. What a batch needs should fit
/// the cache; larger ones also leave a core idle at the end.
const BATCH: usize = 4;

/// How many bytes of decoded images may wait for the network to be made ready.
const DECODED_BYTES: usize = 40 << 20;

impl<'a> LocalExtractor<'a> {
    /// For that network.
    #[must_use]
    pub fn new(backbone: &'a Backbone) -> Self {
        let decoder = Decoder::new(&backbone.pixels);
        Self { backbone, decoder, network: OnceLock::new(), batch_size: BATCH }
    }
}

impl Extractor for LocalExtractor<'_> {
    fn bottleneck_size(&self) -> usize {
        self.backbone.bottleneck_size
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn backlog(&self) -> usize {
        let p = &self.backbone.pixels;
        let image = 4 * i64::from(p.height) * i64::from(p.width) * i64::from(p.depth);
        (DECODED_BYTES / image.unsigned_abs().max(1) as usize / self.batch_size).max(1)
    }

    fn identity(&self) -> [u8; 32] {
        let b = self.backbone;
        let mut hash = Sha256::new();
        hash.update(b.content_hash);
        hash.update(format!("{} {} {:?} {:?}", b.input, b.bottleneck, b.pixels, b.generation));
        hash.finalize().into()
    }

    fn prepare(&self, images: &mut dyn Iterator<Item = Vec<u8>>) -> Result<()> {
        let start = std::time::Instant::now();
        let probe = images.filter_map(|image| self.decoder.decode(image).ok()).next();
        let network = match probe {
            Some(probe) => BatchNetwork::new(self.backbone, &probe),
            // Nobody will ask for it then; but if, nobody must wait for ever.
            None => Err(Error::model(&self.backbone.name, "has no image to be tried on")),
        };
        let failed = network.as_ref().err().map(ToString::to_string);
        debug!(target: "retrain", "The network was made ready in {:.3} s", start.elapsed().as_secs_f64());
        // Whoever waits for it must hear of a failure, too.
        let _ = self.network.set(network.map_err(|e| e.to_string()));
        failed.map_or(Ok(()), |message| Err(Error::model(&self.backbone.name, message)))
    }

    fn is_ready(&self) -> bool {
        self.network.get().is_some()
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        images.into_iter().map(|image| self.decoder.decode(image)).collect()
    }

    /// The script's `run_bottleneck_on_image`, for several.
    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        let good: Vec<&Tensor<f32>> = images.iter().filter_map(|d| d.as_ref().ok()).collect();
        let Some(first) = good.first() else {
            return Ok(images.into_iter().map(|d| d.map(|_| Vec::new())).collect());
        };
        let network = self.network.wait().as_ref().map_err(|m| Error::model(&self.backbone.name, m.clone()))?;
        // Always a whole batch: another size may be computed in another order.
        let mut batch = Tensor::new(&[&[self.batch_size as u64], &first.dims()[1..]].concat());
        for (into, image) in batch.chunks_mut(first.len()).zip(&good) {
            into.copy_from_slice(image);
        }
        let values = network.run(&batch)?;
        let mut rows = values.chunks(self.backbone.bottleneck_size);
        let row = |d: Result<Tensor<f32>, String>| d.map(|_| rows.next().unwrap_or_default().to_vec());
        Ok(images.into_iter().map(row).collect())
    }
}
