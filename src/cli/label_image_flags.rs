//! The flags of `label_image`.

use super::flag::{Flag, Group, Kind, Script};
use super::offline::OFFLINE;
use super::photographs::CUTOUTS;
use super::reading::{EXIF_ORIENTATION, FAST_DECODE, FITS, NO_EXIF_ORIENTATION, NO_FAST_DECODE};
use super::workers::{WORKERS, WORKERS_ONLY};
use crate::label_image::Format;

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &[Script::Poets], group: Group::Outputs }
}

const fn ours(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    flag(name, kind, default, help).of(&[])
}

const fn of_both(
    (name, kind, default, help): (&'static str, Kind, &'static str, &'static str),
) -> Flag {
    ours(name, kind, default, help)
}

/// Where the graph is unless told otherwise.
pub(super) const GRAPH: &str = "tf_files/retrained_graph.pb";
/// Where its labels are if neither its metadata nor a file beside it has them.
pub(super) const LABELS: &str = "tf_files/retrained_labels.txt";

/// All flags: the script's, then ours.
pub const LABEL_IMAGE_FLAGS: &[Flag] = &[
    flag("image", Kind::Str, "", "The photograph: {formats}").group(Group::Start),
    flag("graph", Kind::Str, GRAPH, "The graph").group(Group::Start),
    flag(
        "labels",
        Kind::Str,
        "",
        "The labels, one per line [default: those in the graph's metadata, else a label file \
         beside the graph, else tf_files/retrained_labels.txt]",
    )
    .group(Group::Start),
    flag(
        "input_height",
        Kind::Int,
        "",
        "Height of the graph's input in pixels [default: as the metadata or the graph \
         says, else 224]",
    )
    .group(Group::Model),
    flag(
        "input_width",
        Kind::Int,
        "",
        "Width of the graph's input in pixels [default: as the metadata or the graph \
         says, else 224]",
    )
    .group(Group::Model),
    flag(
        "input_mean",
        Kind::Float,
        "",
        "Subtracted from each pixel value (0 to 255) [default: as the metadata or the \
         graph says, else 128]",
    )
    .group(Group::Model),
    flag(
        "input_std",
        Kind::Float,
        "",
        "Divides each pixel value, after the subtraction [default: as the metadata or \
         the graph says, else 128]",
    )
    .group(Group::Model),
    flag(
        "input_layer",
        Kind::Str,
        "",
        "The node that takes the image [default: as the metadata says, else input, else \
         the graph's only placeholder for images]",
    )
    .group(Group::Model),
    flag(
        "output_layer",
        Kind::Str,
        "",
        "The node that gives the scores [default: as the metadata says, else \
         final_result, else the graph's last softmax]",
    )
    .group(Group::Model),
    EXIF_ORIENTATION,
    NO_EXIF_ORIENTATION,
    FAST_DECODE,
    NO_FAST_DECODE,
    FITS[0],
    FITS[1],
    FITS[2],
    FITS[3],
    ours(
        "format",
        Kind::Choice(&Format::NAMES),
        "text",
        "Print one line for each photograph: text (path, label and score, separated by tabs), csv \
         (with a header) or json. With --image alone and without --format, the output is the \
         script's",
    ),
    ours("top_k", Kind::Int, "5", "How many labels are listed for a photograph at most"),
    ours(
        "threshold",
        Kind::Float,
        "",
        "A photograph whose best score is below this, from 0 to 1, gets the label unknown",
    ),
    ours(
        "calibrated",
        Kind::Switch,
        "",
        "Make scores probabilities with the temperature in the graph's metadata",
    ),
    ours(
        "sort_into",
        Kind::Str,
        "",
        "Also put each photograph into a directory of its label in this directory: as a hard link, \
         or as a copy where links are not possible. Nothing is overwritten or deleted",
    ),
    ours(
        "save_preview",
        Kind::Str,
        "",
        "Also write what the network sees of each photograph into this directory, as PNG files \
         under the photographs' paths",
    ),
    ours(
        "evaluate",
        Kind::Switch,
        "",
        "Take the name of each photograph's directory for its true label, and print how many were \
         recognised: in all, by class, with the confusion matrix and a list of the wrong ones",
    ),
    ours(
        "image_list",
        Kind::Str,
        "",
        "A catalogue of photographs: CSV, TSV or JSON with a column for the path and, if there are \
         any, for an id, which csv and json then have first, and for a label, which --evaluate \
         takes for the truth",
    )
    .group(Group::Images),
    CUTOUTS[0],
    CUTOUTS[1],
    CUTOUTS[2],
    ours(
        "image_list_columns",
        Kind::Str,
        "",
        "Which columns of the catalogue are used, such as path=file_loc,id=name,label=",
    )
    .group(Group::Images),
    ours("json", Kind::Switch, "", "With --evaluate: print one JSON object"),
    of_both(WORKERS).group(Group::Running),
    of_both(WORKERS_ONLY).group(Group::Running),
    of_both(OFFLINE).group(Group::Running),
];
