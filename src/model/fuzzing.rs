//! Fuzzed properties: what must hold for any archive, graph or module, whatever its bytes.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::inspect::random_op;
use super::source::{archive, hub};
use super::{OwnGraph, TorchWeights, create_module_graph, create_own_graph};
use crate::error::Error;
use crate::fuzzing::{assert_readable, in_temporary_dir};
use crate::images::{PixelRange, PixelSpec};
use crate::proto::{self, DataType, GraphDef, InputRef, NodeDef, Value};
use crate::rewrite::{
    Evaluator, convert_variables_to_constants, fold_batch_norms, free_batch, fuse, optimize,
};
use crate::tf::{self, Graph};
use protobuf::Message;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// An archive, or a tar file that is gzipped first: whatever is in it, only files and directories
/// are unpacked, and none outside the directory.
pub fn archive(data: &[u8]) {
    in_temporary_dir(|dir| {
        let (archive, out) = (dir.join("in.tgz"), dir.join("a/b/out"));
        fs::create_dir_all(&out).unwrap();
        fs::write(
            &archive,
            if data.starts_with(&[0x1f, 0x8b]) { data.to_vec() } else { packed(data) },
        )
        .unwrap();
        if let Err(error) = archive::extract(&archive, &out, "") {
            assert_readable(&error);
        }
        for entry in walkdir::WalkDir::new(dir) {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type());
            let ours = out.starts_with(path) || path == archive || path.starts_with(&out);
            assert!(ours && (kind.is_file() || kind.is_dir()), "{}", path.display());
            assert!(
                !entry.file_name().to_string_lossy().ends_with(".tmp"),
                "left {}",
                path.display()
            );
        }
    });
}

/// Gzips a tar file after correcting the checksums of its headers.
fn packed(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let headers = tar.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar"));
    headers.for_each(|block| {
        let header = tar::Header::from_byte_slice(block);
        let mut copy = header.clone();
        copy.set_cksum();
        block.copy_from_slice(copy.as_bytes());
    });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &tar).unwrap();
    encoder.finish().unwrap()
}

const SPEC: PixelSpec = PixelSpec::new(8, 8, PixelRange::Multiply { mean: 127.5, std: 127.5 });

/// A file of torch's weights: what is read of it is no larger than the file, and a refusal names
/// the file. Tensors of up to four dimensions are read, forwards and backwards.
pub fn torch_weights(data: &[u8]) {
    let weights = match TorchWeights::parse(Path::new("some.pth"), data.to_vec()) {
        Ok(weights) => weights,
        Err(error) => {
            assert_readable(&error);
            assert!(error.to_string().starts_with("some.pth: "), "{error}");
            return;
        }
    };
    for (name, dims) in weights.tensors() {
        let reads = match *dims {
            [] => vec![weights.read(name, [], [])],
            [a] => vec![weights.read(name, [a], [0])],
            [a, b] => vec![weights.read(name, [a, b], [0, 1]), weights.read(name, [a, b], [1, 0])],
            [a, b, c, d] => {
                let dims = [a, b, c, d];
                vec![weights.read(name, dims, [0, 1, 2, 3]), weights.read(name, dims, [2, 3, 1, 0])]
            }
            _ => continue,
        };
        for values in reads.into_iter().flatten() {
            assert_eq!(values.len(), dims.iter().product::<usize>());
            assert!(4 * values.len() <= data.len() && values.iter().all(|v| v.is_finite()));
        }
    }
}

/// A serialized GraphDef.
pub fn graph_def(data: &[u8]) {
    if let Ok(graph) = proto::parse(Path::new("graph.pb"), data) {
        assert_rewritable(&graph);
    }
}

/// A GraphDef made from `data`, mostly from ops that the rewriting looks for.
pub fn graph_made(data: &[u8]) {
    assert_rewritable(&Maker { data }.graph());
}

