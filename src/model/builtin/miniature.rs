//! The built-in backbone `miniature`: the structure and node names of mobilenet_0.25_128 with
//! random weights.
//!
//! It is untrained: its bottlenecks are random features (as in extreme learning machines), good
//! enough for tests and for trying every step of a retraining without a download. For real work
//! use a MobileNet. Weights are normal with variance 2/fan-in (He et al. 2015, arXiv:1502.01852).
//! Depthwise kernels are a binomial blur plus half of that noise, because 27 layers of noise alone
//! would lose the picture.
//!
//! Each channel is normalised by its mean and variance over simulated photographs, so that no layer
//! fades out or saturates. The logits are shifted and scaled in the same way: otherwise what all
//! photographs have in common would drown out what tells them apart.
//!
//! These moments are in `miniature.moments` as little-endian 32-bit floats: for each of the 27
//! convolutions the means of its channels, then their variances; last, the means and variances of
//! the 1001 logits before they are shifted and scaled. `tests/it/miniature.rs` measures them again
//! and says how to replace the file.

use super::mobilenet::{self, BatchNorm, LOGITS, Layer, MobilenetBuilder};
use crate::error::{Error, Result};
use crate::proto::{self, GraphDef};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::path::Path;

const SIZE: i64 = 128;
/// Spatial size after five halvings of 128.
const POOL: i64 = 4;
const WIDTH_QUARTERS: usize = 1;
const SEED: u64 = 20_171_206;
/// β of every normalisation. With it, ReLU6 clips part of each channel at 0 and hardly any at 6.
const BETA: f32 = 1.0;
/// The standard deviation of a logit over photographs: small enough for gradient descent at the
/// usual rate of 0.01 to be stable on 1001 logits (η·|x|²/2 < 2).
const LOGIT_STDDEV: f32 = 0.5;

/// The moments, in the format that the module's documentation describes.
const MOMENTS: &[u8] = include_bytes!("miniature.moments");

/// Which moments [`build_miniature`] normalises the layers and the logits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calibration {
    /// The measured moments that come with the program.
    Shipped,
    /// Placeholders, to measure new moments with: the same for every channel, and they neither
    /// shift nor scale the logits.
    Pending,
}

/// Writes the graph to `path` unless that file exists.
pub(in crate::model) fn maybe_write_miniature(path: &Path) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    log::info!(
        target: "retrain",
        "Making the built-in backbone (random weights, for trying out) at {}",
        path.display()
    );
    write_miniature(path)
}

/// Builds the graph and writes it to `path`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_miniature(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), crate::fsio::ensure_dir_exists)?;
    crate::fsio::write(path, &proto::serialize(&build_miniature(Calibration::Shipped)?)?)
}

/// Builds the graph, the same bytes on every machine. Does not need TensorFlow.
///
/// # Errors
/// If the shipped moments do not match the number of channels.
pub fn build_miniature(calibration: Calibration) -> Result<GraphDef> {
    let layers = mobilenet::layers(WIDTH_QUARTERS);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let weights: Vec<Vec<f32>> = layers.iter().map(|layer| draw_kernel(&mut rng, layer)).collect();
    let features = layers.last().map_or(0, Layer::channels);
    let mut logit_weights = draw(&mut rng, features, features * LOGITS, 1.0);

    let channels: Vec<usize> = layers.iter().map(Layer::channels).chain([LOGITS]).collect();
    let mut moments = match calibration {
        Calibration::Shipped => shipped_moments(&channels)?,
        Calibration::Pending => channels.iter().map(|&n| Moments::pending(n)).collect(),
    };
    let logit_moments = moments.split_off(layers.len());
    let logit_biases: Vec<f32> =
        logit_moments.iter().flat_map(|m| normalise_logits(&mut logit_weights, m)).collect();

    let mut builder = MobilenetBuilder::new(SIZE);
    for ((layer, weights), Moments { mean, variance }) in layers.iter().zip(&weights).zip(&moments)
    {
        builder.layer(layer, weights, &BatchNorm { beta: BETA, mean, variance });
    }
    let node = builder.finish(POOL, &logit_weights, &logit_biases);
    Ok(GraphDef { node, ..GraphDef::default() })
}

/// Draws `count` normal numbers with variance `gain`/`fan_in`.
fn draw(rng: &mut ChaCha8Rng, fan_in: usize, count: usize, gain: f32) -> Vec<f32> {
    let stddev = (gain / fan_in as f32).sqrt();
    let mut normal = || -> f32 { StandardNormal.sample(rng) };
    (0..count).map(|_| stddev * normal()).collect()
}

/// Draws the weights of the layer's kernel.
fn draw_kernel(rng: &mut ChaCha8Rng, layer: &Layer) -> Vec<f32> {
    let weights = draw(rng, layer.fan_in(), layer.kernel.iter().product(), 2.0);
    if layer.depthwise { blurred(layer, weights) } else { weights }
}

/// Turns random depthwise weights, [3, 3, channels, 1], into a blur plus half of each weight.
fn blurred(layer: &Layer, mut weights: Vec<f32>) -> Vec<f32> {
    const BINOMIAL: [f32; 3] = [1.0, 2.0, 1.0];
    for (cell, channels) in weights.chunks_mut(layer.kernel[2]).enumerate() {
        // 6 is the square root of the sum of the kernel's squares.
        let blur = BINOMIAL[cell / 3] * BINOMIAL[cell % 3] / 6.0;
        channels.iter_mut().for_each(|w| *w = blur + 0.5 * *w);
    }
    weights
}

/// The mean and variance of each channel of a layer over the simulated photographs.
struct Moments {
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Moments {
    /// Moments with which [`normalise_logits`] leaves the weights as they are.
    fn pending(channels: usize) -> Self {
        let variance = LOGIT_STDDEV * LOGIT_STDDEV;
        Self { mean: vec![0.0; channels], variance: vec![variance; channels] }
    }
}

/// Reads [`MOMENTS`]; `channels` is the number of channels of each layer.
fn shipped_moments(channels: &[usize]) -> Result<Vec<Moments>> {
    let wanted = 2 * size_of::<f32>() * channels.iter().sum::<usize>();
    if MOMENTS.len() != wanted {
        let message = format!("miniature.moments has {} bytes, not {wanted}", MOMENTS.len());
        return Err(Error::model("miniature", message));
    }
    let mut values = MOMENTS.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let mut take = |n: usize| values.by_ref().take(n).collect();
    Ok(channels.iter().map(|&n| Moments { mean: take(n), variance: take(n) }).collect())
}

/// Scales the weights, [features, logits], so that each logit has [`LOGIT_STDDEV`], and returns the
/// biases that make its mean zero.
fn normalise_logits(weights: &mut [f32], moments: &Moments) -> Vec<f32> {
    let scales: Vec<f32> =
        moments.variance.iter().map(|v| LOGIT_STDDEV / v.sqrt().max(f32::MIN_POSITIVE)).collect();
    for row in weights.chunks_mut(scales.len()) {
        row.iter_mut().zip(&scales).for_each(|(w, scale)| *w *= scale);
    }
    moments.mean.iter().zip(&scales).map(|(mean, scale)| -mean * scale).collect()
}
