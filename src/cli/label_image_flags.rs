//! The flags of `label_image`.

use super::flag::{Flag, Group, Kind, Script};
use crate::label_image::Format;

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &[Script::Poets], group: Group::Outputs }
}

/// Where the graph is unless told otherwise.
pub(super) const GRAPH: &str = "tf_files/retrained_graph.pb";

/// All flags: the script's, then ours.
pub const LABEL_IMAGE_FLAGS: &[Flag] = &[
    flag("image", Kind::Str, "", "The photograph: {formats}").group(Group::Start),
    flag("graph", Kind::Str, GRAPH, "The graph").group(Group::Start),
    flag("labels", Kind::Str, "tf_files/retrained_labels.txt", "The labels, one per line")
        .group(Group::Start),
    flag(
        "input_height",
        Kind::Int,
        "",
        "Height of the graph's input in pixels [default: as the graph says, else 224]",
    )
    .group(Group::Model),
    flag(
        "input_width",
        Kind::Int,
        "",
        "Width of the graph's input in pixels [default: as the graph says, else 224]",
    )
    .group(Group::Model),
    flag("input_mean", Kind::Float, "128", "Subtracted from each pixel value (0 to 255)")
        .group(Group::Model),
    flag("input_std", Kind::Float, "128", "Divides each pixel value, after the subtraction")
        .group(Group::Model),
    flag("input_layer", Kind::Str, "input", "The node that takes the image").group(Group::Model),
    flag("output_layer", Kind::Str, "final_result", "The node that gives the scores")
        .group(Group::Model),
    flag(
        "format",
        Kind::Choice(&Format::NAMES),
        "text",
        "Print one line for each photograph: text (path, label and score, separated by tabs), csv \
         (with a header) or json. With --image alone and without --format, the output is the \
         script's",
    )
    .of(&[]),
];