/// No rewriting reads a node that does not exist, or gives two nodes the same name.
fn assert_rewritable(graph: &GraphDef) {
    let input = graph.node.iter().find(|n| n.op == "Placeholder").map_or("input", |n| &n.name);
    let Some(output) = graph.node.last().map(|n| n.name.as_str()) else { return };
    let optimized = optimize(graph, input, output, &SPEC);
    let folded = fold_batch_norms(graph, output);
    for (what, rewritten) in [
        ("folded", &folded),
        ("optimized", &optimized),
        ("fused", &fuse(&optimized, output)),
        ("freed", &free_batch(graph, input, output, &SPEC)),
    ] {
        // TensorFlow rejects a graph with two nodes of the same name anyway.
        if twice(graph).is_empty() {
            assert_no_worse(what, graph, rewritten);
        }
        // Only sizes are compared, because NaN does not equal itself and unknown fields may be
        // reordered.
        let again: GraphDef =
            proto::parse(Path::new("graph.pb"), &proto::serialize(rewritten).unwrap()).unwrap();
        assert_eq!(again.compute_size(), rewritten.compute_size(), "{what}");
    }
    if let Ok(kept) = convert_variables_to_constants(graph, output, &[]) {
        assert!(missing(&kept).is_empty() || !twice(graph).is_empty());
        assert!(kept.find(output).is_some());
        let random = random_op(graph, input, output);
        assert!(random.is_none_or(|r| kept.find(&r.node).is_some()), "not on the way");
    }
    let applied = hub::apply(graph, &hub::state_ops(graph), input, [8, 8, 3]);
    assert_eq!(applied.node.len(), 2 * graph.node.len() + 1);
    for node in &graph.node {
        assert_same_constant(graph, &folded, &node.name);
    }
}

/// Names that are read but do not exist.
fn missing(graph: &GraphDef) -> HashSet<&str> {
    let names: HashSet<&str> = graph.node.iter().map(|n| n.name.as_str()).collect();
    let read = graph.node.iter().flat_map(|n| &n.input).map(|i| InputRef::parse(i).node);
    read.filter(|name| !names.contains(name)).collect()
}

fn twice(graph: &GraphDef) -> HashSet<&str> {
    let mut names = HashSet::new();
    graph.node.iter().map(|n| n.name.as_str()).filter(|name| !names.insert(*name)).collect()
}

fn assert_no_worse(what: &str, graph: &GraphDef, rewritten: &GraphDef) {
    let new: Vec<_> = missing(rewritten).difference(&missing(graph)).copied().collect();
    assert!(new.is_empty(), "{what}: {new:?} are read but do not exist");
    let new: Vec<_> = twice(rewritten).difference(&twice(graph)).copied().collect();
    assert!(new.is_empty(), "{what}: {new:?} are duplicates");
    if !is_cyclic(graph) {
        assert!(!is_cyclic(rewritten), "{what}: now has a cycle");
    }
}

/// Whether the graph has a cycle (Kahn's algorithm).
fn is_cyclic(graph: &GraphDef) -> bool {
    let place: HashMap<&str, usize> =
        graph.node.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let mut readers = vec![Vec::new(); graph.node.len()];
    let mut waiting = vec![0; graph.node.len()];
    for (i, node) in graph.node.iter().enumerate() {
        for &source in node.input.iter().filter_map(|input| place.get(InputRef::parse(input).node))
        {
            readers[source].push(i);
            waiting[i] += 1;
        }
    }
    let mut open: Vec<usize> = (0..waiting.len()).filter(|&i| waiting[i] == 0).collect();
    let mut done = 0;
    while let Some(node) = open.pop() {
        done += 1;
        for &reader in &readers[node] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                open.push(reader);
            }
        }
    }
    done < waiting.len()
}

