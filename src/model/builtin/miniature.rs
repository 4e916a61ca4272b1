//! The built-in backbone `miniature`: the structure and node names of mobilenet_0.25_128 with
//! random weights.
//!
//! It has learnt nothing: its bottlenecks are random features (as in extreme learning machines),
//! good enough to try every step of a retraining without a download, and for tests. For real work
//! use a MobileNet. Weights are normal with variance 2/fan-in (He et al. 2015, arXiv:1502.01852).
//! Depthwise kernels are a binomial blur plus half of that noise: 27 layers of noise alone would
//! lose the picture.
//!
//! Each channel is normalised by its mean and variance over simulated photographs, so that no layer
//! fades out or saturates. The logits are shifted and scaled in the same way: what all photographs
//! have in common would otherwise drown what tells them apart.
//!
//! These moments are in `miniature.moments`: little-endian 32-bit floats, for each of the 27
//! convolutions the means of its channels and then their variances, last the means and the
//! variances of the 1001 logits before they are shifted and scaled. `tests/it/miniature.rs`
//! measures them again and says how to replace the file.

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
/// β of every normalisation: ReLU6 cuts off each channel at 0 for some of its values, hardly ever
/// at 6.
const BETA: f32 = 1.0;
/// The standard deviation of a logit over photographs: such that gradient descent at the usual rate
/// of 0.01 is stable on 1001 of them (η·|x|²/2 < 2).
const LOGIT_STDDEV: f32 = 0.5;

/// The moments, as the module's documentation describes them.
const MOMENTS: &[u8] = include_bytes!("miniature.moments");

/// Which moments normalise the layers and the logits of [`build_miniature`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calibration {
    /// Those that come with the program.
    Shipped,
    /// None yet: the same for every channel, and such that the logits are neither shifted nor
    /// scaled. A new calibration starts from this graph.
    Pending,
}

/// Writes the graph where it is not there yet.
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

/// Makes the graph and writes it to `path`.
///
/// # Errors
/// What the file system refuses.
pub fn write_miniature(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), crate::fsio::ensure_dir_exists)?;
    crate::fsio::write(path, &proto::serialize(&build_miniature(Calibration::Shipped)?)?)
}

/// Makes the graph: the same bytes on every machine. TensorFlow need not be loaded.
///
/// # Errors
/// Shipped moments that are not as many as the layers have channels.
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

/// `count` normal numbers of variance `gain`/`fan_in`.
fn draw(rng: &mut ChaCha8Rng, fan_in: usize, count: usize, gain: f32) -> Vec<f32> {
    let stddev = (gain / fan_in as f32).sqrt();
    let mut normal = || -> f32 { StandardNormal.sample(rng) };
    (0..count).map(|_| stddev * normal()).collect()
}

/// Random weights, in the shape of the layer's kernel.
fn draw_kernel(rng: &mut ChaCha8Rng, layer: &Layer) -> Vec<f32> {
    let weights = draw(rng, layer.fan_in(), layer.kernel.iter().product(), 2.0);
    if layer.depthwise { blurred(layer, weights) } else { weights }
}

/// Turns random depthwise weights, [3, 3, channels, 1], into a blur with half of them on it.
fn blurred(layer: &Layer, mut weights: Vec<f32>) -> Vec<f32> {
    const BINOMIAL: [f32; 3] = [1.0, 2.0, 1.0];
    for (cell, channels) in weights.chunks_mut(layer.kernel[2]).enumerate() {
        // The root of the sum of the binomial's squares is 6.
        let blur = BINOMIAL[cell / 3] * BINOMIAL[cell % 3] / 6.0;
        channels.iter_mut().for_each(|w| *w = blur + 0.5 * *w);
    }
    weights
}

/// The mean and the variance of each channel of a layer over the calibration's photographs.
struct Moments {
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Moments {
    /// With these, [`normalise_logits`] leaves the weights as they are.
    fn pending(channels: usize) -> Self {
        let variance = LOGIT_STDDEV * LOGIT_STDDEV;
        Self { mean: vec![0.0; channels], variance: vec![variance; channels] }
    }
}

/// Reads [`MOMENTS`], for layers of so many channels.
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

/// Scales the weights, [features, logits], so that each logit has the wanted deviation, and returns
/// the biases that make its mean zero.
fn normalise_logits(weights: &mut [f32], moments: &Moments) -> Vec<f32> {
    let scales: Vec<f32> =
        moments.variance.iter().map(|v| LOGIT_STDDEV / v.sqrt().max(f32::MIN_POSITIVE)).collect();
    for row in weights.chunks_mut(scales.len()) {
        row.iter_mut().zip(&scales).for_each(|(w, scale)| *w *= scale);
    }
    moments.mean.iter().zip(&scales).map(|(mean, scale)| -mean * scale).collect()
}
