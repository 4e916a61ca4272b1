//! What the engine needs to know of a batch of photographs.

use super::engine::Decoded;
use crate::error::Result;

/// The vector of each image of a batch, or a sentence about what is wrong with the image.
pub(crate) type Vectors = Vec<Result<Vec<f32>, String>>;

/// A few photographs whose files have been read.
pub(crate) trait Batch: Send {
    /// What becomes of it.
    type Done: Send;

    /// The contents of the files that could be read.
    fn images(&self) -> Vec<&[u8]>;

    /// Moves them out.
    fn take_images(&mut self) -> Vec<Vec<u8>>;

    /// Looks at the images that were decoded on this machine, and may reject some.
    fn decoded(&self, images: Decoded) -> Decoded {
        images
    }

    /// Makes the result. `vectors` has one for each of the images.
    ///
    /// # Errors
    /// What ends the run, such as the engine's error.
    fn finish(self, vectors: Result<Vectors>) -> Result<Self::Done>;
}
