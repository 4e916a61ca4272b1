//! The graph that workers run: decodes each image by its own format, and runs the network on all of
//! them.

use super::super::decoder::Undecoded;
use crate::error::Result;
use crate::images::{DecodedBy, ImageFormat, PixelSpec};
use crate::layers::{ResizedAs, add_decoding_of};
use crate::proto::DataType::{DT_FLOAT, DT_INT32, DT_STRING};
use crate::proto::{GraphDef, InputRef, TensorProto, shape};
use crate::rewrite::needed_nodes;
use crate::tf::GraphBuilder;

/// The kind of an image that is decoded already.
const PIXELS: usize = 2 * ImageFormat::ALL.len();

/// The kind of an image that is not there.
const BLANK: usize = PIXELS + 1;

/// An image as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Sendable {
    /// How the worker decodes it.
    pub(super) kind: i32,
    pub(super) data: Vec<u8>,
}

impl Sendable {
    pub(super) fn new(image: Undecoded) -> Self {
        match image {
            Undecoded::File { format, resized_as, data, .. } => {
                Self { kind: file_kind(format, resized_as) as i32, data }
            }
            Undecoded::Pixels(pixels) => {
                let data = pixels.iter().flat_map(|value| value.to_le_bytes()).collect();
                Self { kind: PIXELS as i32, data }
            }
        }
    }

    /// Zeros, as the rest of a batch that is not full.
    pub(super) fn blank() -> Self {
        Self { kind: BLANK as i32, data: Vec::new() }
    }
}

fn file_kind(format: ImageFormat, resized_as: ResizedAs) -> usize {
    2 * format as usize + resized_as as usize
}

/// A network whose input is the output of decoders.
#[derive(Debug)]
pub(super) struct WholeGraph {
    pub(super) graph: GraphDef,
    /// Files or pixels, strings [slots].
    pub(super) images: String,
    /// Their kinds, [slots].
    pub(super) kinds: String,
    pub(super) output: String,
}

/// Puts decoders for `slots` images before `input` of the network.
pub(super) fn whole_graph(
    mut graph: GraphDef,
    [input, output]: [&str; 2],
    spec: &PixelSpec,
    slots: usize,
) -> Result<WholeGraph> {
    let mut b = GraphBuilder::on(&graph);
    let (images, kinds, pixels) = b.name_scope("retrain_worker", |b| add_slots(b, spec, slots));
    let fed = InputRef::parse(input);
    for name in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        if InputRef::parse(name) == fed {
            name.clone_from(&pixels);
        }
    }
    graph.node.extend(b.take_nodes());
    let needed: std::collections::HashSet<String> =
        needed_nodes(&graph, output)?.into_iter().map(str::to_owned).collect();
    graph.node.retain(|node| needed.contains(&node.name));
    Ok(WholeGraph { graph, images, kinds, output: output.to_owned() })
}

/// Adds decoders for several images. Returns the tensors of their files, their kinds, and their
/// pixels, [slots, height, width, depth].
fn add_slots(b: &mut GraphBuilder, spec: &PixelSpec, slots: usize) -> (String, String, String) {
    let length = [slots as i64];
    let images = b.op("Placeholder", "images").type_attr("dtype", DT_STRING);
    let images = images.shape_attr("shape", &length).finish();
    let kinds = b.op("Placeholder", "kinds").type_attr("dtype", DT_INT32);
    let kinds = kinds.shape_attr("shape", &length).finish();
    let unpacked = |b: &mut GraphBuilder, name: &str, list: &str, dtype| {
        let unpack = b.op("Unpack", name).input(list).type_attr("T", dtype);
        unpack.int_attr("num", slots as i64).int_attr("axis", 0).finish()
    };
    let each = unpacked(b, "image", &images, DT_STRING);
    let each_kind = unpacked(b, "kind", &kinds, DT_INT32);
    let slot = |b: &mut GraphBuilder, i| {
        add_slot(b, spec, &format!("{each}:{i}"), &format!("{each_kind}:{i}"))
    };
    let pixels: Vec<String> = (0..slots).map(|i| b.name_scope("slot", |b| slot(b, i))).collect();
    let axis = b.int("axis", 0);
    let concat = b.op("ConcatV2", "pixels").inputs(pixels).input(axis).float_type();
    let concat = concat.type_attr("Tidx", DT_INT32).int_attr("N", slots as i64).finish();
    (images, kinds, concat)
}

/// Adds all decoders for one image, of which only the one for its kind runs: a Switch gives the
/// others nothing.
fn add_slot(b: &mut GraphBuilder, spec: &PixelSpec, image: &str, kind: &str) -> String {
    let mut branches = Vec::new();
    for format in ImageFormat::ALL {
        let DecodedBy::Op(op) = format.decoded_by() else { continue };
        for resized_as in [ResizedAs::Floats, ResizedAs::Bytes] {
            let data = add_switch(b, image, kind, file_kind(format, resized_as), DT_STRING);
            branches.push(add_decoding_of(b, op, spec, resized_as, &data).pixels);
        }
    }
    let dims = [1, spec.height, spec.width, spec.depth];
    let data = add_switch(b, image, kind, PIXELS, DT_STRING);
    let raw = b.op("DecodeRaw", "raw").input(data).type_attr("out_type", DT_FLOAT);
    let raw = raw.bool_attr("little_endian", true).finish();
    let to = b.ints("shape", &dims);
    let reshaped = b.op("Reshape", "reshaped").inputs([raw, to]).float_type();
    branches.push(reshaped.type_attr("Tshape", DT_INT32).finish());
    let zeros = TensorProto {
        dtype: DT_FLOAT.into(),
        tensor_shape: Some(shape(&dims.map(i64::from))).into(),
        float_val: vec![0.0],
        ..TensorProto::default()
    };
    let zeros = b.tensor("zeros", zeros);
    branches.push(add_switch(b, &zeros, kind, BLANK, DT_FLOAT));
    let count = branches.len() as i64;
    b.op("Merge", "pixels").inputs(branches).float_type().int_attr("N", count).finish()
}

/// Passes `value` on if the image is of this kind.
fn add_switch(
    b: &mut GraphBuilder,
    value: &str,
    kind: &str,
    wanted: usize,
    dtype: crate::proto::DataType,
) -> String {
    let wanted = b.int("wanted", wanted as i32);
    let is = b.op("Equal", "is").inputs([kind, &wanted]).type_attr("T", DT_INT32).finish();
    let switch = b.op("Switch", "switch").inputs([value, &is]).type_attr("T", dtype).finish();
    format!("{switch}:1")
}
