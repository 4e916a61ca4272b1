//! Decodes photographs and runs them through a network in batches, on several threads at once.

use super::decoder::{Decoder, Undecoded};
use super::network::BatchNetwork;
use super::remote::{Fleet, Work, Workers};
use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::tf::Tensor;
use log::debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The pixels of each image, [1, height, width, depth], or a sentence about what is wrong with it.
pub type Decoded = Vec<Result<Tensor<f32>, String>>;

/// How many images, or views of them, go through the network in one run. A batch should fit the
/// processor's cache; larger ones also leave cores idle at the end.
const BATCH: usize = 4;

/// How many bytes of decoded images may wait until the network is ready.
const DECODED_BYTES: usize = 40 << 20;

/// A decoder and a network. Decoding can start while the network is still being prepared.
#[derive(Debug)]
pub struct Inference {
    name: String,
    decoder: Decoder,
    network: OnceLock<Result<BatchNetwork, String>>,
    /// How many images go through the network in one run.
    batch: usize,
    backlog: usize,
    decoding: Stopwatch,
    running: Stopwatch,
    fleet: Option<Fleet>,
}

/// The time spent in one kind of work, summed over all threads.
#[derive(Debug, Default)]
struct Stopwatch(AtomicU64);

impl Stopwatch {
    fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let outcome = work();
        self.0.fetch_add(start.elapsed().as_micros() as u64, Ordering::Relaxed);
        outcome
    }

    fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e6
    }
}

/// Sets the network to an error if preparing it panics, so that no thread waits for it forever.
struct AlwaysSet<'n>(&'n OnceLock<Result<BatchNetwork, String>>);

impl Drop for AlwaysSet<'_> {
    fn drop(&mut self) {
        let _ = self.0.set(Err("could not be prepared".into()));
    }
}

impl Inference {
    /// For a network called `name`, with input `pixels`, that looks at each image in so many
    /// `views`. Loads nothing until it is needed.
    pub(crate) fn new(
        name: &str,
        pixels: &PixelSpec,
        views: usize,
        workers: Option<&Workers>,
    ) -> Self {
        let batch = (BATCH / views.max(1)).max(1);
        let image =
            4 * i64::from(pixels.height) * i64::from(pixels.width) * i64::from(pixels.depth);
        let backlog = (DECODED_BYTES / image.unsigned_abs().max(1) as usize / batch).max(1);
        Self {
            name: name.into(),
            decoder: Decoder::new(pixels),
            fleet: workers.map(|workers| Fleet::new(workers, pixels)),
            network: OnceLock::new(),
            batch,
            backlog,
            decoding: Stopwatch::default(),
            running: Stopwatch::default(),
        }
    }

    /// The best number of images per call of [`run`](Self::run).
    pub(crate) fn batch_size(&self) -> usize {
        self.batch
    }

    /// How many batches of decoded images may wait for the network.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog
    }

    /// Makes the network. Threads that wait for it also get the error if that fails.
    pub(crate) fn prepare(&self, make: impl FnOnce() -> Result<BatchNetwork>) -> Result<()> {
        let start = Instant::now();
        let _always = AlwaysSet(&self.network);
        let (network, outcome) = match make() {
            Ok(network) => (Ok(network), Ok(())),
            Err(e) => (Err(e.to_string()), Err(e)),
        };
        let seconds = start.elapsed().as_secs_f64();
        debug!(target: "retrain", "The network was prepared in {seconds:.3} s");
        let _ = self.network.set(network);
        outcome
    }

    /// The machines that compute as well.
    pub(crate) fn fleet(&self) -> Option<&Fleet> {
        self.fleet.as_ref()
    }

    /// Lets the fleet begin, once the network is prepared. `probe` is an image that can be decoded;
    /// the workers' answers to it must be this machine's.
    pub(crate) fn muster(&self, probe: Vec<u8>) {
        let (Some(fleet), Some(Ok(network))) = (&self.fleet, self.network.get()) else { return };
        let work = || {
            Ok(Work {
                known: self.alone(probe.clone()).map_err(|e| e.to_string())??,
                network: network.export().map_err(|e| e.to_string())?,
                slots: if network.is_batched() { self.batch } else { 1 },
                probe: self.undecoded(probe.clone())?,
            })
        };
        fleet.muster(work());
    }

    /// The network, once it is prepared, or why it could not be.
    pub(super) fn prepared(&self) -> Option<Result<(), &str>> {
        Some(self.network.get()?.as_ref().map(|_| ()).map_err(String::as_str))
    }

    /// An image as another machine can decode it.
    pub(super) fn undecoded(&self, image: Vec<u8>) -> Result<Undecoded, String> {
        self.decoder.undecoded(image)
    }

    /// The network's output for one image, computed here.
    ///
    /// # Errors
    /// The inner one if the image cannot be decoded.
    pub(super) fn alone(&self, image: Vec<u8>) -> Result<Result<Vec<f32>, String>> {
        let vectors = self.run(vec![self.decode(image)])?;
        Ok(vectors.into_iter().next().unwrap_or_else(|| Err("was not computed".into())))
    }

    /// Whether [`run`](Self::run) would start without waiting.
    pub(crate) fn is_ready(&self) -> bool {
        self.network.get().is_some()
    }

    /// The pixels of an image, or a sentence that says what is wrong with it.
    pub(crate) fn decode(&self, image: Vec<u8>) -> Result<Tensor<f32>, String> {
        self.decoding.time(|| self.decoder.decode(image))
    }

    /// Logs where the time went, at DEBUG.
    pub(crate) fn log_times(&self) {
        let (decoding, running) = (self.decoding.seconds(), self.running.seconds());
        debug!(
            target: "retrain",
            "Over all threads: {decoding:.3} s of decoding, {running:.3} s of the network"
        );
    }

    /// The network's output for decoded images, at most [`batch_size`](Self::batch_size) of them.
    /// Waits for the network if any image is usable.
    ///
    /// # Errors
    /// If the network could not be made or fails to run.
    pub(crate) fn run(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        let good: Vec<&Tensor<f32>> = images.iter().filter_map(|d| d.as_ref().ok()).collect();
        let Some(first) = good.first() else {
            return Ok(images.into_iter().map(|d| d.map(|_| Vec::new())).collect());
        };
        let network =
            self.network.wait().as_ref().map_err(|m| Error::model(&self.name, m.clone()))?;
        // Always a full batch, because another size may sum in another order.
        let count = if network.is_batched() { self.batch } else { good.len() };
        let mut batch = Tensor::new(&[&[count as u64], &first.dims()[1..]].concat());
        for (into, image) in batch.chunks_mut(first.len()).zip(&good) {
            into.copy_from_slice(image);
        }
        let values = self.running.time(|| network.run(&batch))?;
        let mut rows = values.chunks((values.len() / count).max(1));
        let row =
            |d: Result<Tensor<f32>, String>| d.map(|_| rows.next().unwrap_or_default().to_vec());
        Ok(images.into_iter().map(row).collect())
    }
}
