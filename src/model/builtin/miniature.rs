//! The built-in backbone `miniature`: the structure and node names of mobilenet_0.25_128 with
//! random weights.
//!
//! It has learnt nothing: its bottlenecks are random features (as in extreme learning machines),
//! good enough to try every step of a retraining without a download, and for tests. For real work
//! take a MobileNet. Weights are normal with variance 2/fan-in (He et al. 2015, arXiv:1502.01852);
//! depthwise kernels are a binomial blur with half of that noise on it, so that twenty-seven layers
//! of chance do not lose the picture. Each channel's batch-normalisation constants are its mean and
//! variance over simulated photographs, so that no layer fades out or saturates. The logits are
//! shifted and scaled in the same way: what photographs have in common is taken out, or it would
//! drown what tells them apart.

use super::mobilenet::{self, LOGITS, Layer, MobilenetBuilder, Normalisation, POOLED};
use crate::error::{Error, Result};
use crate::proto::{self, GraphDef, NodeDef};
use crate::simulate::{ClusterKind, photograph};
use crate::tf::{Graph, Session, Tensor, Threads};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use std::path::Path;
use tensorflow::SessionRunArgs;

const SIZE: u32 = 128;
/// Spatial size after five halvings of 128.
const POOL: i64 = 4;
const WIDTH_QUARTERS: usize = 1;
const SEED: u64 = 20_171_206;
/// Simulated photographs of each kind that the normalisation is calibrated on.
const CALIBRATION_PER_KIND: u64 = 32;
/// β of every normalisation: each channel is cut off at 0 for a part of its values, never at 6.
const BETA: f32 = 1.0;
/// The standard deviation of a logit over photographs: such that gradient descent at the usual rate
/// of 0.01 is stable on 1001 of them (η·|x|²/2 < 2).
const LOGIT_STDDEV: f32 = 0.5;

/// Writes the graph where it is not there yet.
pub(in crate::model) fn maybe_write_miniature(path: &Path) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    log::info!(target: "retrain", "Making the built-in backbone (random weights, for trying out) at {}", path.display());
    write_miniature(path)
}

/// Makes the graph and writes it to `path`.
pub fn write_miniature(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), crate::fsio::ensure_dir_exists)?;
    let graph = GraphDef { node: build()?, ..GraphDef::default() };
    crate::fsio::write(path, &proto::serialize(&graph)?)
}

fn build() -> Result<Vec<NodeDef>> {
    let layers = mobilenet::layers(WIDTH_QUARTERS);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut draw = |fan_in: usize, count: usize, gain: f32| -> Result<Vec<f32>> {
        let normal = Normal::new(0.0f32, (gain / fan_in as f32).sqrt())
            .map_err(|e| Error::model("miniature", e.to_string()))?;
        Ok((0..count).map(|_| normal.sample(&mut rng)).collect())
    };
    let weights = layers
        .iter()
        .map(|l| draw(l.fan_in(), l.kernel.iter().product(), 2.0))
        .collect::<Result<Vec<_>>>()?;
    let weights: Vec<Vec<f32>> = layers
        .iter()
        .zip(weights)
        .map(|(l, w)| if l.depthwise { blurred(l, w) } else { w })
        .collect();
    let features = layers.last().map_or(0, Layer::channels);
    let mut logit_weights = draw(features, features * LOGITS, 1.0)?;
    let (moments, pooled) = calibrate(&layers, &weights)?;
    let logit_biases = normalise_logits(&mut logit_weights, &pooled, features);
    let mut builder = MobilenetBuilder::new(1, SIZE.into());
    for ((layer, weights), (mean, variance)) in layers.iter().zip(&weights).zip(&moments) {
        builder.layer(layer, weights, BETA, &Normalisation::Frozen(mean, variance));
    }
    Ok(builder.finish(POOL, 1, &logit_weights, &logit_biases))
}

