//! Classifiers on bottlenecks without a graph: for cross-validation, which trains many, and for
//! L-BFGS, which no TensorFlow op does. Pure functions of numbers.

mod descent;
mod features;
mod folds;
mod logistic;
mod recipe;
mod scaling;

pub use features::Features;
pub use folds::{folds, out_of_fold};
pub use logistic::{Logistic, Objective};
pub use recipe::{Batch, ClassWeights, Optimizer, Recipe, WeightDecay};
pub use scaling::Scaling;
