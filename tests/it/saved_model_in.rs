//! TensorFlow 2 SavedModels as networks of one's own: what is frozen, what is guessed and what is
//! refused, on a small model that is built here.

use super::loading::load_tensorflow;
use super::small_module::{FEATURES, SIDE, SmallModule, VariableKind, scale};
use super::small_saved_model::{INNER, SmallSavedModel, WRAPPER, function};
use super::support::Workspace;
use retrain::images::PixelRange;
use retrain::model::{Backbone, OwnGraph, create_own_graph};
use retrain::proto::DataType::{self, DT_BFLOAT16, DT_BOOL, DT_FLOAT, DT_INT32, DT_UINT8};
use retrain::proto::{
    self, FieldEntry, Fields, NameAttrList, SavedObject, StructuredValue, TensorProto, TensorSpec,
    Value, Values, saved_object, structured_value,
};
use retrain::tf::{Feed, Graph, GraphBuilder, Session, Tensor, Threads};
use std::fs;
use std::path::Path;

type Changed = fn(&mut SmallSavedModel);

/// A small model, changed and written.
struct Written {
    workspace: Workspace,
}

impl Written {
    fn new(change: impl FnOnce(&mut SmallSavedModel)) -> Self {
        let workspace = Workspace::new();
        let mut model = SmallSavedModel::new();
        change(&mut model);
        model.write(&workspace.path("model"));
        Self { workspace }
    }

    fn read(&self, own: OwnGraph) -> retrain::error::Result<Backbone> {
        load_tensorflow();
        create_own_graph(&OwnGraph { path: self.workspace.path("model"), ..own }, Path::new(""))
    }

    fn backbone(&self) -> Backbone {
        self.read(OwnGraph::default()).unwrap()
    }

    /// The error without the place of the model.
    fn refusal(&self, own: OwnGraph) -> String {
        let error = self.read(own).map(|b| b.bottleneck).unwrap_err().to_string();
        error.replace(self.workspace.root().to_str().unwrap(), "").replace("/model", "model")
    }
}

/// The features of one picture.
fn features(backbone: &Backbone, pixels: &[f32]) -> Vec<f32> {
    let graph = Graph::import(&backbone.frozen().unwrap()).unwrap();
    let session = Session::unoptimized(&graph, Threads { intra_op: 1, inter_op: 1 }).unwrap();
    let side = SIDE as u64;
    let value = Tensor::new(&[1, side, side, 3]).with_values(pixels).unwrap();
    let (input, output) =
        (graph.output(&backbone.input).unwrap(), graph.output(&backbone.bottleneck).unwrap());
    let feed = Feed { output: &input, value: &value };
    session.run_one::<f32, f32>(feed, &output, "a test").unwrap().to_vec()
}

fn picture() -> Vec<f32> {
    (0..FEATURES).map(|i| (i * 37 % 256) as f32).collect()
}

fn scaled() -> Vec<f32> {
    picture().iter().zip(scale()).map(|(pixel, scale)| pixel * scale).collect()
}

fn range(backbone: &Backbone) -> (f32, f32) {
    match backbone.pixels.range {
        PixelRange::Multiply { mean, std } => (mean, std),
        other => panic!("{other:?}"),
    }
}

fn ops(backbone: &Backbone) -> Vec<&str> {
    backbone.graph_def.node.iter().map(|n| n.op.as_str()).collect()
}

#[test]
fn a_signature_is_frozen_with_its_functions_inlined_and_its_variable_a_constant() {
    let backbone = Written::new(|_| {}).backbone();
    assert_eq!((&*backbone.input, &*backbone.bottleneck), ("images", "vector"));
    assert_eq!((backbone.pixels.width, backbone.pixels.height), (8, 8));
    assert_eq!(range(&backbone), (127.5, 127.5));
    assert_eq!(
        ops(&backbone),
        ["Placeholder", "Const", "Reshape", "Const", "Mul", "Identity", "Identity"]
    );
    let names: Vec<&str> = backbone.graph_def.node.iter().map(|n| n.name.as_str()).collect();
    let inner = ["images", "flat/shape", "flat", "scale", "features", "Identity", "vector"];
    assert_eq!(names, inner);
    assert!(backbone.variables.is_empty() && backbone.graph_def.library.is_none());
    assert_eq!(features(&backbone, &picture()), scaled());
}

