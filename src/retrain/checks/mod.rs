//! What is checked before the costly work, and again once it is known which photographs can be used.

mod places;
mod usable;

pub(super) use usable::{check_training, check_usable};
