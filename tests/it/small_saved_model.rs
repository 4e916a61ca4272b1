//! A SavedModel of TensorFlow 2 with a few nodes, built here. The features are the numbers of an
//! 8 × 8 picture, each multiplied by its own element of a variable:
//!
//! ```text
//! graph             wrapper               features
//! images ── call ──────── inner call ─────── Reshape ── Mul
//! scale  ──┘     (bound to object 1)         ReadVariableOp ─┘
//! ```
//!
//! Tests alter it before it is written.

use super::loading::load_tensorflow;
use super::small_module::{FEATURES, SIDE, scale};
use retrain::proto::{
    self, ConcreteFunctionEntry, DataType, FunctionDef, GraphDef, MetaGraphDef, NameAttrList,
    NodeDef, RetEntry, SavedConcreteFunction, SavedModel, SavedObject, SavedObjectGraph,
    SavedVariable, SignatureDef, SignatureEntry, TensorInfo, TensorInfoEntry, TensorProto,
    TrackableObjectGraph, Value, op_def::ArgDef, saved_object,
};
use retrain::tf::{self, GraphBuilder, NamedTensor};
use std::fs;
use std::path::Path;

/// The function that the signature calls, and the one that computes.
pub(crate) const WRAPPER: &str = "__inference_signature_wrapper_9";
pub(crate) const INNER: &str = "__inference_features_7";
/// The variable's key in the checkpoint.
const KEY: &str = "layer/scale/.ATTRIBUTES/VARIABLE_VALUE";

pub(crate) struct SmallSavedModel {
    pub(crate) saved_model: SavedModel,
    pub(crate) objects: TrackableObjectGraph,
    pub(crate) variables: Vec<NamedTensor>,
}

impl SmallSavedModel {
    pub(crate) fn new() -> Self {
        let mut meta_graph = MetaGraphDef::default();
        meta_graph.meta_info_def.mut_or_insert_default().tags = vec!["serve".into()];
        *meta_graph.graph_def.mut_or_insert_default() = graph();
        meta_graph.signature_def = vec![signature()];
        *meta_graph.object_graph_def.mut_or_insert_default() = objects();
        let saved_model = SavedModel {
            saved_model_schema_version: 1,
            meta_graphs: vec![meta_graph],
            ..SavedModel::default()
        };
        let value = proto::float_tensor(&[FEATURES as i64], &scale());
        let mut objects = TrackableObjectGraph::default();
        objects.nodes.resize_with(2, Default::default);
        objects.nodes[1].attributes =
            vec![proto::trackable_object_graph::trackable_object::SerializedTensor {
                name: "VARIABLE_VALUE".into(),
                full_name: "scale".into(),
                checkpoint_key: KEY.into(),
                ..Default::default()
            }];
        Self { saved_model, objects, variables: vec![(KEY.into(), value)] }
    }

    pub(crate) fn meta_graph(&mut self) -> &mut MetaGraphDef {
        &mut self.saved_model.meta_graphs[0]
    }

    pub(crate) fn graph(&mut self) -> &mut GraphDef {
        self.meta_graph().graph_def.mut_or_insert_default()
    }

    pub(crate) fn saved_objects(&mut self) -> &mut SavedObjectGraph {
        self.meta_graph().object_graph_def.mut_or_insert_default()
    }

    pub(crate) fn signature(&mut self) -> &mut SignatureDef {
        self.meta_graph().signature_def[0].value.mut_or_insert_default()
    }

    pub(crate) fn function(&mut self, name: &str) -> &mut FunctionDef {
        let library = self.graph().library.mut_or_insert_default();
        library.function.iter_mut().find(|f| f.signature.name == name).unwrap()
    }

    pub(crate) fn add_function(&mut self, function: FunctionDef) {
        self.graph().library.mut_or_insert_default().function.push(function);
    }

    /// A node of the function that computes.
    pub(crate) fn node(&mut self, name: &str) -> &mut NodeDef {
        self.function(INNER).node_def.iter_mut().find(|n| n.name == name).unwrap()
    }

    /// Lets the features be what `nodes`, added to the function that computes, give as `tensor`.
    pub(crate) fn then(&mut self, nodes: Vec<NodeDef>, tensor: &str) {
        let function = self.function(INNER);
        function.node_def.extend(nodes);
        function.ret[0].value = tensor.into();
    }

    /// Sets the type and shape of the pictures.
    pub(crate) fn take(&mut self, dtype: DataType, dims: &[i64]) {
        let placeholder = &mut self.graph().node[0];
        placeholder.set_attr("dtype", Value::Type(dtype.into()));
        placeholder.set_attr("shape", Value::Shape(proto::shape(dims)));
        let info = self.signature().inputs[0].value.mut_or_insert_default();
        info.dtype = dtype.into();
        info.tensor_shape = Some(proto::shape(dims)).into();
        for function in [WRAPPER, INNER] {
            self.function(function).signature.mut_or_insert_default().input_arg[0].type_ =
                dtype.into();
        }
    }

    /// Writes the model as a directory.
    pub(crate) fn write(&self, dir: &Path) {
        load_tensorflow();
        fs::create_dir_all(dir.join("variables")).unwrap();
        fs::write(dir.join("saved_model.pb"), proto::serialize(&self.saved_model).unwrap())
            .unwrap();
        let objects = TensorProto {
            dtype: DataType::DT_STRING.into(),
            tensor_shape: Some(proto::shape(&[])).into(),
            string_val: vec![proto::serialize(&self.objects).unwrap()],
            ..TensorProto::default()
        };
        let mut entries = self.variables.clone();
        entries.push(("_CHECKPOINTABLE_OBJECT_GRAPH".into(), objects));
        tf::write_checkpoint(&dir.join("variables/variables"), &entries).unwrap();
    }
}

