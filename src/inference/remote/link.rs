//! One worker: its session, and what is known about it.

use super::super::network::{TOLERANCE, difference};
use super::super::repeat::same_bits;
use super::Plan;
use super::graph::Sendable;
use super::window::Window;
use crate::error::{Error, Result};
use crate::net::check_online;
use crate::text::one_line;
use crate::tf::{self, Bytes, Graph, Machine, Session, Tensor};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tensorflow::{Output, SessionRunArgs};

/// How long a worker may take to be reached.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long a worker may take to receive the graph, and to run it for the first time.
const JOINING: Duration = Duration::from_secs(60);

/// What TensorFlow says of an op that it only computes with oneDNN, where that is off.
const NO_KERNEL: &str = "Missing 0-th output from";

/// The most characters that are shown of a worker's message.
const LONGEST: usize = 300;

/// A session on a worker. Closed when the last call on it has ended, which may take as long as
/// [`JOINING`], so none of a run's own threads may be the last to hold one.
#[derive(Debug)]
pub(super) struct Connection {
    session: Session,
    images: Output,
    kinds: Output,
    output: Output,
    slots: usize,
    /// Numbers per image.
    size: usize,
}

impl Connection {
    fn new(plan: &Plan, address: &str) -> Result<Self> {
        let graph = Graph::import(&plan.whole.graph)?;
        Ok(Self {
            session: Session::remote(&graph, plan.optimizer, address, JOINING)?,
            images: graph.output(&plan.whole.images)?,
            kinds: graph.output(&plan.whole.kinds)?,
            output: graph.output(&plan.whole.output)?,
            slots: plan.slots,
            size: plan.known.len(),
        })
    }

    /// The vectors of a few images, one after the other.
    ///
    /// # Errors
    /// What to say about the worker, or about one of the images.
    pub(super) fn call(&self, images: &[Sendable], limit: Duration) -> Result<Vec<f32>, String> {
        let values = self.run(images, limit).map_err(|e| said(&e, limit))?;
        let expected = [self.slots as u64, self.slots as u64 * self.size as u64];
        let rows = values.dims().first().copied().unwrap_or_default();
        if [rows, values.len() as u64] != expected {
            return Err(format!(
                "its answer has shape {:?}, not {} times {} numbers",
                values.dims(),
                self.slots,
                self.size
            ));
        }
        Ok(values[..images.len() * self.size].to_vec())
    }

    fn run(&self, images: &[Sendable], limit: Duration) -> Result<Tensor<f32>> {
        let blank = Sendable::blank();
        let all = || images.iter().chain(std::iter::repeat(&blank)).take(self.slots);
        let length = [self.slots as u64];
        let failed = |e| Error::tensorflow("making a tensor", e);
        let data: Vec<Bytes> = all().map(|image| Bytes(image.data.clone())).collect();
        let data = Tensor::new(&length).with_values(&data).map_err(failed)?;
        let kinds: Vec<i32> = all().map(|image| image.kind).collect();
        let kinds = Tensor::new(&length).with_values(&kinds).map_err(failed)?;
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.images.operation, self.images.index, &data);
        args.add_feed(&self.kinds.operation, self.kinds.index, &kinds);
        let token = tf::request(&mut args, &self.output);
        self.session.run_within(&mut args, limit, "calling a worker")?;
        tf::fetch(&mut args, token, "calling a worker")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A worker that has gone has nothing to free.
        let _ = self.session.close();
    }
}

/// What a failed call says about a worker, in a few words.
fn said(error: &Error, limit: Duration) -> String {
    let Error::TensorFlow { message, .. } = error else { return error.to_string() };
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    // Of an error in a graph, the first line only says on which worker.
    let what = if first.contains("From /job:") { lines.next().unwrap_or(first) } else { first };
    match what {
        late if late.ends_with("Deadline Exceeded") => {
            format!("it did not answer within {} s", limit.as_secs())
        }
        missing if missing.starts_with(NO_KERNEL) => {
            "its TensorFlow lacks this network's fused ops; set TF_ENABLE_ONEDNN_OPTS to the same \
             number on both machines: 1, or 0"
                .into()
        }
        "" => "the call failed".into(),
        // A stranger may have chosen the words.
        message => one_line(&message.chars().take(LONGEST).collect::<String>()),
    }
}

