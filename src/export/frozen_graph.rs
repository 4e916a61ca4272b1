//! Writes `retrained_graph.pb`: the published pretrained graph with the new layer on top, variables
//! turned into constants, and only the nodes that the output needs.

use crate::error::Result;
use crate::proto::{self, GraphDef};
use crate::rewrite::convert_variables_to_constants;
use crate::tf::NamedTensor;
use log::info;
use std::collections::HashSet;
use std::path::Path;

/// Freezes `variables` into the part of `graph` that `output` needs, and writes it to `path`: the
/// script's function of the same name, with its log lines.
pub fn save_graph_to_file(
    graph: &GraphDef,
    output: &str,
    variables: &[NamedTensor],
    path: &Path,
) -> Result<()> {
    let frozen = convert_variables_to_constants(graph, output, variables)?;
    let names: HashSet<&str> = variables.iter().map(|v| v.0.as_str()).collect();
    let count = frozen.node.iter().filter(|n| names.contains(n.name.as_str())).count();
    info!(target: "tensorflow", "Froze {count} variables.");
    info!(target: "tensorflow", "Converted {count} variables to const ops.");
    crate::fsio::write(path, &proto::serialize(&frozen)?)
}
