//! The pieces of the training graph. Each adds named nodes to a
//! [`GraphBuilder`](crate::tf::GraphBuilder) and runs nothing; the names are those of the scripts'
//! graphs.

mod decoding;
mod distortions;
mod evaluation;
mod final_training_ops;
pub(crate) mod fuzzing;
mod image_format;
mod image_header;
mod quantize;
mod saver;
mod summaries;

pub use decoding::{DecodedImage, add_image_decoding, add_jpeg_decoding};
pub use distortions::{Distorter, Distortions, ResizedAs, add_distorter, add_input_distortions};
pub use evaluation::{EvaluationStep, add_evaluation_step};
pub use final_training_ops::{
    FinalTrainingOps, HeadSpec, Loss, VariableNames, add_cross_entropy, add_final_training_ops,
    add_gradient_descent,
};
pub use image_format::ImageFormat;
pub use image_header::{MAX_PIXELS, checked};
pub use quantize::QuantForm;
pub use saver::{SavedVariable, Saver, add_saver};
pub use summaries::{Summaries, variable_summaries};
