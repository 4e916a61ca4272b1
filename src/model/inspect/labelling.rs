//! How to use a graph that labels photographs if nothing says how: which tensors to feed and to
//! read, and with which pixels.
//!
//! | graph | input | size | pixels |
//! |---|---|---|---|
//! | MobileNet | `input` | its shape | 128 ± 128, the script's defaults |
//! | Inception v3 of 2015 | `Mul` | 299 | 128 ± 128, as the graph itself has it |
//! | on a TF-Hub module | `Placeholder` | its shape | 0 to 1 |
//! | any other | its placeholder for images | its shape | as the graph shows, else 128 ± 128 |

use super::guess::{guess_input, guess_output};
use super::normalisation::shown_range;
use super::view::GraphView;
use crate::error::Result;
use crate::proto::GraphDef;
use crate::tf::Graph;

/// label_image.py's defaults.
pub(crate) const SCRIPT_INPUT: &str = "input";
pub(crate) const SCRIPT_OUTPUT: &str = "final_result";
pub(crate) const SCRIPT_RANGE: (f32, f32) = (128.0, 128.0);
const SCRIPT_SIZE: i64 = 224;

/// What the hub script feeds, and the scope of a module's layers in its graph.
const HUB_INPUT: &str = "Placeholder";
const HUB_SCOPE: &str = "module_apply_default/";
/// The mean and standard deviation of pixels from 0 to 1.
const UNIT_RANGE: (f32, f32) = (0.0, 255.0);

/// A graph that labels photographs, imported.
pub(crate) struct Labelling<'g> {
    view: GraphView<'g>,
}

impl<'g> Labelling<'g> {
    /// Imports a graph.
    ///
    /// # Errors
    /// In TensorFlow's words, if it refuses the graph.
    pub(crate) fn of(graph_def: &'g GraphDef) -> Result<Self> {
        Ok(Self { view: GraphView::new(graph_def)? })
    }

    /// As TensorFlow has it.
    pub(crate) fn graph(&self) -> &Graph {
        self.view.graph()
    }

    /// Whether the graph has a node.
    pub(crate) fn has(&self, node: &str) -> bool {
        self.view.node(node).is_some()
    }

    /// The node to feed: `input`, or else what is guessed from the graph.
    pub(crate) fn input(&self) -> Result<String, String> {
        if self.has(SCRIPT_INPUT) {
            return Ok(SCRIPT_INPUT.into());
        }
        guess_input(&self.view, None).map(|guess| guess.tensor)
    }

    /// The node to read: `final_result`, or else the last softmax that follows from `input`, or the
    /// graph's only output.
    pub(crate) fn output(&self, input: &str) -> Result<String, String> {
        if self.has(SCRIPT_OUTPUT) {
            return Ok(SCRIPT_OUTPUT.into());
        }
        guess_output(&self.view, input).map(str::to_owned)
    }

    /// The height and width in the shape of a placeholder; `None` if it takes any.
    pub(crate) fn fixed_size(&self, input: &str) -> [Option<i64>; 2] {
        let is_placeholder = self.view.node(input).is_some_and(|n| n.op == "Placeholder");
        if is_placeholder { self.inferred_size(input) } else { [None, None] }
    }

    /// The height and width that images have at `input`, as far as TensorFlow can tell, or else the
    /// script's.
    pub(crate) fn size(&self, input: &str) -> [i64; 2] {
        self.inferred_size(input).map(|side| side.unwrap_or(SCRIPT_SIZE))
    }

    fn inferred_size(&self, input: &str) -> [Option<i64>; 2] {
        let shape = self.view.shape(input).filter(|s| s.len() == 4);
        [1, 2].map(|axis| shape.as_ref().map(|s| s[axis]).filter(|&n| n > 0))
    }

    /// The mean and standard deviation that pixels from 0 to 255 are to be normalised by.
    pub(crate) fn range(&self, input: &str) -> (f32, f32) {
        let is_hub = || self.view.all().any(|n| n.name.starts_with(HUB_SCOPE));
        if input == HUB_INPUT && is_hub() {
            return UNIT_RANGE;
        }
        shown_range(&self.view, input).map_or(SCRIPT_RANGE, |guess| (guess.mean, guess.std))
    }
}
