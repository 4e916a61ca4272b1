//! Classifiers on bottlenecks that need no graph: logistic regression to convergence, and folds for
//! cross-validation. Pure functions of numbers.

mod features;
mod folds;
mod logistic;

pub use features::Features;
pub use folds::{folds, out_of_fold};
pub use logistic::{Logistic, Objective};
