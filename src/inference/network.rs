//! Makes a network fast: many images in one run, batch normalisation folded away. The result is
//! compared with the published graph; if they differ, the published graph is used, one image at a
//! time. If the published graph itself is random, its bottlenecks are refused, and its scores
//! differ from run to run, with a warning.

use super::repeat::{same_bits, varies, varying_answers};
use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::model::{RandomOp, batch_norm, random_op};
use crate::proto::{GraphDef, InputRef};
use crate::rewrite::{free_batch, fuse, optimize};
use crate::tf::{Feed, Graph, Optimizer, Session, Tensor, Threads};
use log::{debug, warn};
use tensorflow::Output;

/// The largest difference from the published graph's bottleneck, relative to its largest number.
/// Sums in another order differ in the last bits (about 1e-6 after a MobileNet's 27 layers); a
/// mistake makes a far larger difference.
pub(super) const TOLERANCE: f32 = 1e-4;

/// The weight of a probability's relative difference when it is compared with [`TOLERANCE`].
const EACH: f32 = 0.1;

/// Each batch runs on the calling thread, several at once, so that no core idles at the end of a
/// layer.
const THREADS: Threads = Threads { intra_op: 1, inter_op: -1 };

/// A network: the part of a graph between two tensors.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// The graph, without variables.
    pub graph: &'a GraphDef,
    /// The tensor that the pixels are fed to.
    pub input: &'a str,
    /// The tensor that is read, [images, n].
    pub output: &'a str,
    /// The pixels of an image.
    pub pixels: &'a PixelSpec,
    /// The n of `output`, if it is known.
    pub size: Option<usize>,
    /// Whether `output` holds probabilities. Most of those are close to 0 whatever the network
    /// does, so differences are also judged relative to each one, not only to the largest.
    pub probabilities: bool,
}

/// Computes the outputs of a network, such as bottlenecks, for many images. Several threads may use
/// it at once.
#[derive(Debug)]
pub struct BatchNetwork {
    network: Network,
    batched: bool,
}

impl BatchNetwork {
    /// Rewrites the network, and compares it with the published one on `probe`, the pixels of one
    /// image [1, height, width, depth].
    ///
    /// # Errors
    /// If the network fails to run, or is random and should compute bottlenecks.
    pub fn of_part(part: &Part<'_>, probe: &Tensor<f32>) -> Result<Self> {
        let published = Network::published(part)?;
        let wanted = published.run(probe)?;
        if let Some(random) = part.varying(|| published.run(probe))? {
            return Self::of_random(part, Some(&random));
        }
        let part = &Part { size: Some(wanted.len()), ..*part };
        if let Some(network) = part.rewritten(&published, probe, &wanted) {
            return Ok(Self { network, batched: true });
        }
        // It may be random although none of its ops is known to be.
        let again = published.run(probe)?;
        if !same_bits(&again, &wanted) && part.difference(&again, &wanted) > TOLERANCE {
            return Self::of_random(part, None);
        }
        warn!(
            target: "retrain",
            "{}: images give different {} in a batch than alone{}; the network runs one image at a \
             time, slowly",
            part.name,
            if part.probabilities { "scores" } else { "bottlenecks" },
            part.why_batches_differ().map(|why| format!(": {why}")).unwrap_or_default()
        );
        let network = Network::new(part.graph, part, Optimizer::Off, THREADS)?;
        Ok(Self { network, batched: false })
    }

    /// A random network: a warning if it gives probabilities, an error if it gives bottlenecks.
    fn of_random(part: &Part<'_>, random: Option<&RandomOp>) -> Result<Self> {
        if part.probabilities {
            warn!(target: "retrain", "{}: {}", part.name, varying_answers(random));
            let network = Network::new(part.graph, part, Optimizer::Off, THREADS)?;
            return Ok(Self { network, batched: false });
        }
        let node = random.map_or(InputRef::parse(part.output).node, |r| &r.node);
        let op = random.map(|r| format!(" ({})", r.op)).unwrap_or_default();
        let message = format!(
            "is random{op}: the same image gives different bottlenecks each time; freeze the \
             graph for inference, without dropout"
        );
        Err(Error::graph(node, message))
    }

