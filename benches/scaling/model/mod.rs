//! A simulation of `--workers_only`: a client that reads photographs, sends them over its link, and
//! keeps what comes back; workers that decode and compute. It knows the stages and the queues
//! between them, and is fed with measured costs.

mod chart;
pub(crate) mod costs;
pub(crate) mod figures;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod pipeline;
mod resources;
pub(crate) mod tables;
/// The program's own rule for how many batches a worker has at once.
#[path = "../../../src/inference/remote/window.rs"]
#[allow(dead_code, unreachable_pub)]
mod window;

pub(crate) use chart::picture;
pub(crate) use costs::Costs;
pub(crate) use figures::Figures;
pub(crate) use tables::tables;

/// How many photographs a call takes, as in `src/inference/engine.rs`.
pub(crate) const BATCH: usize = 4;

/// As in `src/inference/remote`; `window` uses it from here.
const MOST_IN_FLIGHT: usize = 16;

/// One in so many calls is checked, as in `src/inference/remote/lane.rs`.
const CHECKED: usize = 64;
