//! A worker: computes what sessions of other processes send, with TensorFlow's own distributed
//! runtime. It knows nothing about photographs.

mod frames;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod relay;

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::text::counted;
use crate::tf::{self, Machine, Server};
use log::{info, warn};
use relay::{Load, Relay};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a worker says how it is.
const HEALTH: Duration = Duration::from_secs(60);

/// How often a worker looks for new clients and for signals.
const TICK: Duration = Duration::from_millis(10);

/// How long a worker that was asked to stop waits for what its clients have begun.
const DRAIN: Duration = Duration::from_secs(60);

/// How long clients that were asked to leave may still send calls.
const QUIET: Duration = Duration::from_millis(200);

/// The settings of a worker.
#[derive(Debug)]
pub struct WorkerConfig {
    /// Where to listen; port 0 for a free one.
    pub listen: SocketAddr,
    /// Stops the worker once it has finished what its clients have begun.
    pub cancel: CancelToken,
    /// While this is set, sockets that this process binds to every address are bound to the
    /// loopback instead. TensorFlow's server always listens on every address.
    pub loopback_only: &'static AtomicBool,
}

/// Runs a worker until it is cancelled. `started` is told the address on which it listens.
///
/// # Errors
/// If the address cannot be listened on, TensorFlow's server does not start or listens on more than
/// the loopback, or calls are unfinished a minute after the worker was cancelled.
pub fn work(config: &WorkerConfig, started: impl FnOnce(SocketAddr)) -> Result<()> {
    tf::load()?;
    let failed =
        |e: io::Error| Error::usage("listen", format!("cannot listen on {} ({e})", config.listen));
    let listener = TcpListener::bind(config.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let server = serve(config)?;
    let relay = Relay::new(listener, server).map_err(failed)?;
    info!(target: "retrain", "{} listens on {address}", Machine::this());
    if !address.ip().is_loopback() {
        warn!(
            target: "retrain",
            "{address} is open to other machines, and TensorFlow asks nobody who they are: \
             whoever reaches it can run any graph here and read and write this user's files. Use \
             it in a private network only, or listen on 127.0.0.1 behind an SSH tunnel"
        );
    }
    started(address);
    accept_until_cancelled(config, &relay);
    drain(relay)
}

/// Starts TensorFlow's server on the loopback.
fn serve(config: &WorkerConfig) -> Result<SocketAddr> {
    if cfg!(windows) {
        let message = "workers need Linux: on Windows, TensorFlow's server would listen on every \
                       address of this machine, where anybody could use it; `retrain` can use \
                       workers from here";
        return Err(Error::tensorflow("starting a server", message));
    }
    config.loopback_only.store(true, Ordering::SeqCst);
    let server = Server::start(&Machine::this().job());
    config.loopback_only.store(false, Ordering::SeqCst);
    let port = server?.port();
    // If TensorFlow listens on every address, this one is taken as well.
    let elsewhere = SocketAddr::from((IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), port));
    if let Err(e) = TcpListener::bind(elsewhere) {
        let message = format!(
            "TensorFlow's server listens on every address of this machine, where anybody could \
             use it ({elsewhere}: {e}); workers need Linux"
        );
        return Err(Error::tensorflow("starting a server", message));
    }
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn accept_until_cancelled(config: &WorkerConfig, relay: &Relay) {
    let start = Instant::now();
    let mut health = start + HEALTH;
    while !config.cancel.is_cancelled() {
        match relay.accept() {
            Ok(Some(client)) => info!(target: "retrain", "{client} has connected"),
            Ok(None) => sleep(TICK),
            Err(e) => {
                warn!(target: "retrain", "a client could not connect: {e}");
                sleep(TICK);
            }
        }
        if Instant::now() >= health {
            health += HEALTH;
            say_health(start.elapsed(), relay.load());
        }
    }
}

fn say_health(up: Duration, load: Load) {
    let memory = memory().map(|bytes| format!("; {} MB of memory", bytes >> 20));
    info!(
        target: "retrain",
        "up {} min: {}, {} answered, {} open{}",
        up.as_secs() / 60,
        counted(load.clients as u64, "client"),
        counted(load.answered, "call"),
        load.open,
        memory.unwrap_or_default()
    );
}

/// How much memory this process uses, where the system says so.
fn memory() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = pages.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(resident.trim().split(' ').next()?.parse::<u64>().ok()? << 10)
}

/// Lets clients finish what they have begun.
fn drain(relay: Relay) -> Result<()> {
    let load = relay.load();
    info!(
        target: "retrain",
        "stopping: {} answered, {} still open",
        counted(load.answered, "call"),
        load.open
    );
    let leaving = relay.leave();
    let start = Instant::now();
    let mut busy = start;
    while busy.elapsed() < QUIET {
        if leaving.open() > 0 {
            busy = Instant::now();
        }
        if start.elapsed() > DRAIN {
            let open = counted(leaving.open() as u64, "call");
            let message = format!("{open} did not end within {} s", DRAIN.as_secs());
            return Err(Error::tensorflow("stopping", message));
        }
        sleep(TICK);
    }
    Ok(())
}
