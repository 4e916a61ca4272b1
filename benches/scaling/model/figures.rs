//! What is simulated for the picture and the tables.

use super::CHECKED;
use super::costs::{Costs, Network, Run, Text};
use super::links::{LINKS, Link, UNLIMITED};
use super::pipeline::{Outcome, Setup, Until, simulate};

/// The cores of the picture's client. Its workers have one each.
pub(crate) const CLIENT_CORES: usize = 16;

/// How many workers the picture shows.
pub(crate) const WORKERS: [usize; 9] = [1, 2, 5, 10, 20, 50, 100, 150, 200];

/// How many million photographs.
pub(crate) const MILLIONS: [f64; 3] = [1.0, 10.0, 100.0];

/// How many batches each worker gets in a simulation, two thirds of them while its speed is
/// measured: a whole number of checks.
const BATCHES: usize = 3 * CHECKED;

/// How many batches all workers get at least.
const LEAST_BATCHES: usize = 15 * CHECKED;

/// A simulated point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) workers: usize,
    pub(crate) outcome: Outcome,
}

/// All that the picture shows.
#[derive(Debug)]
pub(crate) struct Figures<'c> {
    pub(crate) costs: &'c Costs,
    pub(crate) networks: Vec<OfNetwork<'c>>,
}

/// What is shown of a network.
#[derive(Debug)]
pub(crate) struct OfNetwork<'c> {
    pub(crate) network: &'c Network,
    pub(crate) curves: Vec<Curve>,
}

/// The points with one link.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) link: Link,
    pub(crate) points: Vec<Point>,
}

impl<'c> Figures<'c> {
    pub(crate) fn of(costs: &'c Costs) -> Self {
        let point = |network, link, workers| {
            let setup = dedicated(costs, network, link, [CLIENT_CORES, workers]);
            Point { workers, outcome: simulate(&setup) }
        };
        let curve = |network, link| Curve {
            link,
            points: WORKERS.map(|workers| point(network, link, workers)).to_vec(),
        };
        let of = |network| OfNetwork {
            network,
            curves: LINKS.iter().map(|&link| curve(network, link)).collect(),
        };
        Self { costs, networks: costs.networks.iter().map(of).collect() }
    }
}

/// A client and workers with cores of their own: the client's, and how many workers have one each.
pub(crate) fn dedicated<'c>(
    costs: &'c Costs,
    network: &'c Network,
    link: Link,
    [client, workers]: [usize; 2],
) -> Setup<'c> {
    Setup {
        network,
        photograph_bytes: &costs.photograph_bytes,
        client_cores: (0..client).collect(),
        worker_cores: (client..client + workers).map(|core| vec![core]).collect(),
        link,
        text: Text::Off,
        until: Until::Batches(LEAST_BATCHES.max(BATCHES * workers)),
    }
}

/// How long a run with real workers should have taken, with few photographs and with all.
pub(crate) fn simulated(costs: &Costs, run: &Run) -> Option<[f64; 2]> {
    let network = costs.network(&run.network)?;
    let seconds = |images| {
        let setup = Setup {
            network,
            photograph_bytes: &costs.photograph_bytes,
            client_cores: run.client_cores.clone(),
            worker_cores: run.worker_cores.iter().map(|&core| vec![core]).collect(),
            link: UNLIMITED,
            text: Text::Off,
            until: Until::Images(images),
        };
        simulate(&setup).seconds
    };
    Some(run.images.map(seconds))
}

/// Hours for so many photographs, and the share of them before all workers compute.
pub(crate) fn hours(costs: &Costs, outcome: &Outcome, images: f64) -> (f64, f64) {
    let start = outcome.start + images * costs.list();
    let seconds = start + images / outcome.rate;
    (seconds / 3600.0, start / seconds)
}