/// Turns random depthwise weights, [3, 3, channels, 1], into a blur with half of them on it.
fn blurred(layer: &Layer, mut weights: Vec<f32>) -> Vec<f32> {
    const BINOMIAL: [f32; 3] = [1.0, 2.0, 1.0];
    for (cell, channels) in weights.chunks_mut(layer.kernel[2]).enumerate() {
        // Divided by its root of squares, as the noise's variance is measured.
        let blur = BINOMIAL[cell / 3] * BINOMIAL[cell % 3] / 6.0;
        channels.iter_mut().for_each(|w| *w = blur + 0.5 * *w);
    }
    weights
}

/// Scales the weights [features, logits] so that each logit has the wanted deviation over the
/// calibration's pooled features, and returns the biases that make its mean zero.
fn normalise_logits(weights: &mut [f32], pooled: &[f32], features: usize) -> Vec<f32> {
    let n = (pooled.len() / features) as f32;
    let mut biases = vec![0.0; LOGITS];
    for (logit, bias) in biases.iter_mut().enumerate() {
        let value = |f: &[f32]| -> f32 {
            f.iter().enumerate().map(|(i, x)| x * weights[i * LOGITS + logit]).sum()
        };
        let values: Vec<f32> = pooled.chunks(features).map(value).collect();
        let mean = values.iter().sum::<f32>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n;
        let scale = LOGIT_STDDEV / variance.sqrt().max(f32::MIN_POSITIVE);
        (0..features).for_each(|i| weights[i * LOGITS + logit] *= scale);
        *bias = -mean * scale;
    }
    biases
}

/// The mean and variance of each channel of one layer.
type ChannelMoments = (Vec<f32>, Vec<f32>);

/// The moments of every layer over simulated photographs, each layer normalised by its own, and the
/// pooled features of each photograph, [photographs, features].
fn calibrate(layers: &[Layer], weights: &[Vec<f32>]) -> Result<(Vec<ChannelMoments>, Vec<f32>)> {
    let doing = "calibrating the built-in backbone";
    let kinds = ClusterKind::ALL;
    let batch = CALIBRATION_PER_KIND * kinds.len() as u64;
    let mut builder = MobilenetBuilder::new(batch as i64, SIZE.into());
    let moments: Vec<_> = layers
        .iter()
        .zip(weights)
        .filter_map(|(layer, weights)| builder.layer(layer, weights, BETA, &Normalisation::Batch))
        .collect();
    let nodes = builder.finish(
        POOL,
        batch as i32,
        &vec![0.0; layers.last().map_or(0, Layer::channels) * LOGITS],
        &[0.0; LOGITS],
    );
    let graph = Graph::import(&GraphDef { node: nodes, ..GraphDef::default() })?;
    let session = Session::new(&graph, Threads::default())?;
    let mut pixels = Tensor::<f32>::new(&[batch, SIZE.into(), SIZE.into(), 3]);
    let photographs = kinds
        .iter()
        .flat_map(|&kind| (0..CALIBRATION_PER_KIND).map(move |i| photograph(kind, SEED, i, SIZE)));
    for (row, photograph) in pixels.chunks_mut((SIZE * SIZE * 3) as usize).zip(photographs) {
        row.iter_mut()
            .zip(photograph.as_raw())
            .for_each(|(p, &v)| *p = (f32::from(v) - 127.5) / 127.5);
    }
    let input = graph.output("input")?;
    let mut args = SessionRunArgs::new();
    args.add_feed(&input.operation, input.index, &pixels);
    let mut tokens = Vec::new();
    for m in &moments {
        let (mean, variance) = (graph.operation(&m.mean)?, graph.operation(&m.variance)?);
        tokens.push((args.request_fetch(&mean, 0), args.request_fetch(&variance, 0)));
    }
    let pooled = args.request_fetch(&graph.operation(POOLED)?, 0);
    session.run(&mut args, doing)?;
    let mut take = |token| {
        args.fetch::<f32>(token).map(|t| t.to_vec()).map_err(|e| Error::tensorflow(doing, e))
    };
    let pooled = take(pooled)?;
    let moments = tokens.into_iter().map(|(mean, variance)| Ok((take(mean)?, take(variance)?)));
    Ok((moments.collect::<Result<_>>()?, pooled))
}
