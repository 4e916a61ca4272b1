//! What to download, and how long to wait for it.

use super::proxies::Proxies;
use super::sum::Sum;
use std::time::Duration;

/// How long a download waits, and how often it is attempted.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The number of attempts in all.
    pub attempts: u32,
    /// The pause before the second attempt. Each further pause is longer by this much.
    pub pause: Duration,
    /// The longest wait for a connection, including a proxy and TLS.
    pub connect: Duration,
    /// The longest wait for the next bytes.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_secs(1),
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(60),
        }
    }
}

/// A file to download.
#[derive(Debug, Clone)]
pub struct Fetch<'a> {
    /// Its address. If that is http without a port, https is tried first.
    pub url: &'a str,
    /// Its name in messages.
    pub name: &'a str,
    /// The checksum it must have, if known.
    pub sum: Option<Sum>,
    /// Advice for when the address leads to no file, because it has moved.
    pub moved: Option<&'a str>,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// When to retry and when to give up.
    pub patience: Patience,
}

impl<'a> Fetch<'a> {
    /// A file without a known checksum, downloaded through the environment's proxies.
    #[must_use]
    pub fn new(url: &'a str, name: &'a str) -> Self {
        let (proxies, patience) = (Proxies::from_env(), Patience::default());
        Self { url, name, sum: None, moved: None, proxies, patience }
    }
}
