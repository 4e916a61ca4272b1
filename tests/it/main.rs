//! The integration tests, in one binary so that libtensorflow is linked and loaded once. Modules
//! are named after what they test in `src/`. Tests that need `../shared` (or `RETRAIN_SHARED`) say
//! so and are skipped without it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod abbreviations;
mod adam;
mod api;
mod archive;
mod beyond_memory;
mod bottleneck;
mod catalogues;
mod cli;
mod commands;
mod consumers;
mod cutouts;
mod dataset;
mod desktop_files;
mod disk;
mod distortions;
mod distortions_statistics;
mod download;
mod download_addresses;
mod download_list;
mod download_names;
mod download_resume;
mod dropout_forms;
mod epochs;
mod events;
mod export;
mod faults;
mod fine_tune;
mod fits;
mod fits_files;
mod folders;
mod formats;
mod fsio;
mod heads;
mod help;
mod hints;
mod hostile;
mod hostile_archives;
mod hostile_modules;
mod http;
mod hub;
mod hub_variables;
mod identity;
mod images;
mod inception;
mod inception_replica;
mod keras_models;
mod label_evaluation;
mod label_image;
mod label_many;
mod label_metadata;
mod layering;
mod layers;
mod learn;
mod library;
mod loading;
mod made_material;
mod miniature;
mod module_source;
mod net;
mod net_ways;
mod network;
mod own_graph;
mod own_graph_runs;
mod packed;
mod peers;
mod pip_networks;
#[cfg(unix)]
mod places;
mod pyfmt;
mod randomness;
mod raster;
mod reading;
mod report;
mod report_page;
mod resume;
mod retrain;
mod retrain_golden;
mod saved_model;
mod saved_model_in;
mod saved_model_runs;
mod scaling;
#[path = "../../benches/scaling/model/mod.rs"]
mod scaling_model;
mod seeds;
mod shards;
#[path = "../../src/bin/simulate_clusters/simulate/mod.rs"]
mod simulate;
mod simulate_clusters;
mod small_module;
mod small_net;
mod small_saved_model;
mod summaries_dir;
mod support;
mod symmetry;
mod table;
mod tensorboard_tabs;
mod terminal;
mod torch_weights;
mod turns;
#[cfg(unix)]
mod wheel;
mod workers;