    /// The network as published, when there are too few images for rewriting to pay off. `probe` is
    /// the pixels of one image.
    pub fn published(part: &Part<'_>, probe: &Tensor<f32>) -> Result<Self> {
        let network = Network::new(part.graph, part, Optimizer::Off, Threads::default())?;
        if let Some(random) = part.varying(|| network.run(probe))? {
            warn!(target: "retrain", "{}: {}", part.name, varying_answers(Some(&random)));
        }
        Ok(Self { network, batched: false })
    }

    /// Whether many images are computed in one run.
    #[must_use]
    pub fn is_batched(&self) -> bool {
        self.batched
    }

    /// What another machine needs to compute the same.
    pub(super) fn export(&self) -> Result<Exported> {
        let Network { graph, optimizer, input, output, .. } = &self.network;
        let name = |tensor: &Output| {
            let name = tensor.name().map_err(|e| Error::tensorflow("naming a tensor", e))?;
            Ok(if name.index == 0 { name.name } else { name.to_string() })
        };
        Ok(Exported {
            graph: graph.graph_def()?,
            ends: [name(input)?, name(output)?],
            optimizer: *optimizer,
        })
    }

    /// The outputs for `pixels`, [images, height, width, depth]: [images, n].
    pub fn run(&self, pixels: &Tensor<f32>) -> Result<Tensor<f32>> {
        let count = pixels.dims()[0];
        if self.batched || count == 1 {
            return self.network.run(pixels);
        }
        let mut all = Vec::new();
        let mut image = Tensor::new(&[&[1], &pixels.dims()[1..]].concat());
        for one in pixels.chunks(image.len().max(1)) {
            image.copy_from_slice(one);
            all.extend_from_slice(&self.network.run(&image)?);
        }
        let dims = [count, all.len() as u64 / count.max(1)];
        Tensor::new(&dims).with_values(&all).map_err(|e| Error::tensorflow("making a tensor", e))
    }
}

/// A network that can run elsewhere.
#[derive(Debug)]
pub(super) struct Exported {
    pub(super) graph: GraphDef,
    /// The tensor that the pixels are fed to, and the one that is read.
    pub(super) ends: [String; 2],
    pub(super) optimizer: Optimizer,
}

impl Part<'_> {
    fn random_op(&self) -> Option<RandomOp> {
        random_op(self.graph, self.input, self.output)
    }

    /// The random op because of which repeated runs differ, if they do.
    fn varying(&self, run: impl FnMut() -> Result<Tensor<f32>>) -> Result<Option<RandomOp>> {
        let Some(random) = self.random_op() else { return Ok(None) };
        Ok(varies(run)?.then_some(random))
    }

    /// The fastest rewritten network whose batches agree with the published network.
    fn rewritten(
        &self,
        published: &Network,
        probe: &Tensor<f32>,
        wanted: &[f32],
    ) -> Option<Network> {
        let (from, to) = (self.input, self.output);
        let folded = || optimize(self.graph, from, to, self.pixels);
        let candidates: [(&str, &dyn Fn() -> GraphDef, Optimizer); 3] = [
            ("with fused convolutions", &|| fuse(&folded(), to), Optimizer::Off),
            ("with batch normalisation folded", &folded, Optimizer::Grappler),
            (
                "with a free batch",
                &|| free_batch(self.graph, from, to, self.pixels),
                Optimizer::Grappler,
            ),
        ];
        for (what, graph, optimizer) in candidates {
            let tried = Network::new(&graph(), self, optimizer, THREADS);
            let judged = tried.and_then(|n| Ok((self.mistake(&n, published, probe, wanted)?, n)));
            match judged {
                Ok((difference, network)) if difference <= TOLERANCE => {
                    debug!(
                        target: "retrain",
                        "The network {what} agrees with the published one to {difference:.1e}"
                    );
                    return Some(network);
                }
                Ok((difference, _)) => {
                    debug!(target: "retrain", "The network {what} is off by {difference:.1e}")
                }
                Err(error) => debug!(target: "retrain", "The network {what} does not run: {error}"),
            }
        }
        None
    }

    /// How far a batch's outputs are from the published network's for each image; `wanted` is the
    /// published output for `probe`.
    fn mistake(
        &self,
        network: &Network,
        published: &Network,
        probe: &Tensor<f32>,
        wanted: &[f32],
    ) -> Result<f32> {
        // Two images, each twice, so that mixed-up rows would show.
        let mut other = probe.clone();
        other.reverse();
        let mut batch = Tensor::new(&[&[4], &probe.dims()[1..]].concat());
        for (row, image) in batch.chunks_mut(probe.len()).zip([&other, probe, &other, probe]) {
            row.copy_from_slice(image);
        }
        let values = network.run(&batch)?;
        let [first, second, third, fourth] = rows(&values, wanted.len());
        let other = if first == second { published.run(&other)?.to_vec() } else { first.to_vec() };
        let mistakes = [(second, wanted), (first, &other[..]), (third, first), (fourth, second)];
        Ok(mistakes.into_iter().fold(0.0, |m, (a, b)| self.difference(a, b).max(m)))
    }

    /// Why an image's output depends on the rest of its batch, if the graph shows it.
    fn why_batches_differ(&self) -> Option<String> {
        if let Some(random) = self.random_op() {
            return Some(random.sentence());
        }
        let norm = batch_norm(self.graph, self.input, self.output)?;
        Some(format!("'{}' ({}) normalises by the batch", norm.name, norm.op))
    }

    /// How far the output of a rewritten network is from the published one's.
    fn difference(&self, values: &[f32], wanted: &[f32]) -> f32 {
        let overall = difference(values, wanted);
        if !self.probabilities {
            return overall;
        }
        let each =
            values.iter().zip(wanted).map(|(v, w)| (v - w).abs() / w.abs().max(f32::MIN_POSITIVE));
        // Rounding of the logits makes a large relative difference in a small probability.
        each.fold(overall, |worst, d| worst.max(d * EACH))
    }
}

