//! What a run leaves behind: the frozen graph and the labels.

mod frozen_graph;
mod labels;

pub use frozen_graph::{convert_variables_to_constants, save_graph_to_file};
pub use labels::{parse_labels, save_labels};
