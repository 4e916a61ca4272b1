//! What is learnt from bottlenecks without a graph: logistic regression to convergence, folds for
//! cross-validation, and groups of similar photographs. Pure functions of numbers.

mod features;
mod folds;
mod logistic;
mod similar;

pub use features::Features;
pub use folds::{folds, out_of_fold};
pub use logistic::{Logistic, Objective};
pub use similar::{Group, similar_groups};
