//! Rewrites the network for computing bottlenecks: the same function of the pixels in fewer, larger
//! ops. Exported and displayed graphs are never rewritten so, and callers compare the result with
//! the published graph before they use it. [`add_symmetry`] is another kind of rewrite: see there.
//!
//! | step | what | where |
//! |---|---|---|
//! | 1 | bypass Identity, CheckNumerics and unfed PlaceholderWithDefault | `bypass` |
//! | 2 | fold batch normalisation and other constants into convolutions | [`fold_batch_norms`] |
//! | 3 | free the batch dimension, drop unused nodes | [`free_batch`] |
//! | 4 | fuse convolution, bias and activation into one op | [`fuse`] |
//!
//! A step leaves alone whatever it does not understand.

mod bypass;
mod constants;
mod fold;
mod free_batch;
mod freeze;
mod fuse;
mod symmetry;

#[cfg(feature = "fuzzing")]
pub(crate) use constants::Evaluator;
pub use fold::fold_batch_norms;
pub use free_batch::free_batch;
pub use freeze::{convert_variables_to_constants, needed_nodes};
pub use fuse::fuse;
pub use symmetry::{Ends, Symmetry, Views, add_symmetry};

use crate::images::PixelSpec;
use crate::proto::{GraphDef, InputRef};

/// Steps 1 to 3, on the part between the tensors `input` and `output`.
#[must_use]
pub fn optimize(graph: &GraphDef, input: &str, output: &str, spec: &PixelSpec) -> GraphDef {
    let passed =
        bypass::pass_by(graph, &[InputRef::parse(input).node, InputRef::parse(output).node]);
    free_batch(&fold_batch_norms(&passed, InputRef::parse(output).node), input, output, spec)
}
