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
//! For fine-tuning, [`differentiable`] folds by nodes (`fold_nodes`), so that gradients reach each
//! constant.
//!
//! [`copy_network`] makes a second copy that takes any number of images, for serving.
//!
//! A step leaves alone whatever it does not understand.

mod bypass;
mod constants;
mod copy;
mod fold;
mod fold_nodes;
mod free_batch;
mod freeze;
mod fuse;
mod symmetry;

#[cfg(feature = "fuzzing")]
pub(crate) use constants::Evaluator;
pub use constants::constant_floats;
pub use copy::copy_network;
pub use fold::fold_batch_norms;
pub use free_batch::free_batch;
pub use freeze::{convert_variables_to_constants, needed_nodes};
pub use fuse::fuse;
pub use symmetry::{Ends, Symmetry, Views, add_symmetry};

use crate::images::PixelSpec;
use crate::proto::{DataType, GraphDef, InputRef, NodeDef, Value};

/// Steps 1 to 3, on the part between the tensors `input` and `output`.
#[must_use]
pub fn optimize(graph: &GraphDef, input: &str, output: &str, spec: &PixelSpec) -> GraphDef {
    let passed =
        bypass::pass_by(graph, &[InputRef::parse(input).node, InputRef::parse(output).node]);
    free_batch(&fold_batch_norms(&passed, InputRef::parse(output).node), input, output, spec)
}

/// The part between the tensors `input` and `output` in a form that TensorFlow's C API can
/// differentiate, for training: the same function, with every weight, scale and offset still a
/// constant of its own name.
#[must_use]
pub fn differentiable(graph: &GraphDef, input: &str, output: &str, spec: &PixelSpec) -> GraphDef {
    let node = |tensor| InputRef::parse(tensor).node;
    let passed = bypass::pass_by(graph, &[node(input), node(output)]);
    let mut part =
        free_batch(&fold_nodes::fold_as_nodes(&passed, node(output)), input, output, spec);
    part.node.iter_mut().for_each(with_gradient);
    part
}

/// Replaces an op that has no gradient by its successor. Concat takes its axis first.
fn with_gradient(node: &mut NodeDef) {
    if node.op == "Concat" {
        let values = node.input.iter().take_while(|i| !i.starts_with('^')).count();
        node.op = "ConcatV2".into();
        node.input[..values].rotate_left(1);
        node.set_attr("Tidx", Value::Type(DataType::DT_INT32.into()));
    }
}
