//! TensorFlow's image-retraining tutorial tools, `retrain.py` and `label_image.py`, as a library.
//! The programs `retrain`, `label_image`, `cache_bottlenecks` and `download_images` are thin layers
//! over it.
//!
//! A pretrained network turns each photograph into a *bottleneck*, a vector of about a thousand
//! numbers, which is computed once and cached. A new last layer learns from these in seconds.
//!
//! # Retraining
//!
//! The photographs of each class are in a directory of their own:
//!
//! ```no_run
//! use retrain::{Config, Pretrained};
//!
//! fn main() -> retrain::Result<()> {
//!     let network = Pretrained::named("mobilenet_0.50_224")?;
//!     let mut config = Config::new("flower_photos", network);
//!     config.training.how_many_training_steps = 500;
//!     config.outputs.output_graph = "retrained_graph.pb".into();
//!     config.outputs.output_labels = "retrained_labels.txt".into();
//!     // `()` ignores progress; implement `Observer` to draw a progress bar.
//!     let outcome = retrain::run(&config, &mut ())?;
//!     for wrong in outcome.predictions.iter().filter(|p| p.predicted != p.truth) {
//!         println!("{} is not a {}", wrong.path().display(), outcome.labels[wrong.predicted]);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Labelling
//!
//! ```no_run
//! use retrain::label_image::{LabelConfig, Labeller, Source};
//!
//! fn main() -> retrain::Result<()> {
//!     let config = LabelConfig::new("retrained_graph.pb");
//!     let labeller = Labeller::open(&config)?;
//!     for row in labeller.rows(vec![Source::Path("new_photos".into())]) {
//!         let row = row?;
//!         match &row.top {
//!             Ok(top) => println!("{}: {} ({:.3})", row.path.display(), top[0].0, top[0].1),
//!             Err(why) => println!("{} {why}", row.path.display()),
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What is left to the calling program
//!
//! The library prints nothing, draws nothing, installs no signal handler, opens no log file and
//! sets no environment variable. It logs through the [`log`] crate, under the targets `tensorflow`
//! (the scripts' own lines) and `retrain` (ours). It reports progress to an [`Observer`], and a
//! [`CancelToken`] stops it. [`tf::load`] loads libtensorflow from where the bindings look for it:
//! `TENSORFLOW_DIR`, then the loader's path.
//!
//! # Where the scripts' functions are
//!
//! | in the script | here |
//! |---|---|
//! | `main` | [`run`] |
//! | `create_image_lists`, `get_image_path` | [`dataset`] |
//! | `create_model_info`, `maybe_download_and_extract`, `create_model_graph` | [`model`] |
//! | `add_jpeg_decoding`, `add_final_training_ops`, `add_evaluation_step` | [`layers`] |
//! | `run_bottleneck_on_image` | [`inference`] |
//! | `get_or_create_bottleneck`, `cache_bottlenecks` | [`bottleneck`] |
//! | `get_random_cached_bottlenecks` | [`dataset::Sampler`], `retrain::batches` |
//! | `FileWriter`, `add_summary` | [`events`] |
//! | `save_graph_to_file`, `convert_variables_to_constants` | [`export`], [`rewrite`] |
//! | `label_image.py` | [`label_image`] |
//! | the flags | [`cli`] |
//!
//! # The floors
//!
//! A module uses only modules on lower floors; `tests/it/layering.rs` checks this.
//!
//! | floor | modules |
//! |---|---|
//! | programs | [`cli`] |
//! | tools | [`retrain`], [`label_image`], [`download`], [`fetch`], [`worker`] |
//! | results | [`events`], [`export`] |
//! | cache | [`bottleneck`] |
//! | running networks | [`inference`] |
//! | building graphs | [`layers`] |
//! | pretrained networks | [`model`] |
//! | rewriting graphs | [`rewrite`] |
//! | foundations | [`dataset`], [`images`], [`tf`], [`proto`], [`fsio`], [`net`] |
//! | base | [`error`], [`text`], [`pyfmt`] |

pub mod bottleneck;
mod cancel;
pub mod cli;
pub mod dataset;
pub mod download;
pub mod error;
pub mod events;
pub mod export;
pub mod fetch;
pub mod fsio;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod images;
pub mod inference;
pub mod label_image;
pub mod layers;
pub mod learn;
mod memory;
pub mod metrics;
pub mod model;
pub mod net;
mod parallel;
pub mod proto;
pub mod pyfmt;
pub mod report;
pub mod retrain;
pub mod rewrite;
pub mod text;
pub mod tf;
pub mod worker;

pub use cancel::CancelToken;
pub use error::{Error, Result};
pub use retrain::{Config, Observer, Outcome, Pretrained, run};
