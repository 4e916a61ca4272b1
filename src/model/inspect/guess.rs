//! Guesses which tensors of an unfamiliar graph to feed and to read, when the user does not say.
//!
//! The *input* is the graph's placeholder for float images; of several, the one that the bottleneck
//! or the last softmax needs. If there is none (the graph decodes photographs itself), it is the
//! tensor of three channels that the first convolutions read.
//!
//! The *bottleneck* is the input of the last classifier. The search for that starts at the last
//! softmax over a [batch, classes] tensor, or else at the only tensor that nothing reads, and goes
//! back through ops that only reshape the logits or add to them:
//!
//! | classifier | bottleneck |
//! |---|---|
//! | MatMul | its input, [?, n]; if that is a PlaceholderWithDefault (our own graphs), its source |
//! | 1×1 Conv2D | the [?, n] that is reshaped into its input; else the logits, as in the scripts, |
//! | | or of a SavedModel its input, [?, 1, 1, n] |
//! | none recognised | the logits, or the output itself |
//!
//! If that depends on noise (dropout left on), the bottleneck is the nearest vector before the
//! noise.

use super::before_noise::{BeforeNoise, before_noise};
use super::randomness::Randomness;
use super::view::{GraphView, data_inputs};
use crate::proto::NodeDef;
use std::collections::HashSet;

/// A guess, or a sentence that says why there is none.
pub(in crate::model) type Guessed = Result<Guess, String>;

/// A tensor and why it was chosen.
pub(in crate::model) struct Guess {
    pub(in crate::model) tensor: String,
    pub(in crate::model) why: String,
}

/// Ops that may follow a classifier without being a layer.
const PASSED: [&str; 12] = [
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Identity",
    "Reshape",
    "Squeeze",
    "BiasAdd",
    "Add",
    "AddV2",
    "CheckNumerics",
    "StopGradient",
    "FakeQuantWithMinMaxVars",
];

/// Ops that change a tensor's shape and nothing else.
const RESHAPING: [&str; 5] =
    ["Identity", "Reshape", "ExpandDims", "Squeeze", "PlaceholderWithDefault"];

/// How many names an error lists at most.
const LISTED: usize = 5;

/// Guesses the tensor to feed; `goal` is the bottleneck, if it was given, which must depend on it.
pub(in crate::model) fn guess_input(view: &GraphView<'_>, goal: Option<&str>) -> Guessed {
    let goal = goal.or_else(|| last_softmax(view));
    let is_needed = goal.map(|g| view.needs(g, None));
    let is_needed =
        |n: &NodeDef| is_needed.as_ref().is_none_or(|needed| needed.contains(n.name.as_str()));
    let images: Vec<&NodeDef> =
        view.all().filter(|n| n.op == "Placeholder" && may_hold_images(view, &n.name)).collect();
    let needed: Vec<&NodeDef> = images.iter().copied().filter(|n| is_needed(n)).collect();
    match (&images[..], &needed[..]) {
        ([one], _) => {
            let why = "guessed: the only placeholder for float images";
            return Ok(Guess { tensor: one.name.clone(), why: why.into() });
        }
        (_, [one]) => {
            let why = "guessed: the only placeholder for float images that the result depends on";
            return Ok(Guess { tensor: one.name.clone(), why: why.into() });
        }
        ([], _) => {}
        _ => {
            return Err(format!(
                "several placeholders could be the input: {}",
                list(images.iter().map(|n| &*n.name))
            ));
        }
    }
    let convolutions = view.all().filter(|n| n.op == "Conv2D" && is_needed(n));
    let read: HashSet<&str> = convolutions.filter_map(|n| data_inputs(n).next()).collect();
    let mut read: Vec<&str> = read.into_iter().filter(|t| is_image(view, t)).collect();
    read.sort_unstable();
    match read[..] {
        [one] => {
            let why = "guessed: what the first convolution reads, as there is no placeholder for \
                       float images";
            Ok(Guess { tensor: one.into(), why: why.into() })
        }
        [] => Err("there is no placeholder for float images [?, height, width, 3]".into()),
        _ => Err(format!("several tensors could be the input: {}", list(read.into_iter()))),
    }
}

fn may_hold_images(view: &GraphView<'_>, tensor: &str) -> bool {
    view.is_float(tensor) && view.shape(tensor).is_none_or(|s| s.len() == 4)
}

fn is_image(view: &GraphView<'_>, tensor: &str) -> bool {
    view.is_float(tensor) && view.shape(tensor).is_some_and(|s| s.len() == 4 && s[3] == 3)
}

/// The last softmax over classes. (Those of attention have more dimensions.)
fn last_softmax<'g>(view: &GraphView<'g>) -> Option<&'g str> {
    let over_classes = |n: &&NodeDef| {
        n.op == "Softmax"
            && view.is_float(&n.name)
            && view.shape(&n.name).is_none_or(|s| s.len() == 2)
    };
    view.all().rev().find(over_classes).map(|n| n.name.as_str())
}

/// What is the bottleneck of a network that ends in a 1×1 convolution of a map of one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Head {
    /// The logits, as in the scripts.
    Logits,
    /// That map.
    Map,
}