/// A worker that computes.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) address: String,
    pub(super) connection: Arc<Connection>,
    /// What it says it is; `None` unless it is one of ours.
    pub(super) machine: Option<Machine>,
    /// How far its answer to the probe was from this machine's; `None` if not at all.
    pub(super) off: Option<f32>,
    /// Whether it was said that its answers are no longer the same to the last bit.
    drifted: AtomicBool,
    window: Mutex<Window>,
    /// Why it is not used any more.
    broken: OnceLock<String>,
    calls: AtomicU64,
    images: AtomicU64,
    /// How many of them there were when its answers were last checked.
    confirmed: AtomicU64,
}

impl Link {
    /// Opens a session on a worker, and compares its answer to the probe.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn join(plan: &Plan, address: &str) -> Result<Self, String> {
        check_online()?;
        reach(address).map_err(|e| format!("it cannot be reached ({e})"))?;
        let connection = Connection::new(plan, address).map_err(|e| e.to_string())?;
        let connection = Arc::new(connection);
        let answer = connection.call(std::slice::from_ref(&plan.probe), JOINING)?;
        let off = difference(&answer, &plan.known);
        if off > TOLERANCE {
            return Err(format!("its answer to a known image is wrong (off by {off:.1e})"));
        }
        let devices = connection.session.devices().map_err(|e| said(&e, JOINING))?;
        // The first call prepared the graph; the second tells how long calls take.
        let start = Instant::now();
        connection.call(std::slice::from_ref(&plan.probe), JOINING)?;
        Ok(Self {
            address: address.to_owned(),
            connection,
            machine: devices.first().and_then(|device| Machine::of_device(device)),
            off: Some(off).filter(|_| !same_bits(&answer, &plan.known)),
            drifted: AtomicBool::new(false),
            window: Mutex::new(Window::new(start.elapsed())),
            broken: OnceLock::new(),
            calls: AtomicU64::new(0),
            images: AtomicU64::new(0),
            confirmed: AtomicU64::new(0),
        })
    }

    /// Compares an answer with this machine's. `Ok(true)` once, when it is no longer the same to
    /// the last bit.
    ///
    /// # Errors
    /// If it is wrong.
    pub(super) fn compare(&self, answer: &[f32], known: &[f32]) -> Result<bool, String> {
        let off = difference(answer, known);
        if off > TOLERANCE {
            let confirmed = self.confirmed.load(Ordering::Relaxed);
            let images = self.images().saturating_sub(confirmed);
            return Err(format!(
                "its answer to an image is wrong (off by {off:.1e}); the {images} others since it \
                 was last checked may be, too, and are kept: delete what this run has cached, and \
                 run it again without this worker"
            ));
        }
        self.confirmed.store(self.images(), Ordering::Relaxed);
        let exact = self.off.is_none() && !same_bits(answer, known);
        Ok(exact && !self.drifted.swap(true, Ordering::Relaxed))
    }

    pub(super) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the worker no more.
    pub(super) fn drop_because(&self, reason: String) {
        let _ = self.broken.set(reason);
    }

    /// Why the worker is not used any more, if it is not.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Counts a call. Returns how many there were before.
    pub(super) fn count_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// How many calls it has answered.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn count_images(&self, images: usize) {
        self.images.fetch_add(images as u64, Ordering::Relaxed);
    }

    /// How many images it has computed.
    pub(super) fn images(&self) -> u64 {
        self.images.load(Ordering::Relaxed)
    }

    /// Whether something still listens there. Only a clear refusal counts: a busy machine may not
    /// answer in time.
    pub(super) fn has_gone(&self) -> bool {
        use io::ErrorKind::{
            ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        };
        let gone = [ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable];
        reach(&self.address).is_err_and(|e| gone.contains(&e.kind()))
    }
}

/// Tries whether something listens at an address, sooner than TensorFlow would tell.
fn reach(address: &str) -> io::Result<()> {
    let mut outcome = Err(io::Error::other("its name stands for no address"));
    for address in address.to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, CONNECTING).map(drop);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}
