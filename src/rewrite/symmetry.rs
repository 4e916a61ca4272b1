//! Builds symmetry into a network: it looks at each photograph in several views, its mirror images
//! and quarter turns, and its features are their mean. Unlike the other rewrites, this one changes
//! what the network computes, and is exported with it.
//!
//! ```text
//! input ─┬──────────────────────────────────────────────── concat ─ network ─ mean
//!        └ mirrored borders ─ slices: the mirror images ──┘   (all views in one batch)
//! ```
//!
//! A mirror image is cut out of the photograph with borders that continue it mirrored, and the
//! transpose is two steps by way of [image, channel, column, row]: OpenCV reads neither ReverseV2,
//! nor StridedSlice with negative strides, nor the transpose in one step. TensorFlow, TensorFlow
//! Lite and OpenCV read all of the ops used here.

use super::free_batch::free_shapes;
use crate::images::PixelSpec;
use crate::proto::DataType::DT_INT32;
use crate::proto::{GraphDef, InputRef};
use crate::tf::GraphBuilder;

/// In which views a network looks at a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symmetry {
    /// As it is.
    #[default]
    None,
    /// As it is, and mirrored left to right.
    Flip,
    /// In the 8 views of a square: 4 quarter turns, each also mirrored.
    Dihedral,
}

impl Symmetry {
    /// The setting's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flip => "flip",
            Self::Dihedral => "dihedral",
        }
    }

    fn views(self) -> i32 {
        match self {
            Self::None => 1,
            Self::Flip => 2,
            Self::Dihedral => 8,
        }
    }
}

/// The part of a graph between the pixels and the features.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    /// The tensor that the pixels are fed to, [images, height, width, depth].
    pub input: &'a str,
    /// The features, [images, size].
    pub features: &'a str,
    /// How many numbers the features are.
    pub size: usize,
    /// The pixels of an image.
    pub pixels: &'a PixelSpec,
}

/// The tensors of a network with symmetry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Views {
    /// How many views an image has.
    pub count: usize,
    /// The views of all images, [views · images, height, width, depth].
    pub images: String,
    /// Their features, [views · images, size].
    pub features: String,
    /// The mean features of each image, [images, size].
    pub mean: String,
}

/// Builds `symmetry` into `graph`, in the scope `symmetry`: whatever read the input reads its views
/// instead. Dihedral symmetry needs square images.
pub fn add_symmetry(graph: &mut GraphDef, symmetry: Symmetry, ends: Ends<'_>) -> Views {
    free_shapes(graph);
    let mut b = GraphBuilder::on(graph);
    let (images, mean) = b.name_scope("symmetry", |b| {
        b.name_scope(symmetry.name(), |b| {
            let images = add_views(b, symmetry, ends);
            (images, add_mean(b, symmetry.views(), ends))
        })
    });
    read_instead(graph, ends.input, &images);
    let mut nodes = b.take_nodes();
    let first = nodes.iter().position(|n| n.name == images).map_or(0, |last| last + 1);
    let after = nodes.split_off(first);
    let input = InputRef::parse(ends.input).node;
    let place = graph.node.iter().position(|n| n.name == input).map_or(0, |input| input + 1);
    graph.node.splice(place..place, nodes);
    graph.node.extend(after);
    let count = symmetry.views() as usize;
    Views { count, images, features: ends.features.to_owned(), mean }
}

/// Lets all readers of `tensor` read `other`.
fn read_instead(graph: &mut GraphDef, tensor: &str, other: &str) {
    let tensor = InputRef::parse(tensor);
    for input in graph.node.iter_mut().flat_map(|n| &mut n.input) {
        if InputRef::parse(input) == tensor {
            other.clone_into(input);
        }
    }
}

fn add_views(b: &mut GraphBuilder, symmetry: Symmetry, ends: Ends<'_>) -> String {
    let PixelSpec { width, height, .. } = *ends.pixels;
    let plain = ends.input.to_owned();
    // How far down and to the right the photograph's last row and column are.
    let (down, right) = (height - 1, width - 1);
    match symmetry {
        Symmetry::None => plain,
        Symmetry::Flip => {
            let bordered = add_mirrored_borders(b, &plain, [0, right]);
            let flipped = add_cut(b, "left_right", &bordered, [0, right], ends.pixels);
            add_concat(b, "images", &[plain, flipped])
        }
        Symmetry::Dihedral => {
            let bordered = add_mirrored_borders(b, &plain, [down, right]);
            let cuts =
                [("left_right", [0, right]), ("up_down", [down, 0]), ("both", [down, right])];
            let mut upright = vec![plain];
            for (name, start) in cuts {
                upright.push(add_cut(b, name, &bordered, start, ends.pixels));
            }
            let upright = add_concat(b, "upright", &upright);
            let channels_first = add_transpose(b, "channels_first", &upright, [0, 3, 2, 1]);
            let transposed = add_transpose(b, "transposed", &channels_first, [0, 2, 3, 1]);
            add_concat(b, "images", &[upright, transposed])
        }
    }
}

/// Continues images mirrored, by so many pixels at the bottom and on the right.
fn add_mirrored_borders(b: &mut GraphBuilder, images: &str, [down, right]: [i32; 2]) -> String {
    let borders = [0, 0, 0, down, 0, right, 0, 0];
    let borders = b.int_matrix("mirrored_borders/paddings", [4, 2], &borders);
    let pad = b.op("MirrorPad", "mirrored_borders").inputs([images, &borders]).float_type();
    pad.type_attr("Tpaddings", DT_INT32).str_attr("mode", "REFLECT").finish()
}

/// Cuts images of the network's size out of larger ones.
fn add_cut(
    b: &mut GraphBuilder,
    name: &str,
    images: &str,
    [row, column]: [i32; 2],
    pixels: &PixelSpec,
) -> String {
    let begin = b.ints(&format!("{name}/begin"), &[0, row, column, 0]);
    let size = b.ints(&format!("{name}/size"), &[-1, pixels.height, pixels.width, -1]);
    let slice = b.op("Slice", name).inputs([images, &begin, &size]).float_type();
    slice.type_attr("Index", DT_INT32).finish()
}

fn add_transpose(b: &mut GraphBuilder, name: &str, images: &str, axes: [i32; 4]) -> String {
    let axes = b.ints(&format!("{name}/perm"), &axes);
    let transpose = b.op("Transpose", name).inputs([images, &axes]).float_type();
    transpose.type_attr("Tperm", DT_INT32).finish()
}

fn add_concat(b: &mut GraphBuilder, name: &str, batches: &[String]) -> String {
    let axis = b.int(&format!("{name}/axis"), 0);
    let concat = b.op("ConcatV2", name).inputs(batches.iter().chain([&axis])).float_type();
    concat.int_attr("N", batches.len() as i64).type_attr("Tidx", DT_INT32).finish()
}

fn add_mean(b: &mut GraphBuilder, views: i32, ends: Ends<'_>) -> String {
    let shape = b.ints("by_view/shape", &[views, -1, ends.size as i32]);
    let by_view = b.op("Reshape", "by_view").inputs([ends.features, &shape]).float_type();
    let by_view = by_view.type_attr("Tshape", DT_INT32).finish();
    let axes = b.ints("mean/reduction_indices", &[0]);
    let mean = b.op("Mean", "mean").inputs([by_view, axes]).float_type();
    mean.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish()
}
