//! Computes bottlenecks of distorted photographs. They are new for every image of every training
//! batch and cannot be cached, but decoded photographs are kept. A batch is distorted and run
//! through the network in pieces, on all cores in parallel; results do not depend on the number of
//! cores.

use super::decoder::Decoder;
use super::distorter::{Distorter, Draw};
use super::network::BatchNetwork;
use crate::error::{Error, Result};
use crate::images::Photograph;
use crate::layers::Distortions;
use crate::model::Backbone;
use crate::text;
use crate::tf::Tensor;
use log::info;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many bytes of decoded photographs are kept by default.
pub const PIXEL_BUDGET: usize = 1 << 30;

/// How many images, or views of them, go through the network in one run. With mobilenet_0.25_224 on
/// two cores, a step of 100 images takes 79, 81, 82 and 89 ms in pieces of 2, 5, 10 and 25, because
/// a piece should fit the processor's cache; 5 divides the default batch evenly among 2, 4, 5 and
/// 10 cores. It must stay fixed, because the last bits of a bottleneck depend on it.
const PIECE: usize = 5;

/// The images to distort, and everything needed to compute their bottlenecks.
#[derive(Debug)]
pub struct DistortedImages<'a> {
    decoder: Decoder,
    distortions: Distortions,
    distorter: Distorter,
    network: BatchNetwork,
    bottleneck_size: usize,
    /// How many images go through the network in one run.
    piece: usize,
    photographs: &'a [&'a Photograph],
    /// The decoded images, by their place in `photographs`.
    pixels: Vec<OnceLock<Tensor<u8>>>,
    kept: AtomicUsize,
    budget: usize,
    budget_reported: AtomicBool,
    rng: ChaCha8Rng,
}

impl<'a> DistortedImages<'a> {
    /// `photographs` are the images by row; `probe` is the row of the image that the network is
    /// checked on. At most `budget` bytes of decoded images are kept.
    pub fn new(
        backbone: &Backbone,
        distortions: &Distortions,
        photographs: &'a [&'a Photograph],
        probe: usize,
        budget: usize,
    ) -> Result<Self> {
        let decoder = Decoder::new(&backbone.pixels);
        let distorter = Distorter::new(distortions, &backbone.pixels)?;
        let mut rng = ChaCha8Rng::seed_from_u64(distortions.seed);
        // A separate stream, because batches are drawn with the same seed.
        rng.set_stream(1);
        let image = decode(&decoder, photographs[probe], distortions)?;
        let network = BatchNetwork::new(
            backbone,
            &distorter.distort(&image, &Draw::new(distortions, &mut rng))?,
        )?;
        Ok(Self {
            decoder,
            distortions: distortions.clone(),
            distorter,
            network,
            bottleneck_size: backbone.bottleneck_size,
            piece: (PIECE / backbone.view_count()).max(1),
            photographs,
            pixels: photographs.iter().map(|_| OnceLock::new()).collect(),
            kept: AtomicUsize::new(0),
            budget,
            budget_reported: AtomicBool::new(false),
            rng,
        })
    }

    /// Fills `bottlenecks`, one row after the other, for the images of `rows`, each distorted at
    /// random: the second half of the script's `get_random_distorted_bottlenecks`, whose first
    /// half drew the rows.
    ///
    /// # Errors
    /// If an image cannot be read or decoded. If there are several, the error is about the first
    /// one in `rows`.
    pub fn get_distorted_bottlenecks(
        &mut self,
        rows: &[usize],
        bottlenecks: &mut [f32],
    ) -> Result<()> {
        let draws: Vec<Draw> =
            rows.iter().map(|_| Draw::new(&self.distortions, &mut self.rng)).collect();
        let images: Vec<_> = rows.iter().copied().zip(draws).collect();
        let into = bottlenecks.chunks_mut(self.piece * self.bottleneck_size);
        let pieces: Vec<_> = images.chunks(self.piece).zip(into).enumerate().collect();
        let (send, receive) = crossbeam_channel::bounded(pieces.len());
        pieces.into_iter().for_each(|piece| drop(send.send(piece)));
        drop(send);
        let this = &*self;
        let work = || {
            let result = receive.iter().try_for_each(|(i, (images, into))| {
                this.compute(images, into).map_err(|error| (i, error))
            });
            // After an error, the remaining pieces are dropped so that all threads end.
            result.inspect_err(|_| receive.iter().for_each(drop))
        };
        let cores = crate::parallel::cores();
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let first =
            results.into_iter().filter_map(std::result::Result::err).min_by_key(|(i, _)| *i);
        first.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn compute(&self, images: &[(usize, Draw)], into: &mut [f32]) -> Result<()> {
        let mut batch: Option<Tensor<f32>> = None;
        for (i, (row, draw)) in images.iter().enumerate() {
            let pixels = self.distorted(*row, draw)?;
            let dims = || [&[images.len() as u64], &pixels.dims()[1..]].concat();
            let batch = batch.get_or_insert_with(|| Tensor::new(&dims()));
            batch[i * pixels.len()..(i + 1) * pixels.len()].copy_from_slice(&pixels);
        }
        if let Some(batch) = batch {
            into.copy_from_slice(&self.network.run(&batch)?);
        }
        Ok(())
    }

    /// An image's distorted pixels. The decoded image is kept if there is room.
    fn distorted(&self, row: usize, draw: &Draw) -> Result<Tensor<f32>> {
        if let Some(image) = self.pixels[row].get() {
            return self.distorter.distort(image, draw);
        }
        let image = decode(&self.decoder, self.photographs[row], &self.distortions)?;
        let result = self.distorter.distort(&image, draw);
        let size = image.len();
        let fits = self.kept.fetch_add(size, Ordering::Relaxed) + size <= self.budget;
        // Another thread may have been faster with the same image.
        if !fits || self.pixels[row].set(image).is_err() {
            self.kept.fetch_sub(size, Ordering::Relaxed);
        }
        if !fits && !self.budget_reported.swap(true, Ordering::Relaxed) {
            info!(
                target: "retrain",
                "Decoded training images exceed the {} MiB kept in memory: the others are decoded \
                 again each time they are drawn",
                self.budget >> 20
            );
        }
        result
    }

    /// The position in the stream of random numbers.
    #[must_use]
    pub fn drawn(&self) -> u128 {
        self.rng.get_word_pos()
    }

    /// Moves to a position that [`drawn`](Self::drawn) returned.
    pub fn skip_to(&mut self, drawn: u128) {
        self.rng.set_word_pos(drawn);
    }

    /// How many bytes of decoded images are kept.
    #[must_use]
    pub fn bytes_kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }
}

fn decode(
    decoder: &Decoder,
    photograph: &Photograph,
    distortions: &Distortions,
) -> Result<Tensor<u8>> {
    let path = photograph.path();
    let times = distortions.largest_enlargement();
    let image = photograph.read().and_then(|(_, image)| decoder.decode_at_least(image, times));
    image.map_err(|e| {
        Error::input(path, format!("Error during processing file {} ({e})", text::shown(path)))
    })
}
