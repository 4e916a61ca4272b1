//! Links of clients.

/// A client's link, each way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) name: &'static str,
    pub(crate) bytes_per_second: f64,
    /// One way.
    pub(crate) latency: f64,
}

/// The share of a link's bits that are payload, with frames of 1500 bytes.
const PAYLOAD: f64 = 0.94;

/// One way through a local network, in seconds: not measured here.
const LATENCY: f64 = 2e-4;

const fn gigabit(name: &'static str, gigabits: f64) -> Link {
    Link { name, bytes_per_second: PAYLOAD * gigabits * 1e9 / 8.0, latency: LATENCY }
}

/// The links of the picture.
pub(crate) const LINKS: [Link; 3] =
    [gigabit("1 Gbit/s", 1.0), gigabit("10 Gbit/s", 10.0), gigabit("100 Gbit/s", 100.0)];

/// One that never delays anything, like that within a machine, whose cost is in `send` and
/// `receive`.
pub(crate) const UNLIMITED: Link =
    Link { name: "unlimited", bytes_per_second: f64::INFINITY, latency: 0.0 };
