//! `label_image.py`: finds the most probable classes of photographs with a retrained graph. Open a
//! [`Labeller`] once to label any number of them.

mod config;
mod evaluation;
mod evaluation_text;
mod labeller;
mod labels;
mod many;
mod model;
mod paths;
mod patterns;
mod preview;
mod rows;
mod sorter;
mod usage;

pub use config::LabelConfig;
pub use evaluation::{Evaluation, Wrong};
pub use labeller::{Labelled, Labeller};
pub use many::Rows;
pub use paths::{Key, Source, check_apart, count};
pub use patterns::matches;
pub use rows::{Format, Ids, Row, RowWriter};
pub use sorter::{Placed, Sorter};

/// How many labels are listed for each photograph, as in the script.
const TOP: usize = 5;

/// The label of a photograph whose best score is below the threshold.
pub const UNKNOWN: &str = "unknown";
