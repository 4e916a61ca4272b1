//! The flags of `label_image`: the script's, and ours.

use super::flag::{Flag, Kind, Script};
use crate::label_image::Format;

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &[Script::Poets] }
}

/// All flags: the script's, and ours.
pub const LABEL_IMAGE_FLAGS: &[Flag] = &[
    flag("image", Kind::Str, "", "The photograph: {formats}"),
    flag("graph", Kind::Str, "tf_files/retrained_graph.pb", "The graph"),
    flag("labels", Kind::Str, "tf_files/retrained_labels.txt", "The labels, one a line"),
    flag(
        "input_height",
        Kind::Int,
        "",
        "Height the graph wants [default: as the graph says, else 224]",
    ),
    flag(
        "input_width",
        Kind::Int,
        "",
        "Width the graph wants [default: as the graph says, else 224]",
    ),
    flag("input_mean", Kind::Float, "128", "What is subtracted from each pixel value of 0 to 255"),
    flag("input_std", Kind::Float, "128", "What the difference is divided by"),
    flag("input_layer", Kind::Str, "input", "The node that is fed"),
    flag("output_layer", Kind::Str, "final_result", "The node that is read"),
    flag(
        "format",
        Kind::Choice(&Format::NAMES),
        "text",
        "A line for each photograph: text (path, label, score; tabs between them), csv (with a \
         header), or json. Without this flag and with --image alone, the script's lines",
    )
    .of(&[]),
];
