//! `label_image.py`: finds the most probable classes of photographs with a retrained graph. Open a
//! [`Labeller`] once to label any number of them.

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

/// How many classes are listed for each photograph.
const TOP: usize = 5;