/// A constant is as large as it claims. If it is still constant after the rewriting, it has the
/// same value.
fn assert_same_constant(graph: &GraphDef, rewritten: &GraphDef, tensor: &str) {
    let (before, after) = (Evaluator::new(graph), Evaluator::new(rewritten));
    let Some(before) = before.get(tensor) else { return };
    assert!(before.dims.iter().product::<i64>() == before.values.len() as i64);
    let Some(after) = after.get(tensor) else { return };
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert!(
        before.dims == after.dims && bits(&before.values) == bits(&after.values),
        "{tensor} changed"
    );
}

/// A serialized GraphDef as the setting `architecture`.
pub fn own_graph(data: &[u8]) {
    tf::load().unwrap();
    in_temporary_dir(|dir| {
        let path = dir.join("graph.pb");
        fs::write(&path, data).unwrap();
        let own = OwnGraph { path, ..OwnGraph::default() };
        let sized = OwnGraph { input_width: Some(8), input_height: Some(8), ..own.clone() };
        for own in [own, sized] {
            match create_own_graph(&own, Path::new("")) {
                Ok(backbone) => assert_usable(&backbone),
                Err(error) => {
                    assert_readable(&error);
                    let named = matches!(error, Error::Setting { .. })
                        || error.to_string().contains("graph.pb");
                    assert!(named, "{error}");
                }
            }
        }
    });
}

/// TensorFlow accepts the network, and its sizes are within the limits.
fn assert_usable(backbone: &super::Backbone) {
    let frozen = backbone.frozen().unwrap();
    let graph = Graph::import(&frozen).unwrap();
    assert!(graph.output(&backbone.input).is_ok() && graph.is_float(&backbone.bottleneck));
    assert!((1..=1 << 20).contains(&backbone.bottleneck_size), "{}", backbone.bottleneck_size);
    let pixels = &backbone.pixels;
    assert!(
        [pixels.width, pixels.height].iter().all(|side| (1..=16_384).contains(side)),
        "{pixels:?}"
    );
}

/// The files of a module, each after its length in four bytes: saved_model.pb, tfhub_module.pb and
/// the checkpoint's index; the rest is the checkpoint's data.
pub fn hub_module(data: &[u8]) {
    tf::load().unwrap();
    in_temporary_dir(|dir| {
        write_module(dir, data);
        match create_module_graph(dir.to_str().unwrap(), Path::new("")) {
            Ok(backbone) => assert_usable(&backbone),
            Err(error) => {
                assert_readable(&error);
                assert!(error.to_string().contains(dir.to_str().unwrap()), "{error}");
            }
        }
    });
}

/// The files of a SavedModel of TensorFlow 2, each after its length in four bytes: saved_model.pb
/// and the checkpoint's index; the rest is the checkpoint's data.
pub fn saved_model(data: &[u8]) {
    tf::load().unwrap();
    in_temporary_dir(|dir| {
        write_files(dir, ["saved_model.pb", "variables/variables.index"], data);
        let path = dir.to_owned();
        match create_own_graph(&OwnGraph { path, ..OwnGraph::default() }, Path::new("")) {
            Ok(backbone) => assert_usable(&backbone),
            Err(error) => {
                assert_readable(&error);
                let named = matches!(error, Error::Setting { .. })
                    || error.to_string().contains(dir.to_str().unwrap());
                assert!(named, "{error}");
            }
        }
    });
}

fn write_module(dir: &Path, data: &[u8]) {
    write_files(dir, ["saved_model.pb", "tfhub_module.pb", "variables/variables.index"], data);
}

fn write_files<const N: usize>(dir: &Path, names: [&str; N], mut data: &[u8]) {
    fs::create_dir(dir.join("variables")).unwrap();
    for name in names {
        let Some((length, rest)) = data.split_first_chunk() else { return };
        let (file, rest) = rest.split_at(rest.len().min(u32::from_le_bytes(*length) as usize));
        fs::write(dir.join(name), file).unwrap();
        data = rest;
    }
    fs::write(dir.join("variables/variables.data-00000-of-00001"), data).unwrap();
}

/// Makes a graph from bytes: the more bytes, the more nodes.
struct Maker<'d> {
    data: &'d [u8],
}

