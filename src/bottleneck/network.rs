//! The network as it is used where speed counts: many images in one run, batch normalisation folded away. It must
//! give what the published graph gives; where it does not, the published graph is used, one image at a time.

use crate::error::{Error, Result};
use crate::model::{Backbone, free_batch, fuse, optimize};
use crate::proto::GraphDef;
use crate::tf::{Feed, Graph, Session, Tensor, Threads};
use log::{debug, warn};
use tensorflow::Output;

/// How far a bottleneck may be from the published graph's, relative to its largest number: sums in another order
/// differ in the last bits (about 1e-6 after a MobileNet's 27 layers), a mistake by far more.
const TOLERANCE: f32 = 1e-4;

/// Several batches run side by side, each on the thread that brings it: no core is idle at the end of a layer.
const THREADS: Threads = Threads { intra_op: 1, inter_op: -1 };

/// Computes the bottlenecks of many images. It may be called from several threads at once.
#[derive(Debug)]
pub struct BatchNetwork {
    network: Network,
    batched: bool,
}

impl BatchNetwork {
    /// Rewrites the network, and compares it with the published one on `probe`, the pixels of one image
    /// [1, height, width, depth].
    pub fn new(backbone: &Backbone, probe: &Tensor<f32>) -> Result<Self> {
        let frozen = backbone.frozen()?;
        let published = Network::new(&frozen, backbone, Session::unoptimized)?;
        let wanted = published.run(probe)?;
        // Three images of which two are the same: rows that got mixed up would show.
        let mut other = probe.clone();
        other.reverse();
        let mut batch = Tensor::new(&[&[3], &probe.dims()[1..]].concat());
        for (row, image) in batch.chunks_mut(probe.len()).zip([&other, probe, &other]) {
            row.copy_from_slice(image);
        }
        let (from, to) = (&backbone.input, &backbone.bottleneck);
        let folded = || optimize(&frozen, from, to, &backbone.pixels);
        let candidates: [(&str, &dyn Fn() -> GraphDef, Open); 3] = [
            ("with fused convolutions", &|| fuse(&folded(), to), Session::new),
            ("with batch normalisation folded", &folded, Session::rewritten),
            ("with a free batch", &|| free_batch(&frozen, from, to, &backbone.pixels), Session::rewritten),
        ];
        for (what, graph, open) in candidates {
            let tried = Network::new(&graph(), backbone, open).and_then(|n| Ok((n.run(&batch)?, n)));
            let judged = tried.and_then(|(values, network)| {
                let [first, second, third] = rows(&values, wanted.len());
                let other = if first == second { published.run(&other)?.to_vec() } else { first.to_vec() };
                let mistakes = [(second, &wanted[..]), (third, first), (first, &other)];
                Ok((mistakes.into_iter().fold(0.0, |m, (a, b)| difference(a, b).max(m)), network))
            });
            match judged {
                Ok((difference, network)) if difference <= TOLERANCE => {
                    debug!(target: "retrain", "The network {what} agrees with the published one to {difference:.1e}");
                    return Ok(Self { network, batched: true });
                }
                Ok((difference, _)) => debug!(target: "retrain", "The network {what} is off by {difference:.1e}"),
                Err(error) => debug!(target: "retrain", "The network {what} does not run: {error}"),
            }
        }
        warn!(
            target: "retrain",
            "{}: a batch of images gives other bottlenecks than each image does; it is run one image at a time, slowly",
            backbone.name
        );
        let network = Network::new(&frozen, backbone, Session::new)?;
        Ok(Self { network, batched: false })
    }

    /// Whether many images are computed in one run.
    #[must_use]
    pub fn is_batched(&self) -> bool {
        self.batched
    }

    /// The bottlenecks of `pixels`, [images, height, width, depth], one after the other.
    pub fn run(&self, pixels: &Tensor<f32>) -> Result<Tensor<f32>> {
        let count = pixels.dims()[0];
        if self.batched || count == 1 {
            return self.network.run(pixels);
        }
        let mut all = Tensor::new(&[count, self.network.size as u64]);
        let mut image = Tensor::new(&[&[1], &pixels.dims()[1..]].concat());
        for (row, one) in all.chunks_mut(self.network.size).zip(pixels.chunks(image.len().max(1))) {
            image.copy_from_slice(one);
            row.copy_from_slice(&self.network.run(&image)?);
        }
        Ok(all)
    }
}

/// The three rows of a batch; empty ones where there are not that many.
fn rows(values: &[f32], size: usize) -> [&[f32]; 3] {
    let mut rows = values.chunks(size.max(1));
    std::array::from_fn(|_| rows.next().unwrap_or_default())
}

/// The largest difference relative to the largest number; infinite where anything is not a number.
fn difference(values: &[f32], wanted: &[f32]) -> f32 {
    let largest = wanted.iter().fold(f32::MIN_POSITIVE, |l, w| l.max(w.abs()));
    let differences = values.iter().zip(wanted).map(|(v, w)| (v - w).abs() / largest);
    let worst = differences.fold(0.0f32, |l, d| if d.is_finite() { l.max(d) } else { f32::INFINITY });
    if values.len() == wanted.len() { worst } else { f32::INFINITY }
}

/// How a session is opened.
type Open = fn(&Graph, Threads) -> Result<Session>;

/// A graph and its session.
#[derive(Debug)]
struct Network {
    session: Session,
    input: Output,
    bottleneck: Output,
    size: usize,
}

impl Network {
    fn new(graph: &GraphDef, backbone: &Backbone, open: Open) -> Result<Self> {
        let graph = Graph::import(graph)?;
        Ok(Self {
            session: open(&graph, THREADS)?,
            input: graph.output(&backbone.input)?,
            bottleneck: graph.output(&backbone.bottleneck)?,
            size: backbone.bottleneck_size,
        })
    }

    fn run(&self, pixels: &Tensor<f32>) -> Result<Tensor<f32>> {
        let feed = Feed { output: &self.input, value: pixels };
        let values: Tensor<f32> = self.session.run_one(feed, &self.bottleneck, "computing bottlenecks")?;
        if values.len() as u64 != pixels.dims()[0] * self.size as u64 {
            let message = format!("holds {:?} numbers instead of {} an image", values.dims(), self.size);
            return Err(Error::model("the bottleneck tensor", message));
        }
        Ok(values)
    }
}
