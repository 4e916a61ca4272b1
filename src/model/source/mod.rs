//! Where networks come from: one file for each kind of source. Each makes a
//! [`Backbone`](super::Backbone).

pub(super) mod archive;
mod described;
mod flatten;
mod frozen;
pub(super) mod hub;
mod module_checks;
mod module_source;
mod own_graph;
mod own_pixels;
mod recognise;
mod saved_model;
mod wheel;

pub use archive::maybe_download_and_extract;
pub use described::OwnGraph;
pub use frozen::create_model_graph;
pub use recognise::{create_module_graph, create_own_graph};
