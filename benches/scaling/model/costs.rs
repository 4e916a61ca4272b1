//! What `benches/workers` has measured: the costs of the stages, and runs to check the simulation
//! against. Times are in seconds of one core, per photograph where nothing else is said.

use super::BATCH;
use serde::Deserialize;
use std::error::Error;
use std::path::Path;

/// The contents of `costs.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Costs {
    /// The sizes of photographs, each as frequent as the others.
    pub(crate) photograph_bytes: Vec<f64>,
    pub(crate) networks: Vec<Network>,
    /// Runs with real workers.
    pub(crate) runs: Vec<Run>,
}

/// The costs with one network.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Network {
    pub(crate) name: String,
    /// Where and when.
    pub(crate) measured: String,
    /// How many numbers a bottleneck has.
    pub(crate) numbers: f64,
    /// The size of the graph that each worker is sent.
    pub(crate) graph_bytes: f64,
    pub(crate) client: Client,
    pub(crate) worker: Worker,
}

/// What the client does.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Client {
    /// Listing photographs and planning what to do with each.
    pub(crate) list: f64,
    /// Preparing the network, once.
    pub(crate) prepare: f64,
    /// Introducing a worker, once for each.
    pub(crate) join: f64,
    /// Reading a file, on one thread.
    pub(crate) read: f64,
    /// Sending a photograph and taking the answer.
    pub(crate) send: f64,
    /// Writing the packed row, on one thread.
    pub(crate) keep: f64,
    /// Writing the packed row and the text file, on one thread.
    pub(crate) keep_text: f64,
}

/// What a worker does.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Worker {
    /// Receiving the graph and running it for the first time.
    pub(crate) join: f64,
    pub(crate) decode: f64,
    pub(crate) network: f64,
    /// Receiving a photograph, sending the answer, and whatever else.
    pub(crate) receive: f64,
}

/// Runs with real workers on a few cores, without text files.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    pub(crate) network: String,
    pub(crate) client_cores: Vec<usize>,
    /// The core of each worker.
    pub(crate) worker_cores: Vec<usize>,
    /// Few photographs, and all.
    pub(crate) images: [usize; 2],
    /// How long it took to compute all bottlenecks, in each round: of the few, and of all.
    pub(crate) seconds: [Vec<f64>; 2],
    /// The client's processor time in each round, for a photograph.
    pub(crate) client_seconds: Vec<f64>,
}

/// Whether text files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    On,
    Off,
}

impl Costs {
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string(path)?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()).into())
    }

    pub(crate) fn mean_bytes(&self) -> f64 {
        self.photograph_bytes.iter().sum::<f64>() / self.photograph_bytes.len() as f64
    }

    /// Listing a photograph and planning what to do with it: the same with each network, but too
    /// little to be seen where few were measured.
    pub(crate) fn list(&self) -> f64 {
        self.networks.iter().map(|network| network.client.list).fold(0.0, f64::max)
    }

    pub(crate) fn network(&self, name: &str) -> Option<&Network> {
        self.networks.iter().find(|network| network.name == name)
    }
}

impl Network {
    /// What a worker's core has to do for a photograph.
    pub(crate) fn service(&self) -> f64 {
        self.worker.receive + self.worker.decode + self.worker.network
    }

    /// What the client does when it checks a call: it decodes an image, and runs the network on a
    /// batch, most of which is empty.
    pub(crate) fn check(&self) -> f64 {
        self.worker.decode + BATCH as f64 * self.worker.network
    }

    pub(crate) fn keep(&self, text: Text) -> f64 {
        match text {
            Text::On => self.client.keep_text,
            Text::Off => self.client.keep,
        }
    }

    /// The bytes of an answer for a photograph.
    pub(crate) fn answer_bytes(&self) -> f64 {
        4.0 * self.numbers
    }
}