/// The first `N` rows of a batch; missing ones are empty.
fn rows<const N: usize>(values: &[f32], size: usize) -> [&[f32]; N] {
    let mut rows = values.chunks(size.max(1));
    std::array::from_fn(|_| rows.next().unwrap_or_default())
}

/// The largest difference, relative to the largest number; infinite if any difference is not
/// finite.
pub(super) fn difference(values: &[f32], wanted: &[f32]) -> f32 {
    let largest = wanted.iter().fold(f32::MIN_POSITIVE, |l, w| l.max(w.abs()));
    let differences = values.iter().zip(wanted).map(|(v, w)| (v - w).abs() / largest);
    let worst =
        differences.fold(0.0f32, |l, d| if d.is_finite() { l.max(d) } else { f32::INFINITY });
    if values.len() == wanted.len() { worst } else { f32::INFINITY }
}

/// A graph and its session.
#[derive(Debug)]
pub(super) struct Network {
    graph: Graph,
    optimizer: Optimizer,
    session: Session,
    input: Output,
    output: Output,
    /// Output numbers per image, if known.
    size: Option<usize>,
}

impl Network {
    /// The network as it is in its graph.
    pub(super) fn published(part: &Part<'_>) -> Result<Self> {
        Self::open(part.graph, part, Optimizer::Off, |graph| Session::unoptimized(graph, THREADS))
    }

    fn new(
        graph: &GraphDef,
        part: &Part<'_>,
        optimizer: Optimizer,
        threads: Threads,
    ) -> Result<Self> {
        Self::open(graph, part, optimizer, |graph| match optimizer {
            Optimizer::Off => Session::new(graph, threads),
            Optimizer::Grappler => Session::rewritten(graph, threads),
        })
    }

    fn open(
        graph: &GraphDef,
        part: &Part<'_>,
        optimizer: Optimizer,
        open: impl FnOnce(&Graph) -> Result<Session>,
    ) -> Result<Self> {
        let graph = Graph::import(graph)?;
        Ok(Self {
            session: open(&graph)?,
            optimizer,
            input: graph.output(part.input)?,
            output: graph.output(part.output)?,
            size: part.size,
            graph,
        })
    }

    pub(super) fn run(&self, pixels: &Tensor<f32>) -> Result<Tensor<f32>> {
        let feed = Feed { output: &self.input, value: pixels };
        let values: Tensor<f32> =
            self.session.run_one(feed, &self.output, "running the network")?;
        let size = self.size.unwrap_or(values.len());
        if values.len() as u64 != pixels.dims()[0] * size as u64 {
            let message = format!("has shape {:?}, not {size} numbers per image", values.dims());
            return Err(Error::model("the output tensor", message));
        }
        Ok(values)
    }
}