const OPS: [&str; 24] = [
    "Const",
    "Const",
    "Const",
    "Identity",
    "Add",
    "AddV2",
    "Sub",
    "Mul",
    "Rsqrt",
    "Sqrt",
    "RealDiv",
    "Neg",
    "Placeholder",
    "PlaceholderWithDefault",
    "CheckNumerics",
    "Conv2D",
    "DepthwiseConv2dNative",
    "BiasAdd",
    "Relu",
    "FusedBatchNormV3",
    "BatchNormWithGlobalNormalization",
    "Reshape",
    "MatMul",
    "VarHandleOp",
];

impl Maker<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.data.split_first() else { return 0 };
        self.data = rest;
        byte
    }

    fn graph(mut self) -> GraphDef {
        let mut graph = GraphDef::default();
        while !self.data.is_empty() && graph.node.len() < 200 {
            let node = self.node(graph.node.len());
            graph.node.push(node);
        }
        graph
    }

    fn node(&mut self, place: usize) -> NodeDef {
        let op = OPS[usize::from(self.byte()) % OPS.len()];
        let mut node = NodeDef { name: format!("n{place}"), op: op.into(), ..NodeDef::default() };
        match self.byte() {
            // Names that the rewriting also gives, and names that other nodes have.
            0 => node.name = format!("n{}/folded/weights", self.byte()),
            1 => node.name = format!("n{}", self.byte()),
            _ => {}
        }
        match op {
            "Const" => self.constant(&mut node),
            _ => self.inputs(&mut node, place),
        }
        node.set_attr("T", Value::Type(DataType::DT_FLOAT.into()));
        node.set_attr("is_training", Value::B(false));
        node.set_attr("scale_after_normalization", Value::B(self.byte() > 100));
        node
    }

    fn inputs(&mut self, node: &mut NodeDef, place: usize) {
        let count = match node.op.as_str() {
            "Placeholder" | "VarHandleOp" => 0,
            "FusedBatchNormV3" | "BatchNormWithGlobalNormalization" => 5,
            "Add" | "AddV2" | "Sub" | "Mul" | "RealDiv" | "MatMul" | "Reshape" | "BiasAdd" => 2,
            "Conv2D" | "DepthwiseConv2dNative" => 2,
            _ => 1,
        };
        for _ in 0..count {
            let back = usize::from(self.byte());
            // Nearly always an earlier node.
            let input =
                if back < 250 { place.saturating_sub(1 + back % 8) } else { place + back - 250 };
            node.input.push(if back == 249 { format!("n{input}:1") } else { format!("n{input}") });
        }
        if self.byte() == 255 {
            node.input.push(format!("^n{}", self.byte()));
        }
    }

    fn constant(&mut self, node: &mut NodeDef) {
        let dims: Vec<i64> = (0..self.byte() % 5).map(|_| self.dim()).collect();
        let count =
            dims.iter().try_fold(1i64, |n, &d| n.checked_mul(d)).filter(|n| (0..1000).contains(n));
        let mut tensor = proto::float_tensor(&dims, &vec![0.5; count.unwrap_or(3) as usize]);
        match self.byte() {
            0..10 => tensor.tensor_content.truncate(usize::from(self.byte())),
            10..60 => {
                tensor.tensor_content.clear();
                tensor.float_val = vec![f32::from(self.byte())];
            }
            60..100 => {
                tensor.tensor_content.clear();
                tensor.dtype = DataType::DT_INT32.into();
                tensor.int_val = dims.iter().map(|_| i32::from(self.byte())).collect();
            }
            _ => {}
        }
        node.set_attr("value", Value::Tensor(tensor));
    }

    fn dim(&mut self) -> i64 {
        match self.byte() {
            255 => 1 << 40,
            254 => -1,
            253 => 0,
            252 => 1 << 20,
            byte => i64::from(byte % 5),
        }
    }
}
