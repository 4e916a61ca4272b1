//! Reads and checks the graph and the labels that a configuration names.

use super::{LabelConfig, TOP};
use crate::error::{Error, Result};
use crate::images::{PixelRange, PixelSpec};
use crate::inference::Part;
use crate::model;
use crate::proto::{self, GraphDef, NodeDef};
use crate::text::shown;
use crate::tf::Graph;
use crate::{export, fsio};
use log::warn;
use std::path::Path;
use std::sync::Once;

/// The script's default size, for a graph that does not say what size it takes.
const DEFAULT_SIZE: i32 = 224;
/// An error suggests at most this many nodes.
const MAX_SUGGESTIONS: usize = 5;

/// A graph and its labels.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: LabelConfig,
    /// The graph's path, for messages.
    pub(super) name: String,
    pub(super) graph_def: GraphDef,
    pub(super) labels: Vec<String>,
    pub(super) spec: PixelSpec,
    /// Makes the warning about too many labels appear only once.
    too_many: Once,
}

impl Model {
    /// Reads both files and checks what can be checked without TensorFlow.
    pub(super) fn load(config: &LabelConfig) -> Result<Self> {
        let graph_def: GraphDef = proto::parse(&config.graph, &fsio::read(&config.graph)?)?;
        let labels = export::read_labels(&config.labels)?;
        let input = find_layer(&graph_def, config, "input_layer")?;
        find_layer(&graph_def, config, "output_layer")?;
        let spec = pixels(config, input)?;
        let name = config.graph.display().to_string();
        model::check_graph(&graph_def).map_err(|message| Error::input(&config.graph, message))?;
        Ok(Self { config: config.clone(), name, graph_def, labels, spec, too_many: Once::new() })
    }

    /// Imports the graph into TensorFlow, and checks that it does nothing but label images.
    pub(super) fn import(&self) -> Result<Graph> {
        let config = &self.config;
        let graph = Graph::import(&self.graph_def).map_err(|e| self.bad_graph(&e))?;
        let (from, to) = (&config.input_layer, &config.output_layer);
        model::check_part(&graph, &self.graph_def, from, to)
            .map_err(|message| Error::input(&config.graph, message))?;
        if let Some(classes) = class_count(&graph, to) {
            self.check_labels(classes)?;
        }
        Ok(graph)
    }

    /// The same error, about the graph's file.
    pub(super) fn bad_graph(&self, error: &Error) -> Error {
        Error::input(&self.config.graph, error.to_string())
    }

    /// The network from pixels to scores.
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            name: &self.name,
            graph: &self.graph_def,
            input: &self.config.input_layer,
            output: &self.config.output_layer,
            pixels: &self.spec,
            size: None,
            probabilities: true,
        }
    }

    /// Checks the number of labels. Too few are an error; if there are too many, the first ones are
    /// used, as in the script, with a warning.
    pub(super) fn check_labels(&self, classes: usize) -> Result<()> {
        let (labels, graph) = (self.labels.len(), shown(&self.config.graph));
        if labels < classes {
            let message = format!(
                "holds labels for {labels} of the {classes} classes of {graph}; give the labels \
                 that belong to it"
            );
            return Err(Error::input(&self.config.labels, message));
        }
        if labels > classes {
            self.too_many.call_once(|| {
                let file = shown(&self.config.labels);
                warn!(
                    target: "retrain",
                    "{file}: holds {labels} labels, but {graph} has {classes} classes: \
                     the first {classes} are used"
                );
            });
        }
        Ok(())
    }

    /// The best scores with their labels, the best first. Of two equal scores, the one with the
    /// higher class index comes first, as in the script.
    pub(super) fn top(&self, scores: &[f32]) -> Vec<(String, f32)> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let best = order.into_iter().rev().take(TOP);
        best.map(|i| (self.labels[i].clone(), scores[i])).collect()
    }
}

/// How many scores an output gives for each image, if the graph says so.
pub(super) fn class_count(graph: &Graph, output: &str) -> Option<usize> {
    match graph.shape(output)?.as_slice() {
        [_, classes @ ..] if !classes.is_empty() => {
            classes.iter().map(|&n| usize::try_from(n).ok()).product()
        }
        _ => None,
    }
}

/// The size and range of the pixels to feed: from the settings, or else from the graph.
///
/// # Errors
/// If a size in the settings contradicts the graph.
fn pixels(config: &LabelConfig, input: &NodeDef) -> Result<PixelSpec> {
    let wanted = input.shape_attr("shape").filter(|s| s.len() == 4 && input.op == "Placeholder");
    let known = |axis: usize| wanted.as_ref().map(|s| s[axis]).filter(|&n| n > 0);
    // TensorFlow's C API accepts any size here, and fails deep in the graph or not at all.
    for (setting, given, known) in [
        ("input_height", config.input_height, known(1)),
        ("input_width", config.input_width, known(2)),
    ] {
        if let (Some(given), Some(known)) = (given, known)
            && i64::from(given) != known
        {
            let layer = &config.input_layer;
            let message = format!("{given}, but '{layer}' wants {known}; leave it out");
            return Err(Error::usage(setting, message));
        }
    }
    let side = |given: Option<i32>, axis| {
        given.map(i64::from).or(known(axis)).unwrap_or(DEFAULT_SIZE.into())
    };
    let size = model::image_size(side(config.input_height, 1), side(config.input_width, 2));
    let (height, width) = size.map_err(|message| Error::input(&config.graph, message))?;
    let range = PixelRange::Divide { mean: config.input_mean, std: config.input_std };
    Ok(PixelSpec { height, width, depth: 3, range })
}

/// The node that a setting names.
///
/// # Errors
/// If the graph has no such node; the error lists nodes that could be meant.
fn find_layer<'g>(graph: &'g GraphDef, config: &LabelConfig, setting: &str) -> Result<&'g NodeDef> {
    let (name, op) = match setting {
        "input_layer" => (&config.input_layer, "Placeholder"),
        _ => (&config.output_layer, "Softmax"),
    };
    if let Some(node) = graph.find(name) {
        return Ok(node);
    }
    let suggestions = graph.node.iter().filter(|n| n.op == op).map(|n| n.name.as_str());
    let names: Vec<&str> = suggestions.take(MAX_SUGGESTIONS).collect();
    let hint = match names[..] {
        [] => String::new(),
        _ => format!("; its {op} nodes are: {}", names.join(", ")),
    };
    let path: &Path = &config.graph;
    let message = format!("{} holds no node '{name}'{hint}", path.display());
    Err(Error::usage(setting, message))
}
