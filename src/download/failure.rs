//! Why an address gave no photograph, and what can be done about it.

use crate::net::{NotPublic, Unanswered};
use std::io::ErrorKind;
use std::time::Duration;
use ureq::{Error, Timeout};

use super::config::Waits;

/// Why an address gave no photograph.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// In a few words, to be counted.
    pub(super) kind: String,
    /// In a sentence.
    pub(super) reason: String,
    pub(super) remedy: Remedy,
}

/// What can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing: another try would end the same way.
    None,
    /// Another try later.
    Retry,
    /// The same; the server names the pause.
    RetryAfter(Duration),
    /// Another try later; if other addresses of the host fail in this way too, the host is down.
    Reconnect,
    /// Nothing needs to be done: there is enough.
    Skip,
}

impl Failure {
    pub(super) fn new(remedy: Remedy, kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind: kind.into(), reason: reason.into(), remedy }
    }

    /// A failure that another try would not change.
    pub(super) fn last(kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Remedy::None, kind, reason)
    }

    /// An address that is left out because a limit is reached.
    pub(super) fn enough(setting: &str) -> Self {
        Self::new(
            Remedy::Skip,
            format!("`{setting}` is reached"),
            format!("`{setting}` is reached"),
        )
    }

    /// The failure of a request that was not answered.
    pub(super) fn unanswered(unanswered: &Unanswered, waits: &Waits) -> Self {
        match unanswered {
            Unanswered::Offline(message) => Self::last("offline", message),
            Unanswered::Proxy(message) => Self::last("unusable proxy", message),
            Unanswered::Failed(error) => Self::of_request(error, waits),
        }
    }

    fn of_request(error: &Error, waits: &Waits) -> Self {
        if let Some(refused) = NotPublic::of(error) {
            let reason = format!("{refused}; `allow_private` allows it");
            return Self::last("not a public address", reason);
        }
        match error {
            Error::Timeout(timeout) => Self::timeout(*timeout, waits),
            Error::HostNotFound => {
                Self::new(Remedy::Reconnect, "no connection", "the host is not known")
            }
            // What a certificate is not valid for, it will not be valid for later.
            Error::Io(e) if e.kind() == ErrorKind::InvalidData => {
                Self::last("no secure connection", e.to_string())
            }
            Error::Io(e) => Self::new(Remedy::Reconnect, "no connection", e.to_string()),
            Error::ConnectionFailed | Error::ConnectProxyFailed(_) => {
                Self::new(Remedy::Reconnect, "no connection", error.to_string())
            }
            _ => Self::last("not understood", error.to_string()),
        }
    }

    /// The failure of an answer that broke off after `done` bytes of `total`.
    pub(super) fn broken(error: Error, done: usize, total: Option<u64>, waits: &Waits) -> Self {
        if let Error::Timeout(timeout) = error {
            return Self::timeout(timeout, waits);
        }
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        let reason = format!("only {done}{of} bytes arrived: {error}");
        Self::new(Remedy::Retry, "cut off", reason)
    }

    fn timeout(timeout: Timeout, waits: &Waits) -> Self {
        match timeout {
            Timeout::Connect | Timeout::Resolve => {
                let reason =
                    format!("no connection within {:?} (`connect_timeout`)", waits.connect);
                Self::new(Remedy::Reconnect, "no connection", reason)
            }
            Timeout::PerRead | Timeout::PerWrite => {
                let reason = format!("nothing arrived for {:?} (`stall_timeout`)", waits.stall);
                Self::new(Remedy::Retry, "stalled", reason)
            }
            _ => Self::too_long(waits),
        }
    }

    pub(super) fn too_long(waits: &Waits) -> Self {
        let reason = format!("not complete after {:?} (`timeout`)", waits.whole);
        Self::new(Remedy::Retry, "too slow", reason)
    }
}
