//! Gives a network a symmetry: its bottleneck becomes the mean over views of the photograph.

use super::backbone::Backbone;
use super::inspect::batch_norm;
use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::rewrite::{Ends, Symmetry, add_symmetry};

impl Backbone {
    /// The same network, with this symmetry built into its graph. Its cached bottlenecks have names
    /// of their own.
    ///
    /// # Errors
    /// If dihedral symmetry would turn images that are not square, or if the network normalises by
    /// the batch, so that views would disturb one another.
    pub fn with_symmetry(mut self, symmetry: Symmetry) -> Result<Self> {
        if symmetry == Symmetry::None {
            return Ok(self);
        }
        let refused = |why: String| Err(Error::usage("symmetry", why));
        let PixelSpec { width, height, .. } = self.pixels;
        if symmetry == Symmetry::Dihedral && width != height {
            return refused(format!(
                "dihedral also turns photographs by 90°, but the network takes {width} × {height} \
                 pixels, which is not square; give flip instead"
            ));
        }
        if let Some(norm) = batch_norm(&self.graph_def, &self.input, &self.bottleneck) {
            return refused(format!(
                "does not work with this network: '{}' ({}) normalises by the batch, in which the \
                 views are; freeze the graph for inference, or leave it out",
                norm.name, norm.op
            ));
        }
        let ends = Ends {
            input: &self.input,
            features: &self.bottleneck,
            size: self.bottleneck_size,
            pixels: &self.pixels,
        };
        let views = add_symmetry(&mut self.graph_def, symmetry, ends);
        self.bottleneck.clone_from(&views.mean);
        self.name = format!("{}_{}", self.name, symmetry.name());
        self.views = Some(views);
        Ok(self)
    }
}
