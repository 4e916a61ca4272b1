//! Finds how a graph is used: from the settings, its metadata, or the graph itself.

use super::LabelConfig;
use super::labels::Labels;
use crate::error::{Error, Result};
use crate::export::Metadata;
use crate::images::{PixelRange, PixelSpec, Reading};
use crate::model::{self, Labelling, SCRIPT_INPUT, SCRIPT_OUTPUT, SCRIPT_RANGE};
use crate::text::shown;
use log::{info, warn};
use serde_json::Value;
use std::fmt::Display;

/// How a graph is used.
#[derive(Debug)]
pub(super) struct Usage {
    /// The node to feed.
    pub(super) input: String,
    /// The node to fetch.
    pub(super) output: String,
    pub(super) spec: PixelSpec,
}

/// Values that differ by no more grey levels than this are the same: the tutorial labels with 128
/// what was trained with 127.5.
const SAME_GREY: f32 = 1.0;

/// The node of a tensor: `input` for `input:0`.
pub(super) fn node_of(tensor: &str) -> &str {
    tensor.strip_suffix(":0").unwrap_or(tensor)
}

impl Usage {
    /// From the settings and the graph. What is guessed is logged, on one line.
    pub(super) fn guessed(
        config: &LabelConfig,
        graph: &Labelling<'_>,
        labels: &Labels,
    ) -> Result<Self> {
        let name = shown(&config.graph);
        let wrong = |setting: &'static str| {
            let name = &name;
            move |why| Error::usage(setting, format!("must be given for {name}: {why}"))
        };
        let given = |tensor: &Option<String>| tensor.as_deref().map(|t| node_of(t).to_owned());
        let input = given(&config.input_layer).map_or_else(|| graph.input(), Ok);
        let input = input.map_err(wrong("input_layer"))?;
        let output = given(&config.output_layer).map_or_else(|| graph.output(&input), Ok);
        let output = output.map_err(wrong("output_layer"))?;
        check_size(config, graph, &input)?;
        let [height, width] = graph.size(&input);
        let height = config.input_height.map_or(height, i64::from);
        let width = config.input_width.map_or(width, i64::from);
        let (mean, std) = graph.range(&input);
        let is_as_in_the_script = (config.input_layer.is_some() || input == SCRIPT_INPUT)
            && (config.output_layer.is_some() || output == SCRIPT_OUTPUT)
            && (config.input_mean.is_some() || mean == SCRIPT_RANGE.0)
            && (config.input_std.is_some() || std == SCRIPT_RANGE.1)
            && !labels.is_guessed;
        let range = (config.input_mean.unwrap_or(mean), config.input_std.unwrap_or(std));
        let spec = spec(config, [height, width], range)?
            .with_reading(overridden(&Reading::DEFAULT, config)?);
        let usage = Self { input, output, spec };
        if !is_as_in_the_script {
            usage.say(range, &name, labels);
        }
        Ok(usage)
    }

    fn say(&self, (mean, std): (f32, f32), graph: &str, labels: &Labels) {
        let Self { input, output, spec: PixelSpec { height, width, .. } } = self;
        let labels = if labels.is_guessed {
            format!(" `labels={}`", shown(&labels.file))
        } else {
            String::new()
        };
        info!(
            target: "retrain",
            "{graph} has no metadata; it is used with `input_layer={input}` \
             `input_height={height}` `input_width={width}` `input_mean={mean}` `input_std={std}` \
             `output_layer={output}`{labels}"
        );
    }

    /// From the settings and the metadata. A setting that contradicts the metadata is used, with a
    /// warning.
    pub(super) fn of_metadata(
        config: &LabelConfig,
        metadata: &Metadata,
        graph: &Labelling<'_>,
        labels: &Labels,
    ) -> Result<Self> {
        check_fits(config, metadata, graph)?;
        let (of, mut found) = (&metadata.input, Contradictions::default());
        let (input, output) = (node_of(&of.tensor), node_of(&metadata.output.tensor));
        let given = |tensor: &Option<String>, known: &str| {
            tensor.as_deref().map_or(known, node_of).to_owned()
        };
        let usage = (given(&config.input_layer, input), given(&config.output_layer, output));
        check_size(config, graph, &usage.0)?;
        let height = config.input_height.unwrap_or(of.height);
        let width = config.input_width.unwrap_or(of.width);
        let range = (config.input_mean.unwrap_or(of.mean), config.input_std.unwrap_or(of.std));
        found.compare("input_layer", &usage.0.as_str(), &input);
        found.compare("output_layer", &usage.1.as_str(), &output);
        found.compare("input_height", &height, &of.height);
        found.compare("input_width", &width, &of.width);
        if grey_levels_apart(range, (of.mean, of.std)) > SAME_GREY {
            found.compare("input_mean", &range.0, &of.mean);
            found.compare("input_std", &range.1, &of.std);
        }
        let known = reading_of(config, metadata)?;
        let used = overridden(&known, config)?;
        found.compare_readings(&used, &known);
        let has_other_labels = labels.names != metadata.labels;
        found.say(config, has_other_labels.then(|| shown(&labels.file)));
        let (input, output) = usage;
        let spec = spec(config, [height.into(), width.into()], range)?.with_reading(used);
        Ok(Self { input, output, spec })
    }
}

