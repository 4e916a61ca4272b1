//! The integration tests, in one binary so that libtensorflow is linked and loaded once. Modules
//! are named after what they test in `src/`; what needs `../shared` (or `RETRAIN_SHARED`) says so
//! and is skipped without it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archive;
mod bottleneck;
mod cli;
mod dataset;
mod disk;
mod distortions;
mod distortions_statistics;
mod events;
mod export;
mod faults;
mod fsio;
mod hostile;
mod hostile_archives;
mod hostile_modules;
mod hub;
mod hub_variables;
mod identity;
mod images;
mod inception;
mod label_image;
mod label_many;
mod layers;
mod module_source;
mod network;
mod own_graph;
mod own_graph_runs;
mod peers;
mod pyfmt;
mod resume;
mod retrain;
mod retrain_golden;
mod seeds;
mod simulate;
mod small_module;
mod small_net;
mod summaries_dir;
mod support;
