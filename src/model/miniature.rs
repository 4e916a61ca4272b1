//! The built-in backbone `miniature`: the structure and node names of mobilenet_0.25_128 with random weights.
//!
//! It has learnt nothing: its bottlenecks are random features (as in extreme learning machines), good enough to try
//! every step of a retraining without a download, and for tests. For real work take a MobileNet.
//! Weights are normal with variance 2/fan-in (He et al. 2015, arXiv:1502.01852); each channel's batch-normalisation
//! constants are its mean and variance over simulated photographs, so that no layer fades out or saturates.

use super::mobilenet::{self, LOGITS, Layer, MobilenetBuilder, Normalisation};
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
const CALIBRATION_PER_KIND: u64 = 16;
/// Every channel is shifted into ReLU6's range: about one value in six is cut off at 0, none at 6.
const BETA: f32 = 1.0;

/// Writes the graph where it is not there yet.
pub(super) fn maybe_write_miniature(path: &Path) -> Result<()> {
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
        let normal =
            Normal::new(0.0f32, (gain / fan_in as f32).sqrt()).map_err(|e| Error::model("miniature", e.to_string()))?;
        Ok((0..count).map(|_| normal.sample(&mut rng)).collect())
    };
    let weights =
        layers.iter().map(|l| draw(l.fan_in(), l.kernel.iter().product(), 2.0)).collect::<Result<Vec<_>>>()?;
    let features = layers.last().map_or(0, Layer::channels);
    let logit_weights = draw(features, features * LOGITS, 1.0)?;
    let moments = calibrate(&layers, &weights)?;
    let mut builder = MobilenetBuilder::new(1, SIZE.into());
    for ((layer, weights), (mean, variance)) in layers.iter().zip(&weights).zip(&moments) {
        builder.layer(layer, weights, BETA, &Normalisation::Frozen(mean, variance));
    }
    Ok(builder.finish(POOL, 1, &logit_weights, &vec![0.0; LOGITS]))
}

/// The mean and variance of every layer's channels over simulated photographs, each layer normalised by its own.
fn calibrate(layers: &[Layer], weights: &[Vec<f32>]) -> Result<Vec<(Vec<f32>, Vec<f32>)>> {
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
    let photographs =
        kinds.iter().flat_map(|&kind| (0..CALIBRATION_PER_KIND).map(move |i| photograph(kind, SEED, i, SIZE)));
    for (row, photograph) in pixels.chunks_mut((SIZE * SIZE * 3) as usize).zip(photographs) {
        row.iter_mut().zip(photograph.as_raw()).for_each(|(p, &v)| *p = (f32::from(v) - 127.5) / 127.5);
    }
    let input = graph.output("input")?;
    let mut args = SessionRunArgs::new();
    args.add_feed(&input.operation, input.index, &pixels);
    let mut tokens = Vec::new();
    for m in &moments {
        let (mean, variance) = (graph.operation(&m.mean)?, graph.operation(&m.variance)?);
        tokens.push((args.request_fetch(&mean, 0), args.request_fetch(&variance, 0)));
    }
    session.run(&mut args, doing)?;
    let mut take = |token| args.fetch::<f32>(token).map(|t| t.to_vec()).map_err(|e| Error::tensorflow(doing, e));
    tokens.into_iter().map(|(mean, variance)| Ok((take(mean)?, take(variance)?))).collect()
}
