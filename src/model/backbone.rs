//! [`Backbone`]: a pretrained network in one form, whichever kind of source it came from.

use crate::error::Result;
use crate::images::{PixelSpec, Reading};
use crate::proto::{GraphDef, InputRef};
use crate::rewrite::{Views, convert_variables_to_constants};
use crate::tf::NamedTensor;

/// A pretrained network, ready to compute bottlenecks and to take a new final layer.
#[derive(Debug, Clone)]
pub struct Backbone {
    /// The suffix of bottleneck files, after the image's name.
    pub name: String,
    /// Whether it was trained for quantization, so that the new layer must be too.
    pub wants_quantization: bool,
    /// The SHA-256 of the files it was read from.
    pub content_hash: [u8; 32],
    /// The graph as published.
    pub graph_def: GraphDef,
    /// The values of the graph's variables; a frozen graph has none.
    pub variables: Vec<NamedTensor>,
    /// The tensor that the pixels are fed to.
    pub input: String,
    /// The tensor whose values are the bottleneck.
    pub bottleneck: String,
    /// How many numbers a bottleneck has.
    pub bottleneck_size: usize,
    /// The size and range of the pixels it takes.
    pub pixels: PixelSpec,
    /// The tensors of its symmetry, if it has one.
    pub views: Option<Views>,
}

impl Backbone {
    /// The same network, fed with photographs that are read in this way. Its cached bottlenecks
    /// have names of their own.
    #[must_use]
    pub fn with_reading(mut self, reading: &Reading) -> Self {
        self.name.push_str(&reading.suffix());
        self.pixels.reading = reading.clone();
        self
    }

    /// In how many views it looks at an image.
    #[must_use]
    pub fn view_count(&self) -> usize {
        self.views.as_ref().map_or(1, |views| views.count)
    }

    /// The nodes that compute bottlenecks, with constants in place of variables.
    pub fn frozen(&self) -> Result<GraphDef> {
        convert_variables_to_constants(
            &self.graph_def,
            InputRef::parse(&self.bottleneck).node,
            &self.variables,
        )
    }
}
