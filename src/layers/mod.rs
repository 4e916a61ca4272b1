//! The pieces of the training graph. Each adds named nodes to a
//! [`GraphBuilder`](crate::tf::GraphBuilder) and runs nothing; the names are those of the scripts'
//! graphs.

mod adam;
mod batch_decoding;
mod decoding;
mod distortions;
mod evaluation;
mod head;
mod loss;
mod optimizer;
mod quantize;
mod random_uniform;
mod saver;
mod summaries;
mod turns;
mod variable;

pub use adam::{AdamStep, Trained, add_adam};
pub use batch_decoding::add_batch_decoding;
pub use decoding::{
    DecodedImage, ResizedAs, add_decoding_of, add_image_decoding, add_jpeg_decoding,
    add_reduced_jpeg_decoding, add_resizing,
};
pub use distortions::{Distorter, Distortions, add_distorter, add_input_distortions};
pub use evaluation::{EvaluationStep, add_evaluation_step};
pub use head::{FinalTrainingOps, HeadSpec, Truth, add_final_training_ops};
pub use loss::{Loss, LossSpec, add_cross_entropy};
pub use optimizer::{StepRule, StepSpec, TrainStep, add_train_step};
pub use quantize::QuantForm;
pub use saver::{SavedVariable, Saver, add_saver};
pub use summaries::{Summaries, variable_summaries};
pub use variable::{VariableNames, add_variable};
