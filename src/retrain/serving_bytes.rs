//! The SavedModel's signatures that take encoded photographs, so that a client of TensorFlow
//! Serving sends files as they are:
//!
//! ```text
//! image_bytes [n] ─ decode, resize, normalise ─ a copy of the network ─ scores ─ the best first
//! ```
//!
//! `serving_default` stays as the script's: none of its nodes change.

use crate::error::Result;
use crate::export::{Asset, Method, Signature, SignatureEnd};
use crate::images::PixelSpec;
use crate::layers::add_batch_decoding;
use crate::proto::DataType::{DT_INT32, DT_STRING};
use crate::proto::{GraphDef, Value, attr_value, shape};
use crate::rewrite::copy_network;
use crate::text::one_line;
use crate::tf::{Graph, GraphBuilder};

/// The signature, the scope of its nodes, and the name of its input.
const SIGNATURE: &str = "serving_bytes";
/// The signature for TensorFlow Serving's API "classify".
const CLASSIFY: &str = "serving_classify";
const IMAGE_BYTES: &str = "image_bytes";
const LABELS_FILE: &str = "labels.txt";

/// What the signatures serve.
pub(super) struct Served<'a> {
    /// The tensor that is fed with pixels.
    pub(super) input: &'a str,
    /// The softmax.
    pub(super) output: &'a str,
    /// The pixels.
    pub(super) pixels: &'a PixelSpec,
    /// The labels, by class index.
    pub(super) labels: &'a [String],
}

/// The tensors of the signatures.
pub(super) struct Tensors {
    images: String,
    examples: String,
    labels: String,
    scores: String,
    labels_file: String,
}

/// Adds the nodes to `graph`.
pub(super) fn add_serving_bytes(graph: &mut GraphDef, served: &Served<'_>) -> Tensors {
    let mut b = GraphBuilder::on(graph);
    b.name_scope_named(SIGNATURE, |b, scope| {
        let (examples, images) = add_inputs(b);
        let pixels = add_batch_decoding(b, &images, served.pixels);
        graph.node.extend(b.take_nodes());
        let network = format!("{scope}/network");
        let ends = [served.input, served.output];
        let scores = copy_network(graph, ends, &pixels, &network);
        let (labels, scores) = add_best_first(b, &scores, served.labels);
        let labels_file = b.string("labels_file", LABELS_FILE);
        graph.node.extend(b.take_nodes());
        Tensors { images, examples, labels, scores, labels_file }
    })
}

/// The placeholder of serialized Examples, and that of images: those of the Examples unless others
/// are fed.
fn add_inputs(b: &mut GraphBuilder) -> (String, String) {
    let examples = b.op("Placeholder", "examples").type_attr("dtype", DT_STRING);
    let examples = examples.shape_attr("shape", &[-1]).finish();
    let names = b.strings("parse/names", &[]);
    let key = b.string("parse/key", IMAGE_BYTES);
    // No default: the feature must be there.
    let default = b.strings("parse/default", &[]);
    let types = attr_value::ListValue { type_: vec![DT_STRING as i32], ..Default::default() };
    let shapes = attr_value::ListValue { shape: vec![shape(&[])], ..Default::default() };
    let parse = b.op("ParseExample", "parse").inputs([examples.clone(), names, key, default]);
    let parse = parse.int_attr("Nsparse", 0).int_attr("Ndense", 1);
    let parse = parse.attr("sparse_types", Value::List(attr_value::ListValue::default()));
    let parse =
        parse.attr("Tdense", Value::List(types)).attr("dense_shapes", Value::List(shapes)).finish();
    let images = b.op("PlaceholderWithDefault", IMAGE_BYTES).input(parse);
    let images = images.type_attr("dtype", DT_STRING).shape_attr("shape", &[-1]).finish();
    (examples, images)
}

/// All labels of each image with their scores, the best first.
fn add_best_first(b: &mut GraphBuilder, scores: &str, labels: &[String]) -> (String, String) {
    let count = b.int("best/k", labels.len() as i32);
    let best = b.op("TopKV2", "best").inputs([scores, &count]).float_type();
    let best = best.bool_attr("sorted", true).finish();
    let names: Vec<&str> = labels.iter().map(String::as_str).collect();
    let names = b.strings("labels/names", &names);
    let axis = b.int("labels/axis", 0);
    let labels = b.op("GatherV2", "labels").inputs([names, format!("{best}:1"), axis]);
    let labels = labels.type_attr("Tparams", DT_STRING).type_attr("Tindices", DT_INT32);
    (labels.type_attr("Taxis", DT_INT32).finish(), best)
}

impl Tensors {
    /// The signatures, where `graph` is the graph with the nodes.
    pub(super) fn signatures(&self, graph: &Graph) -> Result<[Signature; 2]> {
        let labels = ("labels", SignatureEnd::of(graph, &self.labels)?);
        let scores = SignatureEnd::of(graph, &self.scores)?;
        let images = SignatureEnd::of(graph, &self.images)?;
        let examples = SignatureEnd::of(graph, &self.examples)?;
        Ok([
            Signature {
                key: SIGNATURE,
                method: Method::Predict,
                inputs: vec![(IMAGE_BYTES, images)],
                outputs: vec![labels.clone(), ("scores", scores.clone())],
            },
            // These names are TensorFlow Serving's.
            Signature {
                key: CLASSIFY,
                method: Method::Classify,
                inputs: vec![("inputs", examples)],
                outputs: vec![("classes", labels.1), ("scores", scores)],
            },
        ])
    }

    /// The labels as a file, one per line.
    pub(super) fn asset(&self, labels: &[String]) -> Asset {
        let lines: String = labels.iter().map(|label| one_line(label) + "\n").collect();
        Asset {
            file: LABELS_FILE,
            bytes: lines.into_bytes(),
            tensor: format!("{}:0", self.labels_file),
        }
    }
}
