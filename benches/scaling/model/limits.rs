//! What no number of workers can exceed.

use super::costs::{Network, Text};
use super::links::Link;
use super::{BATCH, CHECKED};

/// Photographs a second that each part of the client can do, by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The thread that reads.
    pub(crate) reader: f64,
    /// All its work on all its cores.
    pub(crate) cores: f64,
    /// The thread that keeps.
    pub(crate) keeper: f64,
    pub(crate) link: f64,
}

/// The limits of a client with so many cores.
pub(crate) fn limits(
    network: &Network,
    text: Text,
    cores: usize,
    link: Link,
    mean_bytes: f64,
) -> Limits {
    let up = mean_bytes.max(network.answer_bytes());
    Limits {
        reader: 1.0 / network.client.read,
        cores: cores as f64 / client_seconds(network, text),
        keeper: 1.0 / network.keep(text),
        link: link.bytes_per_second / up,
    }
}

/// The client's processor time for a photograph.
pub(crate) fn client_seconds(network: &Network, text: Text) -> f64 {
    let checks = network.check() / (CHECKED * BATCH) as f64;
    network.client.read + network.client.send + network.keep(text) + checks
}

impl Limits {
    /// The lowest, and its name.
    pub(crate) fn lowest(&self) -> (f64, &'static str) {
        let Self { reader, cores, keeper, link } = *self;
        let all = [
            (reader, "the client's reader"),
            (cores, "the client's cores"),
            (keeper, "the client's writer"),
            (link, "the link"),
        ];
        all.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::NAN, ""))
    }
}
