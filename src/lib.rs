//! `retrain`: TensorFlow's image-retraining tutorial tools, in Rust.
//!
//! Whoever knows `retrain.py` finds every step of it here under its own name:
//!
//! | step of the script | here |
//! |---|---|
//! | `main` | [`retrain::run`] |
//! | `create_image_lists`, `get_image_path` | [`dataset`] |
//! | `create_model_info`, `maybe_download_and_extract`, `create_model_graph` | [`model`] |
//! | `add_jpeg_decoding`, `add_final_training_ops`, `variable_summaries`, `add_evaluation_step` | [`layers`] |
//! | `run_bottleneck_on_image`, `create_bottleneck_file`, `get_or_create_bottleneck`, `cache_bottlenecks` | [`bottleneck`] |
//! | `get_random_cached_bottlenecks` | `retrain::training`, with [`dataset::Sampler`] |
//! | `FileWriter`, `add_summary` | [`events`] |
//! | `save_graph_to_file`, `convert_variables_to_constants` | [`export`], [`tf`] |
//! | `label_image.py` | [`label_image`] |
//! | the flags | [`cli`] |
//!
//! Layers, each of which uses only those before it: `error`, `fsio`, `net`, `pyfmt`, `proto`,
//! `logging`; `tf`; `dataset`, `model`, `events`; `layers`; `bottleneck`, `export`;
//! `retrain`, `label_image`; `cli`.

pub mod bottleneck;
pub mod cli;
pub mod dataset;
pub mod error;
pub mod events;
pub mod export;
pub mod fsio;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod images;
pub mod inference;
pub mod label_image;
pub mod layers;
pub mod logging;
pub mod model;
pub mod net;
pub mod proto;
pub mod pyfmt;
pub mod retrain;
pub mod rewrite;
pub mod stop;
pub mod text;
pub mod tf;