/// A way of reading files, with the settings that are given in place of its own.
fn overridden(reading: &Reading, config: &LabelConfig) -> Result<Reading> {
    let mut settings = reading.settings();
    settings.extend(config.format_options.clone());
    Ok(Reading::of_options(&settings)?.0)
}

/// How the photographs became pixels that the graph learned from. Warns of settings that are not
/// known here.
fn reading_of(config: &LabelConfig, metadata: &Metadata) -> Result<Reading> {
    let (reading, unknown) = Reading::of_options(&metadata.input.format_options)
        .map_err(|e| Error::input(Metadata::path_of(&config.graph), e.to_string()))?;
    if !unknown.is_empty() {
        warn!(
            target: "retrain",
            "{} was trained on photographs that were read with {}; this version labels without",
            shown(&config.graph),
            unknown.join(", ")
        );
    }
    Ok(reading)
}

/// Settings that contradict the metadata, and what they should be.
#[derive(Default)]
struct Contradictions {
    given: Vec<String>,
    right: Vec<String>,
}

impl Contradictions {
    fn compare<T: Display + PartialEq>(&mut self, setting: &str, given: &T, right: &T) {
        if given != right {
            self.given.push(format!("`{setting}={given}`"));
            self.right.push(format!("`{setting}={right}`"));
        }
    }

    fn compare_readings(&mut self, given: &Reading, right: &Reading) {
        for ((setting, given), right) in given.settings().iter().zip(right.settings().values()) {
            if given != right {
                self.given.push(named(setting, given));
                self.right.push(named(setting, right));
            }
        }
    }

    fn say(mut self, config: &LabelConfig, labels: Option<String>) {
        if let Some(labels) = labels {
            self.given.push(format!("`labels={labels}`"));
            self.right.push("the labels in its metadata".into());
        }
        if !self.given.is_empty() {
            warn!(
                target: "retrain",
                "{} was trained with {}, not with {}; leave these settings out to have it used as \
                 {} says",
                shown(&config.graph),
                self.right.join(" "),
                self.given.join(" "),
                shown(&Metadata::path_of(&config.graph))
            );
        }
    }
}

/// A setting and its value; a switch that is off begins with `no`.
fn named(setting: &str, value: &Value) -> String {
    match value {
        Value::Bool(true) => format!("`{setting}`"),
        Value::Bool(false) => format!("`no{setting}`"),
        Value::String(text) => format!("`{setting}={text}`"),
        other => format!("`{setting}={other}`"),
    }
}

/// By how much two normalisations of pixels from 0 to 255 differ at most, in grey levels of the
/// second.
fn grey_levels_apart(a: (f32, f32), b: (f32, f32)) -> f32 {
    let apart = |x: f32| ((x - a.0) / a.1 - (x - b.0) / b.1).abs() * b.1.abs();
    apart(0.0).max(apart(255.0))
}

/// Checks that the metadata is of this graph and not of another of the same name.
fn check_fits(config: &LabelConfig, metadata: &Metadata, graph: &Labelling<'_>) -> Result<()> {
    let misfit = |what: String| {
        let name = shown(&config.graph);
        let message = format!(
            "is not the metadata of {name}: {what}; remove it, or copy each graph with its own"
        );
        Err(Error::input(Metadata::path_of(&config.graph), message))
    };
    let (input, output) = (node_of(&metadata.input.tensor), node_of(&metadata.output.tensor));
    for node in [input, output] {
        if !graph.has(node) {
            return misfit(format!("the graph has no '{node}'"));
        }
    }
    let sides = [metadata.input.height, metadata.input.width];
    for (side, known) in sides.into_iter().zip(graph.fixed_size(input)) {
        if let Some(known) = known.filter(|&known| known != i64::from(side)) {
            return misfit(format!("the graph takes images of {known} pixels, not {side}"));
        }
    }
    match class_count(graph, output) {
        Some(classes) if classes != metadata.labels.len() => {
            let labels = metadata.labels.len();
            misfit(format!("it has {labels} labels, but the graph has {classes} classes"))
        }
        _ => Ok(()),
    }
}

/// How many scores an output gives for each image, if the graph says so.
pub(super) fn class_count(graph: &Labelling<'_>, output: &str) -> Option<usize> {
    match graph.graph().shape(output)?.as_slice() {
        [_, classes @ ..] if !classes.is_empty() => {
            classes.iter().map(|&n| usize::try_from(n).ok()).product()
        }
        _ => None,
    }
}

/// Checks that a size in the settings does not contradict the graph. TensorFlow's C API accepts any
/// size, and fails deep in the graph or not at all.
fn check_size(config: &LabelConfig, graph: &Labelling<'_>, input: &str) -> Result<()> {
    let [height, width] = graph.fixed_size(input);
    for (setting, given, known) in
        [("input_height", config.input_height, height), ("input_width", config.input_width, width)]
    {
        if let (Some(given), Some(known)) = (given, known)
            && i64::from(given) != known
        {
            let message = format!("{given}, but '{input}' wants {known}; leave it out");
            return Err(Error::usage(setting, message));
        }
    }
    Ok(())
}

fn spec(config: &LabelConfig, size: [i64; 2], (mean, std): (f32, f32)) -> Result<PixelSpec> {
    let size = model::image_size(size[0], size[1]);
    let (height, width) = size.map_err(|message| Error::input(&config.graph, message))?;
    // Divided, as in the script: multiplied, the last bit may differ.
    Ok(PixelSpec::new(width, height, PixelRange::Divide { mean, std }))
}
