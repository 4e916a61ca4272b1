//! Pretrained networks: their names, where they come from, and the [`Backbone`] made from one.

mod architecture;
mod backbone;
mod builtin;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod identity;
mod inspect;
mod source;
mod symmetry;
mod torch_weights;
mod wheels;

pub use crate::rewrite::{Symmetry, Views};
pub use architecture::{Features, ModelInfo, Source, create_model_info, names, nearest_name};
pub use backbone::Backbone;
pub use builtin::{Calibration, build_miniature, write_miniature};
pub use identity::Identity;
pub(crate) use inspect::{
    Labelling, RandomOp, SCRIPT_INPUT, SCRIPT_OUTPUT, SCRIPT_RANGE, batch_norm, check_graph,
    check_part, image_size, random_op,
};
pub use source::{
    OwnGraph, check_address, create_model_graph, create_module_graph, create_own_graph,
    maybe_download_and_extract, module_in, provide, provide_module,
};
pub use torch_weights::TorchWeights;
pub use wheels::{WHEELS, Wheel};
