//! Reads and checks the graph and the labels that a configuration names.

use super::labels::{Labels, labels};
use super::preview::Previews;
use super::usage::{Usage, class_count, node_of};
use super::{LabelConfig, UNKNOWN};
use crate::error::{Error, Result};
use crate::export::Metadata;
use crate::fsio;
use crate::inference::Part;
use crate::metrics::tempered;
use crate::model::{self, Labelling};
use crate::proto::{self, GraphDef};
use crate::text::shown;
use crate::tf::{self, Tensor};
use log::warn;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// An error suggests at most this many nodes.
const MAX_SUGGESTIONS: usize = 5;

/// A graph and its labels, with how both are used.
#[derive(Debug)]
pub(super) struct Model {
    graph: PathBuf,
    /// The graph's path, for messages.
    pub(super) name: String,
    pub(super) graph_def: GraphDef,
    pub(super) labels: Labels,
    pub(super) usage: Usage,
    /// Writes what the network sees, if it is to be kept.
    previews: Option<Previews>,
    pub(super) top_k: usize,
    pub(super) threshold: Option<f32>,
    /// What the logits are divided by.
    temperature: Option<f64>,
    /// Makes the warning about too many labels appear only once.
    too_many: Once,
}

/// What the scores of a photograph say.
pub(super) struct Answer {
    /// The labels with the best scores, the best first; before them [`UNKNOWN`], if it is.
    pub(super) top: Vec<(String, f32)>,
    /// The class of the best score; `None` if it is below the threshold.
    pub(super) class: Option<usize>,
}

impl Model {
    /// Reads and checks the files, and finds how the graph is used. Also returns how many classes
    /// it has, if it says so.
    pub(super) fn open(config: &LabelConfig) -> Result<(Self, Option<usize>)> {
        config.check()?;
        let wrong = |message: String| Error::input(&config.graph, message);
        let graph_def: GraphDef = proto::parse(&config.graph, &fsio::read(&config.graph)?)?;
        let metadata = Metadata::load(&config.graph)?;
        let temperature = temperature(config, metadata.as_ref())?;
        let labels = labels(config, metadata.as_ref())?;
        check_layer(&graph_def, config, "input_layer")?;
        check_layer(&graph_def, config, "output_layer")?;
        model::check_graph(&graph_def).map_err(wrong)?;
        tf::load()?;
        let graph = Labelling::of(&graph_def).map_err(|e| wrong(e.to_string()))?;
        let usage = match &metadata {
            Some(metadata) => Usage::of_metadata(config, metadata, &graph, &labels)?,
            None => Usage::guessed(config, &graph, &labels)?,
        };
        model::check_part(graph.graph(), &graph_def, &usage.input, &usage.output).map_err(wrong)?;
        let classes = class_count(&graph, &usage.output);
        drop(graph);
        let previews = config.save_preview.as_deref();
        let previews = previews.map(|dir| Previews::new(dir, &usage.spec)).transpose()?;
        let model = Self {
            previews,
            graph: config.graph.clone(),
            name: config.graph.display().to_string(),
            graph_def,
            labels,
            usage,
            top_k: config.top_k,
            threshold: config.threshold,
            temperature,
            too_many: Once::new(),
        };
        classes.map_or(Ok(()), |classes| model.check_labels(classes))?;
        Ok((model, classes))
    }

    /// The same error, about the graph's file.
    pub(super) fn bad_graph(&self, error: &Error) -> Error {
        Error::input(&self.graph, error.to_string())
    }

    /// Keeps what the network sees of a photograph, if the settings ask for it.
    pub(super) fn save_preview(&self, path: &Path, pixels: &Tensor<f32>) -> Result<(), String> {
        let Some(previews) = &self.previews else { return Ok(()) };
        previews.save(path, pixels.dims(), pixels)
    }

    /// The network from pixels to scores.
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            name: &self.name,
            graph: &self.graph_def,
            input: &self.usage.input,
            output: &self.usage.output,
            pixels: &self.usage.spec,
            size: None,
            probabilities: true,
        }
    }

    /// Checks the number of labels. Too few are an error; if there are too many, the first ones are
    /// used, as in the script, with a warning.
    pub(super) fn check_labels(&self, classes: usize) -> Result<()> {
        let (labels, graph) = (self.labels.names.len(), shown(&self.graph));
        if labels < classes {
            let message = format!(
                "holds labels for {labels} of the {classes} classes of {graph}; give the labels \
                 that belong to it"
            );
            return Err(Error::input(&self.labels.file, message));
        }
        if labels > classes {
            self.too_many.call_once(|| {
                let file = shown(&self.labels.file);
                warn!(
                    target: "retrain",
                    "{file}: holds {labels} labels, but {graph} has {classes} classes: \
                     the first {classes} are used"
                );
            });
        }
        Ok(())
    }

    /// What the scores say. Of two equal scores, the one with the higher class index comes first,
    /// as in the script.
    pub(super) fn answer(&self, scores: &[f32]) -> Answer {
        let calibrated = self.temperature.map(|temperature| tempered(scores, temperature));
        let scores = calibrated.as_deref().unwrap_or(scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(b.cmp(&a)));
        let best = order.first().copied();
        let is_known = |&class: &usize| self.threshold.is_none_or(|least| scores[class] >= least);
        let class = best.filter(is_known);
        let unknown = best.filter(|_| class.is_none()).map(|i| (UNKNOWN.to_owned(), scores[i]));
        let best = order.into_iter().take(self.top_k);
        let best = best.map(|i| (self.labels.names[i].clone(), scores[i]));
        Answer { top: unknown.into_iter().chain(best).collect(), class }
    }
}

/// The temperature to divide logits by, if the settings ask for it.
fn temperature(config: &LabelConfig, metadata: Option<&Metadata>) -> Result<Option<f64>> {
    if !config.calibrated {
        return Ok(None);
    }
    let given = metadata.and_then(|metadata| metadata.temperature);
    match given.filter(|t| t.is_finite() && *t > 0.0) {
        Some(temperature) => Ok(Some(temperature)),
        None => {
            let file = shown(&Metadata::path_of(&config.graph));
            let message = match metadata {
                None => format!("needs the graph's metadata: there is no {file}"),
                Some(_) => {
                    format!("{file} holds no temperature: train again with validation photographs")
                }
            };
            Err(Error::usage("calibrated", message))
        }
    }
}

/// Checks that the graph has the node that a setting names.
///
/// # Errors
/// If it has not; the error lists nodes that could be meant.
fn check_layer(graph: &GraphDef, config: &LabelConfig, setting: &str) -> Result<()> {
    let (name, op) = match setting {
        "input_layer" => (&config.input_layer, "Placeholder"),
        _ => (&config.output_layer, "Softmax"),
    };
    let Some(name) = name.as_deref().map(node_of).filter(|name| graph.find(name).is_none()) else {
        return Ok(());
    };
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
