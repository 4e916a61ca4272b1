//! Finds, for a tensor that depends on noise, the nearest tensor before the noise.

use super::randomness::Randomness;
use super::view::{GraphView, data_inputs};
use crate::proto::InputRef;
use std::collections::{HashSet, VecDeque};

/// The nearest tensor before the noise, by its form.
#[derive(Debug)]
pub(in crate::model) enum BeforeNoise {
    /// A vector of features, [?, n] or [?, 1, 1, n].
    Vector(String),
    /// Anything else, such as feature maps, which would have to be flattened. Vectors further back
    /// are not offered, because they may be mere gates of a block.
    Maps(String),
}

impl BeforeNoise {
    /// The tensor's name.
    pub(in crate::model) fn tensor(&self) -> &str {
        match self {
            Self::Vector(tensor) | Self::Maps(tensor) => tensor,
        }
    }
}

/// Searches from `tensor` back towards `input`, breadth first.
pub(in crate::model) fn before_noise(
    view: &GraphView<'_>,
    randomness: &Randomness<'_>,
    input: &str,
    tensor: &str,
) -> Option<BeforeNoise> {
    let mut maps = None;
    let mut seen = HashSet::from([tensor]);
    let mut open = VecDeque::from([(tensor, false)]);
    while let Some((tensor, within_maps)) = open.pop_front() {
        if randomness.of(tensor).is_some() {
            let within_maps = within_maps || is_maps(view, tensor);
            let read = view.node(tensor).into_iter().flat_map(data_inputs);
            open.extend(read.filter(|t| seen.insert(t)).map(|t| (t, within_maps)));
        } else if randomness.is_clean(tensor) && view.is_float(tensor) {
            let clean = before_scaling(view, randomness, tensor);
            if InputRef::parse(clean).node == InputRef::parse(input).node {
                continue;
            }
            let name = clean.strip_suffix(":0").unwrap_or(clean).to_owned();
            if !within_maps && view.feature_count(clean).is_some() {
                return Some(BeforeNoise::Vector(name));
            }
            maps.get_or_insert(BeforeNoise::Maps(name));
        }
    }
    maps
}

/// Whether a tensor has more dimensions than a vector of features.
fn is_maps(view: &GraphView<'_>, tensor: &str) -> bool {
    view.shape(tensor).is_some_and(|s| s.len() > 2) && view.feature_count(tensor).is_none()
}

/// The tensor before a dropout's own scaling and switches, which are not part of the network.
fn before_scaling<'g>(
    view: &GraphView<'g>,
    randomness: &Randomness<'_>,
    mut tensor: &'g str,
) -> &'g str {
    while let Some(node) = view.node(tensor) {
        let mut read = data_inputs(node);
        let is_factor = |t: &str| view.shape(t).is_some_and(|s| s.is_empty());
        let before = match (node.op.as_str(), read.next(), read.next()) {
            ("Identity" | "PlaceholderWithDefault" | "Enter" | "Switch", Some(x), _) => x,
            ("Mul" | "RealDiv" | "Div", Some(x), Some(factor)) if is_factor(factor) => x,
            ("Mul", Some(factor), Some(x)) if is_factor(factor) => x,
            _ => break,
        };
        if !randomness.is_clean(before) {
            break;
        }
        tensor = before;
    }
    tensor
}
