//! TF-Hub modules of the first format: a SavedModel whose graph with the empty tag set is copied
//! twice, under `module/` for its state (the variables) and under `module_apply_default/` for the
//! signature "default", which the node `Placeholder` feeds.

use super::module_checks;
use crate::error::{Error, Result};
use crate::images::{PixelRange, PixelSpec};
use crate::model::backbone::Backbone;
use crate::model::inspect::{check_graph, image_size};
use crate::proto::{
    self, GraphDef, ImageModuleInfo, InputRef, MetaGraphDef, ModuleAttachment, ModuleDef, NodeDef,
};
use crate::proto::{SavedModel, SignatureDef, Value, collection_def::Kind};
use crate::tf::{self, GraphBuilder, NamedTensor};
use protobuf::Message;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::Path;

/// The scope of the copy that holds the module's state.
const STATE_SCOPE: &str = "module";
/// The scope of the copy that computes the features.
const APPLY_SCOPE: &str = "module_apply_default";
/// The node that the pixels are fed to.
const INPUT: &str = "Placeholder";
/// The signature that is used.
const SIGNATURE: &str = "default";
/// The number of channels of an image.
const DEPTH: i32 = 3;
/// The only supported value of `ModuleDef.format`.
const FORMAT: i64 = 3;
/// Ops that show that a module was trained for quantization.
const FAKE_QUANT_OPS: [&str; 2] = ["FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel"];

/// Reads the variables of the module in `dir` and makes the graph (the hub script's
/// `create_module_graph`). Cached bottlenecks are named after `handle`.
///
/// # Errors
/// If the module is broken or of an unsupported kind.
pub(super) fn read_module(dir: &Path, handle: &str) -> Result<Backbone> {
    let path = dir.join("saved_model.pb");
    check_format(dir)?;
    let bytes = crate::fsio::read(&path)?;
    let mut hash = Sha256::new_with_prefix(&bytes);
    let saved_model: SavedModel = proto::parse(&path, &bytes)?;
    let bad = |message: &str| Error::input(&path, message);
    let untagged = saved_model.meta_graphs.into_iter().find(|m| m.meta_info_def.tags.is_empty());
    let meta_graph = untagged.ok_or_else(|| bad("holds no graph with the empty tag set"))?;
    let signature = meta_graph.signature_def.iter().find(|s| s.key == SIGNATURE).map(|s| &*s.value);
    let signature = signature.ok_or_else(|| bad("has no signature \"default\""))?;
    let (images, output) = signature_tensors(signature, &path)?;
    check_graph(&meta_graph.graph_def).map_err(|m| bad(&m))?;
    for tensor in [&images, &output] {
        module_checks::has_tensor(&meta_graph.graph_def, tensor).map_err(|m| bad(&m))?;
    }
    let input_shape = meta_graph
        .graph_def
        .find(InputRef::parse(&images).node)
        .and_then(|n| n.shape_attr("shape"));
    let (height, width) = expected_image_size(&meta_graph, input_shape.as_deref())
        .ok_or_else(|| bad("does not say what image size it expects"))?;
    let (height, width) = image_size(height, width).map_err(|m| bad(&m))?;
    let depth = input_shape.filter(|s| s.len() == 4).map_or(DEPTH.into(), |s| s[3]);
    if depth != i64::from(DEPTH) {
        return Err(bad(&format!("expects images with {depth} channels; only 3 are supported")));
    }
    let state = state_ops(&meta_graph.graph_def);
    let graph_def = apply(&meta_graph.graph_def, &state, &images, [height, width, DEPTH]);
    let bottleneck = scoped(APPLY_SCOPE, &output);
    let bottleneck_size =
        module_checks::feature_count(&graph_def, INPUT, &bottleneck).map_err(|m| bad(&m))?;
    let variables = read_variables(dir, &meta_graph.graph_def)?;
    for (name, value) in &variables {
        hash.update(name);
        hash.update(&value.tensor_content);
        value.float_val.iter().for_each(|v| hash.update(v.to_le_bytes()));
    }
    Ok(Backbone {
        name: bottleneck_name(handle),
        content_hash: hash.finalize().into(),
        wants_quantization: graph_def.node.iter().any(|n| FAKE_QUANT_OPS.contains(&n.op.as_str())),
        graph_def,
        variables,
        input: INPUT.into(),
        bottleneck,
        bottleneck_size,
        pixels: PixelSpec::new(width, height, PixelRange::Unit),
        views: None,
    })
}

/// The suffix of bottleneck files: the handle, with `~` for each separator.
fn bottleneck_name(handle: &str) -> String {
    handle.replace("://", "~").replace(['/', ':', '\\'], "~")
}

fn check_format(dir: &Path) -> Result<()> {
    let path = dir.join("tfhub_module.pb");
    if !path.is_file() {
        return Err(Error::input(
            dir,
            "holds no tfhub_module.pb: it is not a TF-Hub module of the first format",
        ));
    }
    let module: ModuleDef = proto::parse(&path, &crate::fsio::read(&path)?)?;
    if module.format != FORMAT {
        return Err(Error::input(
            path,
            format!("has format {}; only format {FORMAT} is supported", module.format),
        ));
    }
    Ok(())
}

