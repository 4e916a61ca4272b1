//! What is learned from bottlenecks without a graph: classifiers for cross-validation, which trains
//! many, and for L-BFGS, which no TensorFlow op does; and groups of similar photographs. Pure
//! functions of numbers.

mod descent;
mod features;
mod folds;
mod logistic;
mod recipe;
mod scaling;
mod similar;

pub use features::Features;
pub use folds::{folds, out_of_fold};
pub use logistic::{Logistic, Objective, Precision};
pub use recipe::{Batch, ClassWeights, Optimizer, Recipe, WeightDecay};
pub use scaling::Scaling;
pub use similar::{Group, similar_groups};
