//! From photographs to their bottlenecks.

use super::engine::{Decoded, Inference};
use super::network::BatchNetwork;
use crate::error::{Error, Result};
use crate::model::{Backbone, Identity};

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
    fn identity(&self) -> Identity;

    /// Called before any [`extract`](Self::extract), while images are already being read: `images`
    /// are those that will come, in order.
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

    /// The bottlenecks of decoded photographs, at most [`batch_size`](Self::batch_size) of them;
    /// for a photograph that is at fault a sentence that says why.
    ///
    /// # Errors
    /// Where nothing can be computed at all.
    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>>;

    /// Logs where the time went.
    fn log_times(&self) {}
}

/// Computes bottlenecks in this process: decoding, and the network with batch normalisation folded
/// away, several images at once. Nothing is loaded before it is needed.
#[derive(Debug)]
pub struct LocalExtractor<'a> {
    backbone: &'a Backbone,
    inference: Inference,
}

impl<'a> LocalExtractor<'a> {
    /// For that network.
    #[must_use]
    pub fn new(backbone: &'a Backbone) -> Self {
        Self { backbone, inference: Inference::new(&backbone.name, &backbone.pixels) }
    }
}

impl Extractor for LocalExtractor<'_> {
    fn bottleneck_size(&self) -> usize {
        self.backbone.bottleneck_size
    }

    fn batch_size(&self) -> usize {
        self.inference.batch_size()
    }

    fn backlog(&self) -> usize {
        self.inference.backlog()
    }

    fn identity(&self) -> Identity {
        Identity::of(self.backbone)
    }

    fn prepare(&self, images: &mut dyn Iterator<Item = Vec<u8>>) -> Result<()> {
        let prepared = self.inference.prepare(|| {
            let probe = images.filter_map(|image| self.inference.decode(image).ok()).next();
            // Nobody will ask for the network then; but if, nobody must wait for ever.
            let none = || Error::model(&self.backbone.name, "has no image to be tried on");
            BatchNetwork::new(self.backbone, &probe.ok_or_else(none)?)
        });
        prepared.map_err(|e| Error::model(&self.backbone.name, e.to_string()))
    }

    fn is_ready(&self) -> bool {
        self.inference.is_ready()
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        images.into_iter().map(|image| self.inference.decode(image)).collect()
    }

    /// The script's `run_bottleneck_on_image`, for several.
    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        self.inference.run(images)
    }

    fn log_times(&self) {
        self.inference.log_times();
    }
}