/// Guesses the bottleneck, in a graph whose image size is known.
pub(in crate::model) fn guess_bottleneck(
    view: &GraphView<'_>,
    randomness: &Randomness<'_>,
    input: &str,
    head: Head,
) -> Guessed {
    let dependent = view.reached_from(input);
    let output = output(view, &dependent)?;
    let found = last_vector(view, output, &dependent, head);
    let Some(random) = randomness.of(&found.tensor) else {
        let size = match head {
            Head::Logits => view.vector_size(&found.tensor),
            Head::Map => view.feature_count(&found.tensor),
        };
        return match size {
            Some(_) => Ok(found),
            None => Err(format!(
                "there is no tensor [?, n] with n known at the end of the graph, before '{output}'"
            )),
        };
    };
    match before_noise(view, randomness, input, &found.tensor) {
        Some(BeforeNoise::Vector(tensor)) => {
            let what = match classifier(view, output, &dependent) {
                Some(node) => format!("the input of the last classifier, '{}',", node.name),
                None => "the last vector".into(),
            };
            let noise = if random.is_uniform() { "dropout" } else { "noise" };
            Ok(Guess { tensor, why: format!("guessed: {what} before the {noise} of {random}") })
        }
        before => Err(format!(
            "the output '{output}' depends on noise: {}; {}",
            random.sentence(),
            advice(before.as_ref())
        )),
    }
}

/// What to do about a tensor that depends on noise.
pub(in crate::model) fn advice(before: Option<&BeforeNoise>) -> String {
    match before {
        Some(before) => format!("give '{}', which comes before it", before.tensor()),
        None => "freeze the graph for inference, without it".into(),
    }
}

/// The input of the last classifier, or what takes its place, whether or not it depends on noise.
fn last_vector(view: &GraphView<'_>, output: &str, dependent: &HashSet<&str>, head: Head) -> Guess {
    let is_softmax = view.node(output).is_some_and(|n| n.op == "Softmax");
    let logits = view
        .node(output)
        .filter(|_| is_softmax)
        .and_then(|n| data_inputs(n).next())
        .unwrap_or(output);
    let guess =
        |tensor: &str, why: String| Guess { tensor: tensor.into(), why: format!("guessed: {why}") };
    match classifier(view, output, dependent) {
        Some(node) => {
            let is_conv = node.op == "Conv2D";
            let steps: &[&str] = if is_conv { &RESHAPING } else { &["PlaceholderWithDefault"] };
            let read = data_inputs(node).next().unwrap_or_default();
            match vector_before(view, read, steps) {
                Some(x) => guess(x, format!("the input of the last classifier, '{}'", node.name)),
                None if head == Head::Map && view.feature_count(read).is_some() => {
                    guess(read, format!("the input of the last classifier, '{}'", node.name))
                }
                None => guess(logits, logits_because(&node.name, read)),
            }
        }
        None if is_softmax => {
            guess(logits, format!("the logits, the input of the last softmax, '{output}'"))
        }
        None => guess(output, "the graph's output".into()),
    }
}

/// Why the logits are the bottleneck of a network that ends in a convolution.
fn logits_because(convolution: &str, read: &str) -> String {
    format!(
        "the logits; the input of '{convolution}' is not [?, n], but `bottleneck_tensor={read}` \
         would flatten it"
    )
}

/// The node that the graph computes from `input`: its last softmax, or else its only output.
pub(super) fn guess_output<'g>(view: &GraphView<'g>, input: &str) -> Result<&'g str, String> {
    output(view, &view.reached_from(input))
}

/// The tensor that the graph was made to compute.
fn output<'g>(view: &GraphView<'g>, dependent: &HashSet<&str>) -> Result<&'g str, String> {
    if let Some(softmax) = last_softmax(view).filter(|s| dependent.contains(s)) {
        return Ok(softmax);
    }
    let is_end = |n: &&NodeDef| {
        dependent.contains(n.name.as_str())
            && view.readers(&n.name).is_empty()
            && view.is_float(&n.name)
    };
    let ends: Vec<&NodeDef> = view.all().filter(is_end).collect();
    match ends[..] {
        [one] => Ok(&one.name),
        [] => Err("the graph computes nothing from the input tensor".into()),
        _ => Err(format!("the graph has several outputs: {}", list(ends.iter().map(|n| &*n.name)))),
    }
}

/// The last layer before `output`, if it is a classifier: a MatMul or a 1×1 convolution.
fn classifier<'g>(
    view: &GraphView<'g>,
    output: &str,
    dependent: &HashSet<&str>,
) -> Option<&'g NodeDef> {
    let mut node = view.node(output)?;
    while PASSED.contains(&node.op.as_str()) {
        let inputs = data_inputs(node).filter_map(|i| view.node(i));
        let mut varying = inputs.filter(|n| dependent.contains(n.name.as_str()));
        let next = varying.next()?;
        // The sum of two layers is not a bias. (A Reshape's shape, in contrast, may vary.)
        if node.op.starts_with("Add") && varying.next().is_some() {
            return None;
        }
        node = next;
    }
    let is_one_by_one = || {
        let kernel = node.input.get(1).and_then(|k| view.shape(k));
        kernel.is_some_and(|k| k.len() == 4 && k[..2] == [1, 1])
    };
    let classifies = node.op == "MatMul" || node.op == "Conv2D" && is_one_by_one();
    classifies.then_some(node)
}

/// The first [?, n] from `tensor` back through ops of the types `steps`.
fn vector_before<'g>(view: &GraphView<'g>, tensor: &'g str, steps: &[&str]) -> Option<&'g str> {
    let mut at = tensor;
    loop {
        let node = view.node(at)?;
        // A PlaceholderWithDefault stands in for its source, which is the bottleneck.
        if node.op != "PlaceholderWithDefault" && view.vector_size(at).is_some() {
            return Some(at);
        }
        if !steps.contains(&node.op.as_str()) {
            return None;
        }
        at = data_inputs(node).next()?;
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    names[..names.len().min(LISTED)].join(", ") + more
}