#[test]
fn bottlenecks_are_cached_by_what_they_depend_on() {
    let name = |change: Changed| Written::new(change).backbone().name;
    let plain = name(|_| {});
    assert_eq!(plain, name(|_| {}));
    let (_, digest) = plain.split_once('_').unwrap();
    assert_eq!((plain.len(), digest.len()), ("model_".len() + 12, 12));
    assert_ne!(plain, name(|m| m.variables[0].1.tensor_content[0] ^= 1), "another value");
    assert_ne!(plain, name(|m| m.function(INNER).node_def[3].op = "Maximum".into()), "other graph");
}

/// `features` through a branch whose condition is the constant `taken`.
fn branch(model: &mut SmallSavedModel, op: &str, condition: TensorProto) {
    let mut b = GraphBuilder::default();
    let taken = b.tensor("taken", condition);
    let passed = b.op("Identity", "passed").input(format!("{taken}:output:0")).finish();
    let call = |name: &str| NameAttrList { name: name.into(), ..NameAttrList::default() };
    let mut nodes = {
        let branches = [call("other"), call("identity")];
        let mut b = b;
        b.op(op, "branch")
            .inputs([format!("{passed}:output:0"), "features:z:0".into(), "unknown".into()])
            .attr("then_branch", Value::Func(branches[1].clone()))
            .attr("else_branch", Value::Func(branches[0].clone()))
            .attr(
                "branches",
                Value::List(proto::attr_value::ListValue {
                    func: branches.to_vec(),
                    ..Default::default()
                }),
            )
            .attr("Tout", Value::List(floats(1)))
            .finish();
        b.take_nodes()
    };
    nodes[1].set_attr("T", Value::Type(DT_BOOL.into()));
    model.then(nodes, "branch:output:0");
    let identity = |name: &str, op: &str| {
        let mut b = GraphBuilder::default();
        b.op(op, "x").input("images").float_type().finish();
        let output = if op == "Identity" { "x:output:0" } else { "x:y:0" };
        function(name, b.take_nodes(), output)
    };
    model.add_function(identity("identity", "Identity"));
    model.add_function(identity("other", "Neg"));
}

fn floats(count: usize) -> proto::attr_value::ListValue {
    proto::attr_value::ListValue { type_: vec![DT_FLOAT as i32; count], ..Default::default() }
}

fn flag(value: bool) -> TensorProto {
    TensorProto {
        dtype: DT_BOOL.into(),
        tensor_shape: Some(proto::shape(&[])).into(),
        bool_val: vec![value],
        ..TensorProto::default()
    }
}

fn integer(value: i32) -> TensorProto {
    TensorProto {
        dtype: DT_INT32.into(),
        tensor_shape: Some(proto::shape(&[])).into(),
        int_val: vec![value],
        ..TensorProto::default()
    }
}

#[test]
fn of_a_branch_on_a_constant_the_one_that_is_taken_stays() {
    for op in ["If", "StatelessIf"] {
        for (value, negated) in [(true, false), (false, true)] {
            let backbone = Written::new(|m| branch(m, op, flag(value))).backbone();
            assert_eq!(ops(&backbone).contains(&"Neg"), negated, "{op} {value}");
        }
    }
    for (value, negated) in [(0, true), (1, false), (7, false), (-1, false)] {
        let backbone = Written::new(|m| branch(m, "Case", integer(value))).backbone();
        assert_eq!(ops(&backbone).contains(&"Neg"), negated, "{value}");
    }
}

#[test]
fn a_training_flag_is_off() {
    let backbone = Written::new(|m| {
        branch(m, "If", flag(true));
        // The condition comes from the signature.
        let mut b = GraphBuilder::default();
        let flag = b.op("Placeholder", "serving_default_training").type_attr("dtype", DT_BOOL);
        flag.shape_attr("shape", &[]).finish();
        m.graph().node.extend(b.take_nodes());
        m.graph().node[2].input.insert(1, "serving_default_training".into());
        let mut input = m.signature().inputs[0].clone();
        input.key = "training".into();
        input.value.mut_or_insert_default().name = "serving_default_training:0".into();
        input.value.mut_or_insert_default().dtype = DT_BOOL.into();
        input.value.mut_or_insert_default().tensor_shape = Some(proto::shape(&[])).into();
        m.signature().inputs.push(input);
        for name in [WRAPPER, INNER] {
            let signature = m.function(name).signature.mut_or_insert_default();
            let mut argument = signature.input_arg[1].clone();
            argument.name = "training".into();
            argument.type_ = DT_BOOL.into();
            signature.input_arg.insert(1, argument);
        }
        m.function(WRAPPER).node_def[0].input.insert(1, "training".into());
        m.node("passed").input[0] = "training".into();
    })
    .backbone();
    assert!(ops(&backbone).contains(&"Neg"));
}

