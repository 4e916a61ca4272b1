//! A backbone's network. If it has a symmetry, each view's features must be those of that view
//! alone.

use super::network::{BatchNetwork, Network, Part, TOLERANCE, difference};
use crate::error::{Error, Result};
use crate::model::{Backbone, Views};
use crate::tf::Tensor;

impl BatchNetwork {
    /// [`of_part`](Self::of_part) for the part from a backbone's pixels to its bottlenecks.
    ///
    /// # Errors
    /// As there, or if the network is unfit for the backbone's symmetry.
    pub fn new(backbone: &Backbone, probe: &Tensor<f32>) -> Result<Self> {
        let part = Part {
            name: &backbone.name,
            graph: &backbone.frozen()?,
            input: &backbone.input,
            output: &backbone.bottleneck,
            pixels: &backbone.pixels,
            size: Some(backbone.bottleneck_size),
            probabilities: false,
        };
        if let Some(views) = &backbone.views {
            check_views(&part, views, probe)?;
        }
        Self::of_part(&part, probe)
    }
}

/// Runs the views of `probe`, the pixels of one image, together and one by one.
///
/// # Errors
/// If a view's features depend on the other views, or the network takes only one image at a time.
fn check_views(part: &Part<'_>, views: &Views, probe: &Tensor<f32>) -> Result<()> {
    let refused = |why: &str| {
        let message = format!("does not work with {}, {why}; leave it out", part.name);
        Error::usage("symmetry", message)
    };
    let one_only = |e: Error| refused(&format!("which takes one image at a time ({e})"));
    let images = Part { output: &views.images, size: None, ..*part };
    let features = Part { input: &views.images, output: &views.features, ..*part };
    let images = Network::published(&images).and_then(|n| n.run(probe)).map_err(one_only)?;
    let network = Network::published(&features).map_err(one_only)?;
    let together = network.run(&images).map_err(one_only)?;
    let size = together.len() / images.dims()[0].max(1) as usize;
    let mut view = Tensor::new(probe.dims());
    for (pixels, features) in images.chunks(probe.len()).zip(together.chunks(size.max(1))) {
        view.copy_from_slice(pixels);
        if difference(features, &network.run(&view)?) > TOLERANCE {
            return Err(refused(
                "whose answer to an image depends on the other images in its batch, such as the \
                 ranges of a quantized network",
            ));
        }
    }
    Ok(())
}
