//! `label_image.py`: a graph, its labels, a photograph; the most probable classes. A [`Labeller`]
//! is opened once, and labels any number of photographs.

mod config;
mod labeller;
mod many;
mod model;
mod paths;
mod rows;

pub use config::LabelConfig;
pub use labeller::{Labelled, Labeller};
pub use many::Rows;
pub use paths::Source;
pub use rows::{Format, Row, RowWriter};

/// How many classes are listed.
const TOP: usize = 5;
