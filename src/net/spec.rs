//! What to download, and how long to wait for it.

use super::proxies::Proxies;
use super::sum::Sum;
use std::time::Duration;

/// How long a download waits, and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How often it is tried in all.
    pub attempts: u32,
    /// The pause before the second attempt; each further one is that much longer.
    pub pause: Duration,
    /// For a connection, with all that a proxy and TLS need for it.
    pub connect: Duration,
    /// For the next bytes.
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
    /// Its address. Where that is http and names no port, https is tried first.
    pub url: &'a str,
    /// What messages call it.
    pub name: &'a str,
    /// The sum it must have, where it is known.
    pub sum: Option<Sum>,
    /// What to say where the address leads to no file: it may have moved.
    pub moved: Option<&'a str>,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// When to give up.
    pub patience: Patience,
}

impl<'a> Fetch<'a> {
    /// A file of which no sum is known, through the proxies that the environment names.
    #[must_use]
    pub fn new(url: &'a str, name: &'a str) -> Self {
        let (proxies, patience) = (Proxies::from_env(), Patience::default());
        Self { url, name, sum: None, moved: None, proxies, patience }
    }
}
