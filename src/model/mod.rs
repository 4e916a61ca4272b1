//! The pretrained networks: which there are, where they come from, and the [`Backbone`] made of
//! them.

mod architecture;
mod archive;
mod constants;
mod fold;
mod free_batch;
mod frozen;
mod functions;
pub(crate) mod fuzzing;
mod graph_checks;
mod graph_view;
mod guess;
mod hub;
mod inception;
mod inception_blocks;
mod miniature;
mod mobilenet;
mod module_checks;
mod module_source;
mod normalisation;
mod optimize;
mod own_graph;
mod pixels;

pub use architecture::{ModelInfo, Source, create_model_info};
pub use archive::maybe_download_and_extract;
pub use fold::fold_batch_norms;
pub use free_batch::free_batch;
pub use frozen::{Backbone, Generation, create_model_graph};
pub(crate) use graph_checks::{check_graph, check_part, image_size};
pub use hub::create_module_graph;
pub use inception::{build_inception_v3_2015, write_inception};
pub use miniature::write_miniature;
pub use optimize::{fuse, optimize};
pub use own_graph::{OwnGraph, create_own_graph};
pub use pixels::{PixelRange, PixelSpec};
