//! A pretrained network, wherever it came from.

use crate::error::Result;
use crate::images::PixelSpec;
use crate::proto::{GraphDef, InputRef};
use crate::rewrite::convert_variables_to_constants;
use crate::tf::NamedTensor;

/// A pretrained network, ready to have its bottlenecks read and a new layer put on it.
#[derive(Debug, Clone)]
pub struct Backbone {
    /// What bottleneck files bear after the image's name.
    pub name: String,
    /// Whether it was prepared for quantized use, so that the new layer must be, too.
    pub wants_quantization: bool,
    /// The SHA-256 of the files it was read from.
    pub content_hash: [u8; 32],
    /// The graph as published.
    pub graph_def: GraphDef,
    /// The values of the graph's variables; a frozen graph has none.
    pub variables: Vec<NamedTensor>,
    /// The tensor fed with pixels.
    pub input: String,
    /// The tensor whose values are the bottleneck.
    pub bottleneck: String,
    /// How many numbers a bottleneck has.
    pub bottleneck_size: usize,
    /// The pixels it wants.
    pub pixels: PixelSpec,
}

impl Backbone {
    /// The part that computes bottlenecks, with constants for variables.
    pub fn frozen(&self) -> Result<GraphDef> {
        convert_variables_to_constants(
            &self.graph_def,
            InputRef::parse(&self.bottleneck).node,
            &self.variables,
        )
    }
}