/// The tensors of the signature's input "images" and output "default".
fn signature_tensors(signature: &SignatureDef, path: &Path) -> Result<(String, String)> {
    let find = |entries: &[proto::TensorInfoEntry], key: &str| {
        let entry = entries.iter().find(|e| e.key == key);
        entry
            .map(|e| e.value.name.clone())
            .ok_or_else(|| Error::input(path, format!("has no '{key}' in its signature")))
    };
    Ok((find(&signature.inputs, "images")?, find(&signature.outputs, "default")?))
}

/// Height and width from the module's image info, or else from the shape of its input.
fn expected_image_size(
    meta_graph: &MetaGraphDef,
    input_shape: Option<&[i64]>,
) -> Option<(i64, i64)> {
    let attachments = meta_graph.collection_def.iter().find(|c| c.key == "hub_module_attachments");
    if let Some(Some(Kind::BytesList(list))) = attachments.map(|c| &c.value.kind) {
        let attachments =
            list.value.iter().filter_map(|bytes| ModuleAttachment::parse_from_bytes(bytes).ok());
        let info = attachments.filter(|a| a.key == "image_module_info");
        let mut size = info.filter_map(|a| {
            ImageModuleInfo::parse_from_bytes(&a.value).ok()?.default_image_size.into_option()
        });
        if let Some(size) = size.next_back().filter(|s| s.height > 0 && s.width > 0) {
            return Some((size.height.into(), size.width.into()));
        }
    }
    match input_shape {
        Some(&[_, height, width, _]) if height > 0 && width > 0 => Some((height, width)),
        _ => None,
    }
}

/// The nodes that hold state. The copy that computes features reads those of the other copy.
pub(in crate::model) fn state_ops(graph: &GraphDef) -> HashSet<&str> {
    let variables = graph
        .node
        .iter()
        .filter(|n| matches!(n.op.as_str(), "VarHandleOp" | "VariableV2" | "Variable"));
    variables.map(|n| n.name.as_str()).collect()
}

fn scoped(scope: &str, tensor: &str) -> String {
    let tensor = tensor.strip_suffix(":0").unwrap_or(tensor);
    format!("{scope}/{tensor}")
}

/// The graph with both copies of the module.
pub(in crate::model) fn apply(
    module: &GraphDef,
    state: &HashSet<&str>,
    images: &str,
    [height, width, depth]: [i32; 3],
) -> GraphDef {
    let mut b = GraphBuilder::default();
    let input = b.op("Placeholder", INPUT).type_attr("dtype", proto::DataType::DT_FLOAT);
    input.shape_attr("shape", &[-1, height.into(), width.into(), depth.into()]).finish();
    let mut nodes = b.take_nodes();
    nodes.extend(
        module
            .node
            .iter()
            .map(|n| in_scope(n, STATE_SCOPE, |input| scoped_input(STATE_SCOPE, input))),
    );
    let images = InputRef::parse(images).node;
    nodes.extend(module.node.iter().map(|n| {
        in_scope(n, APPLY_SCOPE, |input| match InputRef::parse(input) {
            r if r.node == images && !r.control => INPUT.into(),
            r if state.contains(r.node) => scoped_input(STATE_SCOPE, input),
            _ => scoped_input(APPLY_SCOPE, input),
        })
    }));
    GraphDef { node: nodes, versions: module.versions.clone(), ..GraphDef::default() }
}

fn scoped_input(scope: &str, input: &str) -> String {
    match input.strip_prefix('^') {
        Some(node) => format!("^{scope}/{node}"),
        None => format!("{scope}/{input}"),
    }
}

fn in_scope(node: &NodeDef, scope: &str, input: impl Fn(&str) -> String) -> NodeDef {
    let mut copy = node.clone();
    copy.name = scoped_input(scope, &node.name);
    copy.input = node.input.iter().map(|i| input(i)).collect();
    // Colocation has no effect on one device, and TensorFlow infers shapes again. A variable is
    // identified by its shared name, so that gets the scope too.
    copy.attr.retain(|a| a.key != "_class" && a.key != "_output_shapes");
    if let Some(Value::S(shared)) =
        node.attr_value("shared_name").filter(|v| matches!(v, Value::S(s) if !s.is_empty()))
    {
        copy.set_attr("shared_name", Value::S([scope.as_bytes(), b"/", shared].concat()));
    }
    copy
}

/// The values of the module's variables, under their names in the graph.
fn read_variables(dir: &Path, module: &GraphDef) -> Result<Vec<NamedTensor>> {
    let nodes = module
        .node
        .iter()
        .filter(|n| matches!(n.op.as_str(), "VarHandleOp" | "VariableV2" | "Variable"));
    let nodes: Vec<&NodeDef> = nodes.collect();
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let typed = |n: &&NodeDef| Ok((n.name.clone(), n.type_attr("dtype")?));
    let variables = nodes.iter().map(typed).collect::<Result<Vec<_>>>();
    let variables =
        variables.map_err(|e| Error::input(dir.join("saved_model.pb"), e.to_string()))?;
    let prefix = dir.join("variables").join("variables");
    let values = tf::read_checkpoint(&prefix, &variables)?;
    for (node, (_, value)) in nodes.iter().zip(&values) {
        module_checks::is_of_shape(node, value)
            .map_err(|message| Error::input(&prefix, message))?;
    }
    Ok(values.into_iter().map(|(name, value)| (scoped(STATE_SCOPE, &name), value)).collect())
}
