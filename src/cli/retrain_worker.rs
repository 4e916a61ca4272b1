//! The program `retrain_worker`: computes for other machines, until a signal stops it.

use super::argparse::{self, Parsed};
use super::help::Program;
use super::logging::{self, LogFile};
use super::retrain_worker_flags::RETRAIN_WORKER_FLAGS;
use super::{environment, exit_code, logging_verbosity, offline, signals};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::worker::{WorkerConfig, work};
use log::LevelFilter;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

const PROGRAM: Program = Program {
    name: "retrain_worker",
    about: "Computes for retrain and label_image on other machines, until Ctrl-C or SIGTERM.",
    usage: "retrain_worker [--listen=<address>:<port>]",
    example: "    \
    retrain_worker --listen=127.0.0.1:2222 &
    retrain --workers=127.0.0.1:2222 --image_dir=flower_photos",
    exit_codes: "    \
    0    stopped by Ctrl-C or SIGTERM, after finishing what clients had begun
    1    failure
    2    a wrong command line",
};

/// Runs the program and returns its exit code. While `loopback_only` is set, the program's sockets
/// must be kept to the loopback.
#[must_use]
pub fn retrain_worker(loopback_only: &'static AtomicBool) -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = argparse::parse(&PROGRAM, RETRAIN_WORKER_FLAGS, &args);
    let level = match &parsed {
        Ok(Some(parsed)) => logging_verbosity(parsed),
        _ => Ok(LevelFilter::Info),
    };
    if matches!(parsed, Ok(Some(_))) {
        environment::prepare(*level.as_ref().unwrap_or(&LevelFilter::Info), None);
    }
    logging::init(*level.as_ref().unwrap_or(&LevelFilter::Info), LogFile::None);
    let outcome = level.and(parsed).and_then(|parsed| {
        let Some(parsed) = parsed else { return Ok(()) };
        parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
        run(&parsed, loopback_only)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit_code(error, None),
    }
}

fn run(parsed: &Parsed, loopback_only: &'static AtomicBool) -> Result<()> {
    offline::refuse("listen")?;
    let cancel = CancelToken::new();
    let listen = address(&parsed.text("listen")?)?;
    signals::install(&cancel);
    work(&WorkerConfig { listen, cancel, loopback_only }, |address| {
        let mut out = std::io::stdout().lock();
        // A closed pipe is no reason to stop.
        let _ = writeln!(out, "{address}").and_then(|()| out.flush());
    })
}

/// The first address that a name and a port stand for.
fn address(text: &str) -> Result<SocketAddr> {
    let wrong = |why: String| {
        let message = format!("'{text}' {why}; give ADDRESS:PORT, such as 127.0.0.1:2222");
        Error::usage("listen", message)
    };
    let mut found = text.to_socket_addrs().map_err(|e| wrong(format!("is no address ({e})")))?;
    found.next().ok_or_else(|| wrong("stands for no address".into()))
}
