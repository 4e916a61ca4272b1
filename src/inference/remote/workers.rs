//! [`Workers`]: where other machines are found.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::net::check_online;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The machines that compute as well: servers of TensorFlow's distributed runtime, such as
/// `retrain_worker`. gRPC, which reaches them, heeds the variables `grpc_proxy`, `https_proxy` and
/// `http_proxy`; an empty `grpc_proxy` switches all of them off.
#[derive(Debug, Clone)]
pub struct Workers {
    found: Found,
    /// Whether this machine's cores compute nothing but what workers are checked with.
    pub only: bool,
    /// How long a run that only workers compute waits when there is none.
    pub give_up: Duration,
    /// Ends that wait at once.
    pub cancel: CancelToken,
}

#[derive(Debug, Clone)]
enum Found {
    Listed(BTreeSet<String>),
    /// One address a line; read again and again.
    In(PathBuf),
}

impl Workers {
    /// Reads `HOST:PORT,…`, or takes the name of a file with one `HOST:PORT` a line, which may
    /// change during the run. Empty lines, and what follows a `#`, are skipped.
    ///
    /// # Errors
    /// If the text is neither, or this process is offline.
    pub fn parse(text: &str) -> Result<Self> {
        check_online()
            .map_err(|e| Error::usage("workers", format!("are reached by network: {e}")))?;
        let (give_up, cancel) = (Duration::from_secs(300), CancelToken::new());
        let of = |found| Self { found, only: false, give_up, cancel };
        let path = Path::new(text);
        if path.is_file() {
            read(path)?;
            return Ok(of(Found::In(path.to_owned())));
        }
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let listed: BTreeSet<String> =
            words.map(checked).collect::<Result<_, _>>().map_err(|e| {
                let message = format!("{e}; give HOST:PORT,… or a file with one HOST:PORT a line");
                Error::usage("workers", message)
            })?;
        if listed.is_empty() {
            return Err(Error::usage("workers", "names no worker: give HOST:PORT"));
        }
        Ok(of(Found::Listed(listed)))
    }

    /// The addresses at this moment.
    ///
    /// # Errors
    /// If the file cannot be read, or a line in it is no address.
    pub(super) fn addresses(&self) -> Result<BTreeSet<String>> {
        match &self.found {
            Found::Listed(listed) => Ok(listed.clone()),
            Found::In(path) => read(path),
        }
    }
}

fn read(path: &Path) -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("reading", path))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(checked).collect::<Result<_, _>>().map_err(|e| Error::input(path, e))
}

/// An address that has a host and a port. Nothing else may reach TensorFlow, in whose targets more
/// than an address has a meaning.
fn checked(word: &str) -> Result<String, String> {
    let port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_[]:%".contains(c);
    match word.rsplit_once(':') {
        Some((host, p)) if !host.is_empty() && port(p) && host.chars().all(allowed) => {
            Ok(word.to_owned())
        }
        _ => Err(format!("'{}' is neither a file nor HOST:PORT", crate::text::one_line(word))),
    }
}
