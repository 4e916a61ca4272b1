//! The simulation: what happens to each batch, in order, and what waits for what.

mod client;

use super::costs::{Network, Text};
use super::links::Link;
use super::resources::Resources;
use super::window::Window;
use super::{BATCH, CHECKED};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::time::Duration;

/// What is simulated. Cores are numbers; whoever has the same shares it.
#[derive(Debug, Clone)]
pub(crate) struct Setup<'c> {
    pub(crate) network: &'c Network,
    /// The sizes of photographs, each as frequent as the others.
    pub(crate) photograph_bytes: &'c [f64],
    pub(crate) client_cores: Vec<usize>,
    /// The cores of each worker.
    pub(crate) worker_cores: Vec<Vec<usize>>,
    /// The client's, each way.
    pub(crate) link: Link,
    pub(crate) text: Text,
    pub(crate) until: Until,
}

/// When a simulation ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// So many photographs are kept.
    Images(usize),
    /// So many batches are kept since the last worker has joined.
    Batches(usize),
}

/// What a simulation has found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    /// Photographs a second, once all workers compute.
    pub(crate) rate: f64,
    /// How much longer it took than it would at that rate.
    pub(crate) start: f64,
}

/// What is over.
#[derive(Debug)]
enum Step {
    Prepared,
    Introduced { worker: usize },
    GraphSent { worker: usize },
    Joined { worker: usize },
    Read(Batch),
    Sent(Batch),
    Uploaded(Batch),
    Arrived(Batch),
    Computed(Batch),
    Downloaded(Batch),
    Answered(Batch),
    Checked { worker: usize },
    Kept,
}

/// A few photographs.
#[derive(Debug, Clone, Copy)]
struct Batch {
    bytes: f64,
    worker: usize,
    /// When the worker's thread took it.
    taken: f64,
}

#[derive(Debug)]
struct Worker {
    cores: Vec<usize>,
    window: Option<Window>,
    /// Batches that it has.
    in_flight: usize,
    /// Its threads that wait for a batch.
    idle: usize,
    /// Batches that have arrived.
    queue: VecDeque<Batch>,
    running: usize,
    calls: usize,
}

struct Pipeline<'c> {
    setup: &'c Setup<'c>,
    resources: Resources<Step>,
    up: usize,
    down: usize,
    random: ChaCha8Rng,
    workers: Vec<Worker>,
    mean_bytes: f64,
    /// Of the photographs to come.
    sizes: Vec<f64>,
    /// How many batches may wait, besides one for each core.
    queue: usize,
    /// How many batches the reader has begun.
    begun: usize,
    /// The batch that waits for room.
    read: Option<Batch>,
    loaded: VecDeque<Batch>,
    /// The worker of each thread that waits for a batch.
    idle: VecDeque<usize>,
    /// The worker of each answer that waits to be kept.
    answers: VecDeque<usize>,
    keeping: bool,
    kept: usize,
    /// When batches were kept, since all workers compute.
    steady: Vec<f64>,
}

/// Simulates a run.
pub(crate) fn simulate(setup: &Setup<'_>) -> Outcome {
    let mut pipeline = Pipeline::new(setup);
    pipeline.read_on();
    pipeline.resources.after(setup.network.client.prepare, Step::Prepared);
    while !pipeline.is_over() {
        let Some(step) = pipeline.resources.next() else { break };
        pipeline.take(step);
    }
    pipeline.outcome()
}

