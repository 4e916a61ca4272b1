//! [`Extractor`]: computes the bottlenecks of photographs.

use super::engine::{Decoded, Inference};
use super::network::BatchNetwork;
use super::remote::Workers;
use crate::error::{Error, Result};
use crate::model::{Backbone, Identity};

/// Computes bottlenecks. Several threads may use it at once.
pub trait Extractor: Sync {
    /// How many numbers a bottleneck has.
    fn bottleneck_size(&self) -> usize;

    /// The best number of images per call of [`extract`](Self::extract).
    fn batch_size(&self) -> usize {
        1
    }

    /// How many batches of decoded images may wait for [`extract`](Self::extract).
    fn backlog(&self) -> usize {
        1
    }

    /// What bottlenecks depend on besides the image: the model and its preprocessing.
    fn identity(&self) -> Identity;

    /// Called once, while images are already being read and decoded. `images` are those that will
    /// be extracted, in order.
    ///
    /// # Errors
    /// If no bottleneck can be computed.
    fn prepare(&self, images: &mut dyn Iterator<Item = Vec<u8>>) -> Result<()> {
        let _ = images;
        Ok(())
    }

    /// Whether [`extract`](Self::extract) would start without waiting.
    fn is_ready(&self) -> bool {
        true
    }

    /// Decodes image files, given their contents.
    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded;

    /// The bottlenecks of decoded photographs, at most [`batch_size`](Self::batch_size) of them, or
    /// a sentence about what is wrong with a photograph.
    ///
    /// # Errors
    /// If no bottleneck can be computed.
    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>>;

    /// Logs where the time went.
    fn log_times(&self) {}

    /// The engine whose fleet of other machines extracts as well.
    #[doc(hidden)]
    fn inference(&self) -> Option<&Inference> {
        None
    }
}

/// Computes bottlenecks in this process, several images at once, with batch normalisation folded
/// into the network. Loads nothing until it is needed.
#[derive(Debug)]
pub struct LocalExtractor<'a> {
    backbone: &'a Backbone,
    inference: Inference,
}

impl<'a> LocalExtractor<'a> {
    /// An extractor for `backbone`.
    #[must_use]
    pub fn new(backbone: &'a Backbone) -> Self {
        Self::with_workers(backbone, None)
    }

    /// The same, with other machines to help.
    #[must_use]
    pub fn with_workers(backbone: &'a Backbone, workers: Option<&Workers>) -> Self {
        let (name, pixels, views) = (&backbone.name, &backbone.pixels, backbone.view_count());
        Self { backbone, inference: Inference::new(name, pixels, views, workers) }
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
        let decoded = |image: Vec<u8>| Some((self.inference.decode(image.clone()).ok()?, image));
        let probe = images.filter_map(decoded).next();
        let prepared = self.inference.prepare(|| {
            // Without a usable image nothing is extracted; should a thread wait for the network
            // all the same, it gets this error.
            let none = || Error::model(&self.backbone.name, "has no usable image to be tested on");
            BatchNetwork::new(self.backbone, &probe.as_ref().ok_or_else(none)?.0)
        });
        probe.into_iter().for_each(|(_, image)| self.inference.muster(image));
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

    fn inference(&self) -> Option<&Inference> {
        Some(&self.inference)
    }
}