fn graph() -> GraphDef {
    let mut b = GraphBuilder::default();
    let (float, side) = (DataType::DT_FLOAT, SIDE as i64);
    let images = b.op("Placeholder", "serving_default_images").type_attr("dtype", float);
    let images = images.shape_attr("shape", &[-1, side, side, 3]).finish();
    let variable = b.op("VarHandleOp", "scale").type_attr("dtype", float);
    let variable = variable.shape_attr("shape", &[FEATURES as i64]).finish();
    let call = call(&mut b, "StatefulPartitionedCall", WRAPPER);
    assert_eq!(call, "StatefulPartitionedCall");
    let mut node = b.take_nodes();
    node[2].input = vec![images, variable];
    let mut graph = GraphDef { node, ..GraphDef::default() };
    graph.library.mut_or_insert_default().function = vec![wrapper(), features()];
    graph
}

fn call(b: &mut GraphBuilder, name: &str, function: &str) -> String {
    let function = NameAttrList { name: function.into(), ..NameAttrList::default() };
    let types = |types: &[DataType]| {
        let type_ = types.iter().map(|t| *t as i32).collect();
        Value::List(proto::attr_value::ListValue { type_, ..Default::default() })
    };
    b.op("StatefulPartitionedCall", name)
        .attr("f", Value::Func(function))
        .attr("Tin", types(&[DataType::DT_FLOAT, DataType::DT_RESOURCE]))
        .attr("Tout", types(&[DataType::DT_FLOAT]))
        .str_attr("config", "")
        .finish()
}

fn wrapper() -> FunctionDef {
    let mut b = GraphBuilder::default();
    call(&mut b, "StatefulPartitionedCall", INNER);
    let identity = b.op("Identity", "Identity").input("StatefulPartitionedCall:output:0");
    identity.float_type().finish();
    let mut nodes = b.take_nodes();
    nodes[0].input = vec!["images".into(), "unknown".into()];
    function(WRAPPER, nodes, "Identity:output:0")
}

fn features() -> FunctionDef {
    let mut b = GraphBuilder::default();
    let shape = b.ints("flat/shape", &[-1, FEATURES as i32]);
    let flat = b.op("Reshape", "flat").inputs(["images", &format!("{shape}:output:0")]);
    flat.float_type().type_attr("Tshape", DataType::DT_INT32).finish();
    let read = b.op("ReadVariableOp", "Read/ReadVariableOp").input("unknown");
    read.type_attr("dtype", DataType::DT_FLOAT).finish();
    let inputs = ["flat:output:0", "Read/ReadVariableOp:value:0"];
    b.op("Mul", "features").inputs(inputs).float_type().finish();
    function(INNER, b.take_nodes(), "features:z:0")
}

/// A function of the pictures and the variable that returns `tensor`.
pub(crate) fn function(name: &str, node_def: Vec<NodeDef>, tensor: &str) -> FunctionDef {
    let argument = |name: &str, dtype: DataType| ArgDef {
        name: name.into(),
        type_: dtype.into(),
        ..ArgDef::default()
    };
    let mut function = FunctionDef { node_def, ..FunctionDef::default() };
    let signature = function.signature.mut_or_insert_default();
    signature.name = name.into();
    signature.input_arg =
        vec![argument("images", DataType::DT_FLOAT), argument("unknown", DataType::DT_RESOURCE)];
    signature.output_arg = vec![argument("identity", DataType::DT_FLOAT)];
    function.ret =
        vec![RetEntry { key: "identity".into(), value: tensor.into(), ..RetEntry::default() }];
    function
}

fn signature() -> SignatureEntry {
    let side = SIDE as i64;
    let end = |key: &str, tensor: &str, dims: &[i64]| {
        let info = TensorInfo {
            name: tensor.into(),
            dtype: DataType::DT_FLOAT.into(),
            tensor_shape: Some(proto::shape(dims)).into(),
            ..TensorInfo::default()
        };
        TensorInfoEntry { key: key.into(), value: Some(info).into(), ..TensorInfoEntry::default() }
    };
    let value = SignatureDef {
        inputs: vec![end("images", "serving_default_images:0", &[-1, side, side, 3])],
        outputs: vec![end("vector", "StatefulPartitionedCall:0", &[-1, FEATURES as i64])],
        ..SignatureDef::default()
    };
    SignatureEntry {
        key: "serving_default".into(),
        value: Some(value).into(),
        ..SignatureEntry::default()
    }
}

fn objects() -> SavedObjectGraph {
    let bound = |name: &str| ConcreteFunctionEntry {
        key: name.into(),
        value: Some(SavedConcreteFunction {
            bound_inputs: vec![1],
            ..SavedConcreteFunction::default()
        })
        .into(),
        ..ConcreteFunctionEntry::default()
    };
    let variable = SavedVariable {
        dtype: DataType::DT_FLOAT.into(),
        shape: Some(proto::shape(&[FEATURES as i64])).into(),
        name: "scale".into(),
        ..SavedVariable::default()
    };
    let kind = Some(saved_object::Kind::Variable(variable));
    SavedObjectGraph {
        nodes: vec![SavedObject::default(), SavedObject { kind, ..SavedObject::default() }],
        concrete_functions: vec![bound(WRAPPER), bound(INNER)],
        ..SavedObjectGraph::default()
    }
}