/// Adds `op` between the features and what the function returns.
fn through(model: &mut SmallSavedModel, op: &str, name: &str, output: &str) {
    let mut b = GraphBuilder::default();
    b.op(op, name).input("features:z:0").float_type().finish();
    model.then(b.take_nodes(), output);
}

/// The variable's object.
fn variable(model: &mut SmallSavedModel) -> &mut proto::SavedVariable {
    match &mut model.saved_objects().nodes[1].kind {
        Some(saved_object::Kind::Variable(variable)) => variable,
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn what_cannot_be_a_plain_graph_is_refused_by_name() {
    let cases: [(Changed, &str); 20] = [
        (
            |m| through(m, "StatelessWhile", "loop", "loop:output:0"),
            "model/saved_model.pb: node 'Identity' (Identity) of function \
             '__inference_signature_wrapper_9' reads 'StatefulPartitionedCall:output:0', which is \
             no output of 'loop'",
        ),
        (
            |m| {
                through(m, "While", "loop", "loop:output:0");
                m.node("loop").set_attr("T", Value::List(floats(1)));
            },
            "model/saved_model.pb: node 'loop' (While) of function '__inference_features_7' is a \
             loop, which cannot be frozen; export the network without it",
        ),
        (
            |m| {
                through(m, "EagerPyFunc", "python", "python:output:0");
                m.node("python").set_attr("Tout", Value::List(floats(1)));
            },
            "(EagerPyFunc) of function '__inference_features_7' is a call of Python",
        ),
        (
            |m| through(m, "LookupTableFindV2", "find", "find:values:0"),
            "(LookupTableFindV2) of function '__inference_features_7' is a table",
        ),
        (
            |m| through(m, "Assign", "assign", "assign:output_ref:0"),
            "(Assign) of function '__inference_features_7' is a change of a variable",
        ),
        (
            |m| through(m, "NoSuchOp", "new", "new"),
            "(NoSuchOp) of function '__inference_features_7' is an op that this TensorFlow does \
             not have",
        ),
        (
            |m| m.node("features").input[1] = "unknown".into(),
            "node 'features' (Mul) of function '__inference_features_7' reads 'unknown', which is \
             a variable that is used in another way than reading it",
        ),
        (
            |m| m.node("features").input[1] = "nothing:z:0".into(),
            "reads 'nothing:z:0', which is not in function '__inference_features_7': there is no \
             'nothing'",
        ),
        (
            |m| m.node("features").input[1] = "flat:output:1".into(),
            "reads 'flat:output:1', which is no output of 'flat'",
        ),
        (
            |m| m.node("flat").input[0] = "features:z:0".into(),
            "node 'features' (Mul) of function '__inference_features_7' needs its own result",
        ),
        (
            |m| {
                let to = NameAttrList { name: WRAPPER.into(), ..NameAttrList::default() };
                m.function(WRAPPER).node_def[0].set_attr("f", Value::Func(to));
            },
            "is computed by function '__inference_signature_wrapper_9', where calls nest more than \
             64 deep; does it call itself?",
        ),
        (
            |m| {
                m.function(INNER).signature.mut_or_insert_default().name = "renamed".into();
            },
            "is computed by function '__inference_features_7', which is missing",
        ),
        (
            // A call whose result is its own argument.
            |m| {
                m.function(WRAPPER).node_def[0].input[0] =
                    "StatefulPartitionedCall:output:0".into();
                m.function(INNER).ret[0].value = "images".into();
            },
            "which leads through too many calls",
        ),
        (
            |m| m.function(INNER).ret.clear(),
            "is output 0 of function '__inference_features_7', which lacks it",
        ),
        (
            |m| {
                m.saved_objects().concrete_functions[1].value.mut_or_insert_default().bound_inputs =
                    vec![9]
            },
            "reads 'Read/ReadVariableOp:value:0', which uses object 9, but there are only 2",
        ),
        (
            |m| {
                m.saved_objects().concrete_functions[1].value.mut_or_insert_default().bound_inputs =
                    vec![-1]
            },
            "reads 'Read/ReadVariableOp:value:0', which uses object -1, but there are only 2",
        ),
        (
            |m| m.saved_objects().nodes[1].kind = None,
            "which uses object 1, which is neither a variable nor a constant (a table or an asset, \
             perhaps)",
        ),
        (
            |m| m.meta_graph().meta_info_def.mut_or_insert_default().tags = vec!["train".into()],
            "model/saved_model.pb: holds no graph with the tag 'serve', only with [\"train\"]",
        ),
        (
            |m| m.graph().library.mut_or_insert_default().function.clear(),
            "is computed by function '__inference_signature_wrapper_9', which is missing",
        ),
        (
            // 2 GiB, of which nothing is read.
            |m| variable(m).shape = Some(proto::shape(&[-1, 1 << 20, 1 << 9])).into(),
            "model/saved_model.pb: becomes a graph of more than the 2 GiB that a GraphDef holds",
        ),
    ];
    for (change, message) in cases {
        let refusal = Written::new(change).refusal(OwnGraph::default());
        assert!(refusal.contains(message), "{refusal}\nlacks {message}");
    }
}

#[test]
fn a_branch_on_data_is_refused() {
    let refusal = Written::new(|m| {
        branch(m, "If", flag(true));
        m.node("passed").input[0] = "flat:output:0".into();
    })
    .refusal(OwnGraph::default());
    let message = "depends on a branch that is no constant, node 'branch' (If) of function \
                   '__inference_features_7'";
    assert!(refusal.contains(message), "{refusal}");
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused() {
    let cases: [(Changed, &str); 4] = [
        (
            |m| m.objects.nodes.truncate(1),
            "model/variables/variables: has no value for the variable 'scale' (object 1) of \
             saved_model.pb",
        ),
        (
            |m| m.objects.nodes[1].attributes[0].full_name = "bias".into(),
            "has the variable 'bias' where saved_model.pb has 'scale' (object 1); the two come \
             from different models",
        ),
        (
            |m| m.variables[0].1 = proto::float_tensor(&[3], &[1.0; 3]),
            "with shape [3], but the graph wants [192]; the two come from different models",
        ),
        (|m| m.variables.clear(), "model/variables/variables: is not a readable checkpoint ("),
    ];
    for (change, message) in cases {
        let refusal = Written::new(change).refusal(OwnGraph::default());
        assert!(refusal.contains(message), "{refusal}\nlacks {message}");
    }
    let written = Written::new(|_| {});
    let data = written.workspace.path("model/variables/variables.data-00000-of-00001");
    let bytes = fs::read(&data).unwrap();
    fs::write(&data, &bytes[..bytes.len() / 2]).unwrap();
    let refusal = written.refusal(OwnGraph::default());
    assert!(refusal.starts_with("model/variables/variables: is not a readable"), "{refusal}");
}

#[test]
fn the_signature_is_chosen() {
    let two = |m: &mut SmallSavedModel| {
        let mut other = m.meta_graph().signature_def[0].clone();
        other.key = "other".into();
        m.meta_graph().signature_def.push(other);
    };
    let own = |name: &str| OwnGraph { signature: Some(name.into()), ..OwnGraph::default() };
    let written = Written::new(two);
    written.backbone();
    written.read(own("other")).unwrap();
    assert_eq!(
        written.refusal(own("third")),
        "`signature`: model/saved_model.pb has no 'third', only serving_default, other"
    );
    let written = Written::new(|m| {
        two(m);
        m.meta_graph().signature_def[0].key = "one".into();
    });
    let message = "`signature`: model/saved_model.pb has several; give one of one, other";
    assert_eq!(written.refusal(OwnGraph::default()), message);
    written.read(own("one")).unwrap();
}

/// A second output of the signature, of that shape.
fn second_output(model: &mut SmallSavedModel, key: &str, dims: &[i64]) {
    let mut output = model.signature().outputs[0].clone();
    output.key = key.into();
    output.value.mut_or_insert_default().tensor_shape = Some(proto::shape(dims)).into();
    model.signature().outputs.push(output);
}

#[test]
fn an_output_of_the_inputs_name_gets_another() {
    let written = Written::new(|m| m.signature().outputs[0].key = "images".into());
    let backbone = written.backbone();
    assert_eq!((&*backbone.input, &*backbone.bottleneck), ("images", "images_1"));
    assert_eq!(features(&backbone, &picture()), scaled());
}

#[test]
fn of_several_outputs_the_only_vector_is_taken_or_the_one_that_is_named() {
    let backbone = Written::new(|m| second_output(m, "maps", &[-1, 8, 8, 3])).backbone();
    assert_eq!(backbone.bottleneck, "vector");
    let backbone = Written::new(|m| second_output(m, "default", &[-1, 192])).backbone();
    assert_eq!(backbone.bottleneck, "default");
    let written = Written::new(|m| second_output(m, "second", &[-1, 192]));
    let message = "model/saved_model.pb: has several outputs; give one of second, vector as \
                   `bottleneck_tensor`";
    assert_eq!(written.refusal(OwnGraph::default()), message);
    for tensor in ["second", "features"] {
        let own = OwnGraph { bottleneck_tensor: Some(tensor.into()), ..OwnGraph::default() };
        assert_eq!(written.read(own).unwrap().bottleneck, tensor);
    }
}

/// Ends the network in a classifier.
fn classify(model: &mut SmallSavedModel) {
    let mut b = GraphBuilder::default();
    let weights = b.floats("weights", &[FEATURES as i64, 3], &[0.25; FEATURES * 3]);
    let logits = b.op("MatMul", "logits").inputs(["features:z:0", &format!("{weights}:output:0")]);
    logits.float_type().finish();
    b.op("Softmax", "softmax").input("logits:product:0").float_type().finish();
    model.then(b.take_nodes(), "softmax:softmax:0");
    let info = model.signature().outputs[0].value.mut_or_insert_default();
    info.tensor_shape = Some(proto::shape(&[-1, 3])).into();
}

#[test]
fn of_a_classifier_the_input_of_its_last_layer_is_the_bottleneck() {
    let backbone = Written::new(classify).backbone();
    assert_eq!((&*backbone.bottleneck, backbone.bottleneck_size), ("features", FEATURES));
    assert!(!ops(&backbone).contains(&"MatMul"), "the classifier goes");
    assert_eq!(features(&backbone, &picture()), scaled());
}

#[test]
fn whole_pixels_are_fed_as_floats() {
    // Cast in the graph: the cast does nothing any more.
    let cast = |m: &mut SmallSavedModel| {
        m.take(DT_UINT8, &[-1, 8, 8, 3]);
        let mut b = GraphBuilder::default();
        let cast = b.op("Cast", "cast").input("images").type_attr("SrcT", DT_UINT8);
        cast.type_attr("DstT", DT_FLOAT).finish();
        m.function(INNER).node_def.extend(b.take_nodes());
        m.node("flat").input[0] = "cast:y:0".into();
    };
    let backbone = Written::new(cast).backbone();
    assert_eq!(range(&backbone), (0.0, 1.0));
    assert!(!ops(&backbone).contains(&"Cast"));
    let half: Vec<f32> = picture().iter().map(|pixel| pixel + 0.5).collect();
    let expected: Vec<f32> = half.iter().zip(scale()).map(|(pixel, s)| pixel * s).collect();
    assert_eq!(features(&backbone, &half), expected);
    // Read as whole numbers before: they are rounded.
    let backbone = Written::new(|m| {
        cast(m);
        let mut b = GraphBuilder::default();
        b.op("Identity", "whole").input("images").type_attr("T", DT_UINT8).finish();
        m.function(INNER).node_def.extend(b.take_nodes());
        m.node("cast").input[0] = "whole:output:0".into();
    })
    .backbone();
    let near: Vec<f32> = picture().iter().map(|pixel| pixel + 0.25).collect();
    assert_eq!(features(&backbone, &near), scaled());
    // Cast to whole numbers first, which would cut floats off.
    let backbone = Written::new(|m| {
        cast(m);
        let mut b = GraphBuilder::default();
        let whole = b.op("Cast", "whole").input("images").type_attr("SrcT", DT_UINT8);
        whole.type_attr("DstT", DT_INT32).finish();
        m.function(INNER).node_def.extend(b.take_nodes());
        m.node("cast").set_attr("SrcT", Value::Type(DT_INT32.into()));
        m.node("cast").input[0] = "whole:y:0".into();
    })
    .backbone();
    let below: Vec<f32> = picture().iter().map(|pixel| pixel - 0.25).collect();
    assert_eq!(features(&backbone, &below), scaled());
}

#[test]
fn half_precision_becomes_floats() {
    // 1.5 in bfloat16, as bits and as content.
    for as_content in [false, true] {
        let backbone = Written::new(|m| {
            let mut factor = TensorProto {
                dtype: DT_BFLOAT16.into(),
                tensor_shape: Some(proto::shape(&[])).into(),
                ..TensorProto::default()
            };
            match as_content {
                true => factor.tensor_content = vec![0xc0, 0x3f],
                false => factor.half_val = vec![0x3fc0],
            }
            let cast = |b: &mut GraphBuilder, name: &str, input: &str, from, to: DataType| {
                let cast = b.op("Cast", name).input(input).type_attr("SrcT", from);
                cast.type_attr("DstT", to).finish();
            };
            let mut b = GraphBuilder::default();
            b.tensor("factor", factor);
            cast(&mut b, "narrow", "features:z:0", DT_FLOAT, DT_BFLOAT16);
            let product = b.op("Mul", "product").inputs(["narrow:y:0", "factor:output:0"]);
            product.type_attr("T", DT_BFLOAT16).finish();
            cast(&mut b, "wide", "product:z:0", DT_BFLOAT16, DT_FLOAT);
            m.then(b.take_nodes(), "wide:y:0");
        })
        .backbone();
        let expected: Vec<f32> = scaled().iter().map(|x| x * 1.5).collect();
        assert_eq!(features(&backbone, &picture()), expected);
    }
}

#[test]
fn any_size_is_224_unless_it_is_given() {
    let written = Written::new(|m| {
        m.take(DT_FLOAT, &[-1, -1, -1, 3]);
        let mut b = GraphBuilder::default();
        let axes = b.ints("axes", &[1, 2]);
        let mean = b.op("Mean", "mean").inputs(["images", &format!("{axes}:output:0")]);
        mean.float_type().type_attr("Tidx", DT_INT32).finish();
        m.then(b.take_nodes(), "mean:output:0");
    });
    let size = |own: OwnGraph| {
        let backbone = written.read(own).unwrap();
        (backbone.pixels.width, backbone.pixels.height)
    };
    assert_eq!(size(OwnGraph::default()), (224, 224));
    let width = OwnGraph { input_width: Some(96), ..OwnGraph::default() };
    assert_eq!(size(width.clone()), (96, 96));
    assert_eq!(size(OwnGraph { input_height: Some(64), ..width }), (96, 64));
}

/// A module as TF-Hub's: no signature, and a `__call__` made twice, first for training.
fn callable(model: &mut SmallSavedModel) {
    model.meta_graph().signature_def.clear();
    model.graph().node.truncate(2);
    let value = |kind| StructuredValue { kind: Some(kind), ..StructuredValue::default() };
    let spec = |dims: &[i64]| {
        value(structured_value::Kind::TensorSpec(TensorSpec {
            shape: Some(proto::shape(dims)).into(),
            dtype: DT_FLOAT.into(),
            ..TensorSpec::default()
        }))
    };
    let tuple = |values: Vec<StructuredValue>| {
        value(structured_value::Kind::TupleValue(Values { values, ..Values::default() }))
    };
    let signature = |training: bool| {
        let flag = value(structured_value::Kind::BoolValue(training));
        let nothing = value(structured_value::Kind::DictValue(Fields::default()));
        Some(tuple(vec![tuple(vec![spec(&[-1, 8, 8, 3]), flag]), nothing])).into()
    };
    let output = FieldEntry {
        key: "pooled".into(),
        value: Some(spec(&[-1, FEATURES as i64])).into(),
        ..FieldEntry::default()
    };
    let output =
        structured_value::Kind::DictValue(Fields { fields: vec![output], ..Fields::default() });
    // The one for training gives something else.
    let mut training = model.function(WRAPPER).clone();
    training.signature.mut_or_insert_default().name = "training".into();
    training.node_def[1].op = "Neg".into();
    training.ret[0].value = "Identity:y:0".into();
    model.add_function(training);
    let objects = model.saved_objects();
    let mut first = objects.concrete_functions[0].clone();
    first.key = "training".into();
    first.value.mut_or_insert_default().canonicalized_input_signature = signature(true);
    let second = objects.concrete_functions[0].value.mut_or_insert_default();
    second.canonicalized_input_signature = signature(false);
    second.output_signature = Some(value(output)).into();
    objects.concrete_functions.push(first);
    let call = proto::SavedFunction {
        concrete_functions: vec!["training".into(), WRAPPER.into()],
        ..Default::default()
    };
    let kind = Some(saved_object::Kind::Function(call));
    objects.nodes.push(SavedObject { kind, ..SavedObject::default() });
    objects.nodes[0].children = vec![saved_object::Reference {
        node_id: 2,
        local_name: "__call__".into(),
        ..Default::default()
    }];
}

#[test]
fn a_module_without_signatures_is_called() {
    let backbone = Written::new(callable).backbone();
    assert_eq!((&*backbone.input, &*backbone.bottleneck), ("images", "pooled"));
    assert_eq!(range(&backbone), (0.0, 255.0), "the convention of TF-Hub");
    assert_eq!(features(&backbone, &picture()), scaled());
    let written = Written::new(|m| {
        callable(m);
        m.saved_objects().nodes[0].children.clear();
    });
    let message = "model/saved_model.pb: has neither a signature nor a __call__; save it with \
                   `signatures`, or with Keras' export";
    assert_eq!(written.refusal(OwnGraph::default()), message);
}

/// Noise on the pictures, and a clip.
fn noisy(model: &mut SmallSavedModel, shape: &[i32]) {
    let mut b = GraphBuilder::default();
    let shape = b.ints("noise/shape", shape);
    let noise = b.op("RandomStandardNormal", "noise").input(format!("{shape}:output:0"));
    let noise = noise.type_attr("T", DT_INT32).type_attr("dtype", DT_FLOAT).finish();
    b.op("AddV2", "noisy").inputs(["images", &format!("{noise}:output:0")]).float_type().finish();
    let most = b.float("most", 1.0);
    let clip = b.op("Minimum", "clip").inputs(["noisy:z:0", &format!("{most}:output:0")]);
    clip.float_type().finish();
    model.function(INNER).node_def.extend(b.take_nodes());
    model.node("flat").input[0] = "clip:z:0".into();
}

#[test]
fn random_augmentation_is_left_out() {
    let backbone = Written::new(|m| noisy(m, &[1, 8, 8, 3])).backbone();
    assert!(!ops(&backbone).contains(&"RandomStandardNormal"));
    assert!(!ops(&backbone).contains(&"Minimum"), "its clip goes with it");
    assert_eq!(features(&backbone, &picture()), scaled());
}

#[test]
fn noise_on_the_features_is_refused_by_name() {
    let refusal = Written::new(|m| {
        let mut b = GraphBuilder::default();
        let shape = b.ints("noise/shape", &[1, FEATURES as i32]);
        let noise = b.op("RandomStandardNormal", "noise").input(format!("{shape}:output:0"));
        noise.type_attr("T", DT_INT32).type_attr("dtype", DT_FLOAT).finish();
        let inputs = ["features:z:0", "noise:output:0"];
        b.op("AddV2", "noisy").inputs(inputs).float_type().finish();
        m.then(b.take_nodes(), "noisy:z:0");
        m.function(INNER).node_def[3].op = "Neg".into();
        m.function(INNER).node_def[3].input.truncate(1);
        m.node("noisy").input[0] = "features:y:0".into();
    })
    .refusal(OwnGraph { bottleneck_tensor: Some("vector".into()), ..OwnGraph::default() });
    assert!(
        refusal.contains("'vector' depends on noise: 'noise' (RandomStandardNormal) is random"),
        "{refusal}"
    );
}

#[test]
fn an_old_saved_model_that_serves_is_frozen_by_its_variables_names() {
    let workspace = Workspace::new();
    let mut module = SmallModule::new(VariableKind::Resource);
    module.meta_graph().meta_info_def.mut_or_insert_default().tags = vec!["serve".into()];
    module.meta_graph().signature_def[0].key = "serving_default".into();
    module.write(&workspace.path("model"));
    fs::remove_file(workspace.path("model/tfhub_module.pb")).unwrap();
    // SmallModule gives its signature no shapes.
    let backbone = Written { workspace }.backbone();
    assert_eq!(features(&backbone, &picture()), scaled());
}
