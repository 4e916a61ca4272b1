//! Other machines that compute as well: servers of TensorFlow's distributed runtime. Each gets the
//! network once, with decoders before it, and then images as they are in their files. What a worker
//! sends back is numbers, whose count and values are checked; nothing of it is run.

mod abandon;
mod crew;
mod graph;
mod lane;
mod link;
mod window;
mod workers;

pub(super) use crew::Crew;
pub use workers::Workers;

use super::decoder::Undecoded;
use super::network::Exported;
use crate::images::PixelSpec;
use crate::tf::Optimizer;
use graph::{Sendable, WholeGraph, whole_graph};
use std::sync::{Arc, OnceLock};

/// The most batches that a worker gets before it has answered one.
const MOST_IN_FLIGHT: usize = 16;

/// The machines that compute as well, and what they need to know.
#[derive(Debug)]
pub(crate) struct Fleet {
    workers: Workers,
    pixels: PixelSpec,
    plan: OnceLock<Result<Arc<Plan>, String>>,
}

/// What workers compute.
#[derive(Debug)]
struct Plan {
    whole: WholeGraph,
    optimizer: Optimizer,
    /// How many images a call takes.
    slots: usize,
    /// An image, and this machine's answer to it.
    probe: Sendable,
    known: Vec<f32>,
}

/// What an engine has its fleet do.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) network: Exported,
    /// How many images a call takes.
    pub(super) slots: usize,
    /// An image, and this machine's answer to it.
    pub(super) probe: Undecoded,
    pub(super) known: Vec<f32>,
}

impl Fleet {
    pub(super) fn new(workers: &Workers, pixels: &PixelSpec) -> Self {
        Self { workers: workers.clone(), pixels: pixels.clone(), plan: OnceLock::new() }
    }

    /// Whether this machine's cores do not compute.
    pub(crate) fn is_alone(&self) -> bool {
        self.workers.only
    }

    /// How many batches may be on their way to and from the workers that are known now.
    pub(crate) fn in_flight(&self) -> usize {
        MOST_IN_FLIGHT * self.count()
    }

    fn count(&self) -> usize {
        self.workers.addresses().map_or(1, |addresses| addresses.len()).max(1)
    }

    /// Lets the workers begin, or says why they cannot.
    pub(super) fn muster(&self, work: Result<Work, String>) {
        let plan = work.and_then(|work| self.plan(work).map_err(|e| e.to_string()));
        let _ = self.plan.set(plan.map(Arc::new));
    }

    fn plan(&self, work: Work) -> crate::error::Result<Plan> {
        let Work { network: Exported { graph, ends: [input, output], optimizer }, slots, .. } =
            work;
        let whole = whole_graph(graph, [&input, &output], &self.pixels, slots)?;
        let (probe, known) = (Sendable::new(work.probe), work.known);
        Ok(Plan { whole, optimizer, slots, probe, known })
    }
}
