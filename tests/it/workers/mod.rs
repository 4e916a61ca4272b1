//! Runs on several machines: the same results whatever becomes of the workers.

mod faults;
mod machines;
mod namespaces;
mod peers;
mod programs;
mod readings;

pub(crate) use machines::{RETRAIN_WORKER, Run, Worker};