impl<'c> Pipeline<'c> {
    fn new(setup: &'c Setup<'c>) -> Self {
        let cores = setup.client_cores.iter().chain(setup.worker_cores.iter().flatten());
        let up = cores.max().map_or(0, |last| last + 1);
        let bytes = setup.photograph_bytes;
        let worker = |cores: &Vec<usize>| Worker {
            cores: cores.clone(),
            window: None,
            in_flight: 0,
            idle: 0,
            queue: VecDeque::new(),
            running: 0,
            calls: 0,
        };
        Self {
            setup,
            resources: Resources::new(up + 2),
            up,
            down: up + 1,
            random: ChaCha8Rng::seed_from_u64(1),
            workers: setup.worker_cores.iter().map(worker).collect(),
            mean_bytes: bytes.iter().sum::<f64>() / bytes.len() as f64,
            sizes: Vec::new(),
            queue: 2 * setup.worker_cores.len(),
            begun: 0,
            read: None,
            loaded: VecDeque::new(),
            idle: VecDeque::new(),
            answers: VecDeque::new(),
            keeping: false,
            kept: 0,
            steady: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        match self.setup.until {
            Until::Images(images) => self.kept * BATCH >= images,
            Until::Batches(batches) => self.steady.len() >= batches,
        }
    }

    fn outcome(&self) -> Outcome {
        let seconds = self.resources.now();
        // The first third is left out: windows still grow.
        let later = &self.steady[self.steady.len() / 3..];
        let span = later.last().unwrap_or(&0.0) - later.first().unwrap_or(&0.0);
        let rate = (later.len().saturating_sub(1) * BATCH) as f64 / span;
        Outcome { seconds, rate, start: seconds - (self.kept * BATCH) as f64 / rate }
    }

    fn take(&mut self, step: Step) {
        let latency = self.setup.link.latency;
        match step {
            Step::Prepared => self.introduce_all(),
            Step::Introduced { worker } => {
                let bytes = self.setup.network.graph_bytes;
                self.send(self.up, bytes, Step::GraphSent { worker });
            }
            Step::GraphSent { worker } => {
                let core = self.resources.least_used(&self.workers[worker].cores);
                let join = self.setup.network.worker.join;
                self.resources.work(core, join, Step::Joined { worker });
            }
            Step::Joined { worker } => self.begin(worker),
            Step::Read(batch) => {
                self.read = Some(batch);
                self.share_out();
            }
            Step::Sent(batch) => self.send(self.up, batch.bytes, Step::Uploaded(batch)),
            Step::Uploaded(batch) => self.resources.after(latency, Step::Arrived(batch)),
            Step::Arrived(batch) => {
                self.workers[batch.worker].queue.push_back(batch);
                self.compute(batch.worker);
            }
            Step::Computed(batch) => {
                self.workers[batch.worker].running -= 1;
                self.compute(batch.worker);
                let bytes = BATCH as f64 * self.setup.network.answer_bytes();
                self.send(self.down, bytes, Step::Downloaded(batch));
            }
            Step::Downloaded(batch) => self.resources.after(latency, Step::Answered(batch)),
            Step::Answered(batch) => self.take_answer(batch),
            Step::Checked { worker } => self.finish(worker),
            Step::Kept => self.kept(),
        }
    }

    fn client_work(&mut self, seconds: f64, then: Step) {
        let core = self.resources.least_used(&self.setup.client_cores);
        self.resources.work(core, seconds, then);
    }

    fn send(&mut self, way: usize, bytes: f64, then: Step) {
        self.resources.work(way, bytes / self.setup.link.bytes_per_second, then);
    }

    fn introduce_all(&mut self) {
        for worker in 0..self.workers.len() {
            let join = self.setup.network.client.join;
            self.client_work(join, Step::Introduced { worker });
        }
    }

    /// A worker that has joined is given batches.
    fn begin(&mut self, worker: usize) {
        let Setup { network, link, .. } = self.setup;
        // The probe: one photograph in a batch.
        let work =
            network.client.send + network.worker.decode + network.worker.network * BATCH as f64;
        let call = Duration::from_secs_f64(work + 2.0 * link.latency);
        self.workers[worker].window = Some(Window::new(call));
        self.open(worker);
    }

    /// As many threads of a worker wait for batches as its window says.
    fn open(&mut self, worker: usize) {
        let w = &mut self.workers[worker];
        let size = w.window.as_ref().map_or(0, Window::size);
        while w.in_flight + w.idle < size {
            w.idle += 1;
            self.idle.push_back(worker);
        }
        self.share_out();
    }

    /// A worker begins the batches for which it has cores.
    fn compute(&mut self, worker: usize) {
        let network = self.setup.network;
        while self.workers[worker].running < self.workers[worker].cores.len() {
            let w = &mut self.workers[worker];
            let Some(batch) = w.queue.pop_front() else { break };
            w.running += 1;
            let core = self.resources.least_used(&w.cores);
            let each = network.worker.receive + network.worker.network;
            // Its time goes with the size of the file.
            let decode = network.worker.decode * batch.bytes / self.mean_bytes;
            self.resources.work(core, BATCH as f64 * each + decode, Step::Computed(batch));
        }
    }

    fn take_answer(&mut self, batch: Batch) {
        let call = Duration::from_secs_f64(self.resources.now() - batch.taken);
        let worker = &mut self.workers[batch.worker];
        if let Some(window) = &mut worker.window {
            window.record(call);
        }
        worker.calls += 1;
        if worker.calls.is_multiple_of(CHECKED) {
            let worker = batch.worker;
            self.client_work(self.setup.network.check(), Step::Checked { worker });
        } else {
            self.finish(batch.worker);
        }
    }
}
