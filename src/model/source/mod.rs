//! Where networks come from: one file for each kind of source. Each makes a
//! [`Backbone`](super::Backbone).

pub(super) mod archive;
mod described;
mod flatten;
mod frozen;
pub(super) mod hub;
mod missing;
mod module_checks;
mod module_source;
mod own_graph;
mod own_pixels;
mod recognise;
mod saved_model;
mod wheel;

pub use archive::maybe_download_and_extract;
pub use described::OwnGraph;
pub use frozen::{create_model_graph, provide};
pub use module_source::{check_address, module_in, provide_module};
pub use recognise::{create_module_graph, create_own_graph};
