//! What is learned from bottlenecks without a graph: classifiers for cross-validation, which trains
//! many, and for L-BFGS, which no TensorFlow op does; groups of similar photographs; and the
//! settings of fine-tuning. Pure functions of numbers.

mod descent;
mod features;
mod fine_tune;
mod folds;
mod logistic;
mod recipe;
mod scaling;
mod similar;

pub use features::{FeatureRows, Features};
pub(crate) use fine_tune::pattern;
pub use fine_tune::{FineTune, Selection};
pub use folds::{folds, out_of_fold};
pub(crate) use logistic::softmax;
pub use logistic::{Logistic, Objective, Precision};
pub(crate) use recipe::pick;
pub use recipe::{Batch, ClassWeights, Examples, Optimizer, Recipe, WeightDecay};
pub use scaling::Scaling;
pub use similar::{Group, similar_groups};
