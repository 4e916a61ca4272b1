//! Sessions: feed tensors, run the graph, fetch tensors.

use super::graph::Graph;
use crate::error::{Error, Result};
use crate::proto::{self, ConfigProto, GraphOptions, OptimizerOptions, RewriterConfig, RunOptions};
use std::time::Duration;
use tensorflow::{
    FetchToken, Operation, Output, SessionOptions, SessionRunArgs, Tensor, TensorType,
};

/// How many threads a session may use. 0 lets TensorFlow choose.
///
/// A negative `inter_op` runs all ops on the calling thread, so that runs on several threads do not
/// wait for each other. (Otherwise they share one pool for the whole process, as large as its first
/// session asked for.)
#[derive(Debug, Clone, Copy, Default)]
pub struct Threads {
    /// Threads inside one op.
    pub intra_op: i32,
    /// Ops that run in parallel.
    pub inter_op: i32,
}

/// What may change a graph before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    /// Nothing: see [`Session::new`].
    Off,
    /// See [`Session::rewritten`].
    Grappler,
}

/// A session on a graph.
#[derive(Debug)]
pub struct Session {
    inner: tensorflow::Session,
}

/// A tensor to feed, and the output it replaces.
#[derive(Debug)]
pub struct Feed<'t, T: TensorType> {
    /// The output that is replaced.
    pub output: &'t Output,
    /// Its value for this run.
    pub value: &'t Tensor<T>,
}

impl Session {
    /// Opens a session without Grappler, which costs start-up time and changes rounding: for a few
    /// small ops, or a graph that is already rewritten.
    pub fn new(graph: &Graph, threads: Threads) -> Result<Self> {
        Self::open(graph, threads, true, 0)
    }

    /// Opens a session whose graph Grappler may rewrite (convolution, bias and activation become
    /// one op). That is worth the start-up time if a large network runs often, but changes the last
    /// bits of results.
    pub fn rewritten(graph: &Graph, threads: Threads) -> Result<Self> {
        Self::open(graph, threads, false, 0)
    }

    /// Opens a session that runs the graph op by op as it stands, for a graph that runs once or
    /// twice.
    pub fn unoptimized(graph: &Graph, threads: Threads) -> Result<Self> {
        Self::open(graph, threads, true, -1)
    }

    /// A session on the server at `address` (HOST:PORT), which need not be there yet: the first run
    /// sends it the graph. Sending, and closing, take at most `limit`.
    pub fn remote(
        graph: &Graph,
        optimizer: Optimizer,
        address: &str,
        limit: Duration,
    ) -> Result<Self> {
        let config = ConfigProto {
            operation_timeout_in_ms: milliseconds(limit),
            ..config(Threads::default(), optimizer == Optimizer::Off, 0)
        };
        Self::with_config(graph, &config, Some(&format!("grpc://{address}")))
    }

    fn open(
        graph: &Graph,
        threads: Threads,
        disable_meta_optimizer: bool,
        opt_level: i32,
    ) -> Result<Self> {
        Self::with_config(graph, &config(threads, disable_meta_optimizer, opt_level), None)
    }

    fn with_config(graph: &Graph, config: &ConfigProto, target: Option<&str>) -> Result<Self> {
        let fail = |e| Error::tensorflow("opening a session", e);
        let mut options = SessionOptions::new();
        options.set_config(&proto::serialize(config)?).map_err(fail)?;
        if let Some(target) = target {
            options.set_target(target).map_err(|e| Error::tensorflow("opening a session", e))?;
        }
        Ok(Self { inner: tensorflow::Session::new(&options, graph.inner()).map_err(fail)? })
    }

    /// The names of the devices that the session can use. Asks a remote session's server.
    pub fn devices(&self) -> Result<Vec<String>> {
        let devices = self.inner.device_list();
        let devices = devices.map_err(|e| Error::tensorflow("listing devices", e))?;
        Ok(devices.into_iter().map(|device| device.name).collect())
    }

    /// Frees what a remote session's server holds for it.
    pub fn close(&mut self) -> Result<()> {
        self.inner.close().map_err(|e| Error::tensorflow("closing a session", e))
    }

    /// As [`run`](Self::run), but fails after `limit`. Without a limit, a run on a server that has
    /// gone away never ends.
    pub fn run_within(
        &self,
        args: &mut SessionRunArgs<'_>,
        limit: Duration,
        doing: &str,
    ) -> Result<()> {
        let options = RunOptions { timeout_in_ms: milliseconds(limit), ..Default::default() };
        args.set_run_options(&proto::serialize(&options)?);
        self.run(args, doing)
    }

    /// Runs `args`; `doing` says what for, in an error.
    pub fn run(&self, args: &mut SessionRunArgs<'_>, doing: &str) -> Result<()> {
        self.inner.run(args).map_err(|e| Error::tensorflow(doing, e))
    }

    /// Feeds one tensor and fetches another.
    pub fn run_one<I: TensorType, O: TensorType>(
        &self,
        feed: Feed<'_, I>,
        fetch: &Output,
        doing: &str,
    ) -> Result<Tensor<O>> {
        let mut args = SessionRunArgs::new();
        args.add_feed(&feed.output.operation, feed.output.index, feed.value);
        let token = args.request_fetch(&fetch.operation, fetch.index);
        self.run(&mut args, doing)?;
        args.fetch(token).map_err(|e| Error::tensorflow(doing, e))
    }

    /// Fetches one tensor without feeding anything.
    pub fn fetch<O: TensorType>(&self, fetch: &Output, doing: &str) -> Result<Tensor<O>> {
        let mut args = SessionRunArgs::new();
        let token = args.request_fetch(&fetch.operation, fetch.index);
        self.run(&mut args, doing)?;
        args.fetch(token).map_err(|e| Error::tensorflow(doing, e))
    }

    /// Runs operations for their effect, without fetching.
    pub fn run_targets(&self, targets: &[Operation], doing: &str) -> Result<()> {
        let mut args = SessionRunArgs::new();
        targets.iter().for_each(|t| args.add_target(t));
        self.run(&mut args, doing)
    }
}

/// Asks for the value of a tensor.
pub fn request(args: &mut SessionRunArgs<'_>, output: &Output) -> FetchToken {
    args.request_fetch(&output.operation, output.index)
}

/// Takes the value of a tensor after the run; `doing` says what for, in an error.
pub fn fetch<T: TensorType>(
    args: &mut SessionRunArgs<'_>,
    token: FetchToken,
    doing: &str,
) -> Result<Tensor<T>> {
    args.fetch(token).map_err(|e| Error::tensorflow(doing, e))
}

fn config(threads: Threads, disable_meta_optimizer: bool, opt_level: i32) -> ConfigProto {
    let rewrite = RewriterConfig { disable_meta_optimizer, ..Default::default() };
    let optimizer = OptimizerOptions { opt_level, ..Default::default() };
    let options = GraphOptions {
        rewrite_options: Some(rewrite).into(),
        optimizer_options: Some(optimizer).into(),
        ..Default::default()
    };
    ConfigProto {
        intra_op_parallelism_threads: threads.intra_op,
        inter_op_parallelism_threads: threads.inter_op,
        graph_options: Some(options).into(),
        ..Default::default()
    }
}

/// At least 1, because 0 means no limit.
fn milliseconds(limit: Duration) -> i64 {
    i64::try_from(limit.as_millis()).unwrap_or(i64::MAX).max(1)
}
