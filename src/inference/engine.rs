//! Photographs through a network, from the bytes of their files to what the network says: several
//! at once, and several times side by side.

use super::decoder::Decoder;
use super::network::BatchNetwork;
use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::tf::Tensor;
use log::debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The pixels of each image, [1, height, width, depth], or what is wrong with it.
pub type Decoded = Vec<Result<Tensor<f32>, String>>;

/// Images that go through the network in one run. What a batch needs should fit the cache; larger
/// ones also leave a core idle at the end.
const BATCH: usize = 4;

/// How many bytes of decoded images may wait for the network to be made ready.
const DECODED_BYTES: usize = 40 << 20;

/// A decoder and a network, which is made ready while images are already decoded.
#[derive(Debug)]
pub(crate) struct Inference {
    name: String,
    decoder: Decoder,
    network: OnceLock<Result<BatchNetwork, String>>,
    backlog: usize,
    decoding: Stopwatch,
    running: Stopwatch,
}

/// Time that passed in one kind of work, over all threads.
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

/// Nobody must wait for ever, even if making the network ready came to an end that nobody foresaw.
struct AlwaysSet<'n>(&'n OnceLock<Result<BatchNetwork, String>>);

impl Drop for AlwaysSet<'_> {
    fn drop(&mut self) {
        let _ = self.0.set(Err("could not be made ready".into()));
    }
}

impl Inference {
    /// For a network of that name and those pixels. Nothing is loaded before it is needed.
    pub(crate) fn new(name: &str, pixels: &PixelSpec) -> Self {
        let image =
            4 * i64::from(pixels.height) * i64::from(pixels.width) * i64::from(pixels.depth);
        let backlog = (DECODED_BYTES / image.unsigned_abs().max(1) as usize / BATCH).max(1);
        Self {
            name: name.into(),
            decoder: Decoder::new(pixels),
            network: OnceLock::new(),
            backlog,
            decoding: Stopwatch::default(),
            running: Stopwatch::default(),
        }
    }

    /// How many images are best brought at once.
    pub(crate) fn batch_size(&self) -> usize {
        BATCH
    }

    /// How many batches of decoded images may wait.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog
    }

    /// Sets the network. Whoever waits for it hears of a failure, too.
    pub(crate) fn prepare(&self, make: impl FnOnce() -> Result<BatchNetwork>) -> Result<()> {
        let start = Instant::now();
        let _always = AlwaysSet(&self.network);
        let (network, outcome) = match make() {
            Ok(network) => (Ok(network), Ok(())),
            Err(e) => (Err(e.to_string()), Err(e)),
        };
        debug!(target: "retrain", "The network was made ready in {:.3} s", start.elapsed().as_secs_f64());
        let _ = self.network.set(network);
        outcome
    }

    /// Whether [`run`](Self::run) would begin at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.network.get().is_some()
    }

    /// The pixels of an image, or a sentence that says what is wrong with it.
    pub(crate) fn decode(&self, image: Vec<u8>) -> Result<Tensor<f32>, String> {
        self.decoding.time(|| self.decoder.decode(image))
    }

    /// Says, to those who want to know, where the time went.
    pub(crate) fn log_times(&self) {
        let (decoding, running) = (self.decoding.seconds(), self.running.seconds());
        debug!(target: "retrain", "Over all threads: {decoding:.3} s of decoding, {running:.3} s of the network");
    }

    /// What the network says of decoded images, at most [`batch_size`](Self::batch_size) of them.
    /// Waits for the network where there is an image to run.
    ///
    /// # Errors
    /// Where there is no network or it does not run.
    pub(crate) fn run(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        let good: Vec<&Tensor<f32>> = images.iter().filter_map(|d| d.as_ref().ok()).collect();
        let Some(first) = good.first() else {
            return Ok(images.into_iter().map(|d| d.map(|_| Vec::new())).collect());
        };
        let network =
            self.network.wait().as_ref().map_err(|m| Error::model(&self.name, m.clone()))?;
        // Always a whole batch: another size may be computed in another order.
        let count = if network.is_batched() { BATCH } else { good.len() };
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
