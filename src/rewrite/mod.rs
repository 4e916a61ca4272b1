//! The network as it is used to compute bottlenecks: the same function of the pixels in fewer,
//! larger ops. What is exported and shown is never rewritten, and whoever uses the outcome compares
//! it with the published graph first.
//!
//! | step | what | where |
//! |---|---|---|
//! | 1 | Identity, CheckNumerics and unfed PlaceholderWithDefault are passed by | `bypass` |
//! | 2 | batch normalisation becomes part of the convolution, and constants are folded | [`fold_batch_norms`] |
//! | 3 | the batch dimension is freed, what nothing needs is dropped | [`free_batch`] |
//! | 4 | convolution, bias and activation become one op | [`fuse`] |
//!
//! What a step does not understand it leaves as it is.

mod bypass;
mod constants;
mod fold;
mod free_batch;
mod freeze;
mod fuse;

#[cfg(feature = "fuzzing")]
pub(crate) use constants::Evaluator;
pub use fold::fold_batch_norms;
pub use free_batch::free_batch;
pub use freeze::{convert_variables_to_constants, needed_nodes};
pub use fuse::fuse;

use crate::images::PixelSpec;
use crate::proto::{GraphDef, InputRef};

/// Steps 1 to 3, for the part between the tensors `input` and `output`.
#[must_use]
pub fn optimize(graph: &GraphDef, input: &str, output: &str, spec: &PixelSpec) -> GraphDef {
    let passed =
        bypass::pass_by(graph, &[InputRef::parse(input).node, InputRef::parse(output).node]);
    free_batch(&fold_batch_norms(&passed, InputRef::parse(output).node), input, output, spec)
}
