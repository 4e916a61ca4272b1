//! Broken or malicious modules, run through the program itself, because a fault inside TensorFlow
//! could kill the process. Each must end in one error that names the file, and leave no results.

use super::small_module::{FEATURES, SmallModule, VARIABLE, VariableKind};
use super::support::{OUTPUTS, RETRAIN, Workspace, run_with_env};
use retrain::proto::{
    self, DataType, ImageModuleInfo, ModuleAttachment, NodeDef, TensorProto, Value,
};
use retrain::proto::{CollectionDef, CollectionEntry, collection_def};
use retrain::tf;
use std::fs;
use std::path::Path;

/// Retrains with a module, which must fail with an error that starts with `message`.
#[track_caller]
pub(crate) fn assert_refused(workspace: &Workspace, what: &str, module: &str, message: &str) {
    let handle = format!("--tfhub_module={module}");
    let flags =
        ["--image_dir=photos", &handle, "--how_many_training_steps=2", "--checkpoint_path=c/head"];
    let cache = workspace.path("cache");
    let env = [("TFHUB_CACHE_DIR", cache.to_str().unwrap())];
    let outcome = run_with_env(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat(), &env);
    let message = format!("ERROR:retrain:{message}");
    assert!(
        outcome.code == 1 && outcome.stderr.contains(&message),
        "{what}: '{message}' is not in\n{outcome:?}"
    );
    // One short error, and no panic.
    assert_eq!(outcome.stderr.matches("ERROR").count(), 1, "{what}: {}", outcome.stderr);
    assert!(
        !outcome.stderr.contains("panicked") && outcome.stderr.len() < 2000,
        "{what}: {}",
        outcome.stderr
    );
    for name in ["graph.pb", "labels.txt", "c", "bottlenecks/open cluster/o00000.jpg_module.txt"] {
        assert!(!workspace.path(name).exists(), "{what}: left {name}");
    }
}

fn set_shape(module: &mut SmallModule, dims: &[i64]) {
    module.node("images").set_attr("shape", Value::Shape(proto::shape(dims)));
}

fn set_output(module: &mut SmallModule, tensor: &str) {
    module.signature().outputs[0].value.mut_or_insert_default().name = tensor.into();
}

fn add(module: &mut SmallModule, name: &str, op: &str, inputs: &[&str], attrs: &[(&str, Value)]) {
    let input = inputs.iter().map(|&i| i.into()).collect();
    let mut node = NodeDef { name: name.into(), op: op.into(), input, ..NodeDef::default() };
    attrs.iter().for_each(|(key, value)| node.set_attr(key, value.clone()));
    module.nodes().push(node);
}

fn dtype(dtype: DataType) -> Value {
    Value::Type(dtype.into())
}

/// A constant of any size, with one number for all elements.
fn add_constant(module: &mut SmallModule, name: &str, dims: &[i64]) {
    let tensor = TensorProto { float_val: vec![0.5], ..proto::float_tensor(dims, &[]) };
    add(
        module,
        name,
        "Const",
        &[],
        &[("dtype", dtype(DataType::DT_FLOAT)), ("value", Value::Tensor(tensor))],
    );
}

fn add_string(module: &mut SmallModule, name: &str, text: &str) {
    let string = DataType::DT_STRING;
    let tensor = TensorProto {
        dtype: string.into(),
        string_val: vec![text.into()],
        ..proto::float_tensor(&[], &[])
    };
    add(module, name, "Const", &[], &[("dtype", dtype(string)), ("value", Value::Tensor(tensor))]);
}

/// Sets the image size as modules publish it.
fn set_image_info(module: &mut SmallModule, height: i32, width: i32) {
    let mut info = ImageModuleInfo::default();
    let size = info.default_image_size.mut_or_insert_default();
    (size.height, size.width) = (height, width);
    let value = proto::serialize(&info).unwrap();
    let attachment =
        ModuleAttachment { key: "image_module_info".into(), value, ..ModuleAttachment::default() };
    let value = vec![proto::serialize(&attachment).unwrap()];
    let kind =
        collection_def::Kind::BytesList(collection_def::BytesList { value, ..Default::default() });
    module.meta_graph().collection_def.push(CollectionEntry {
        key: "hub_module_attachments".into(),
        value: Some(CollectionDef { kind: Some(kind), ..CollectionDef::default() }).into(),
        ..CollectionEntry::default()
    });
}

/// What happens to a module before it is written, and how the message starts.
type Case = (&'static str, fn(&mut SmallModule), &'static str);

const GRAPH: &str = "module/saved_model.pb: ";
const VARIABLES: &str = "module/variables/variables: ";

const SIGNATURES: &[Case] = &[
    ("no graph", |m| m.saved_model.meta_graphs.clear(), "holds no graph with the empty tag set"),
    (
        "another tag set",
        |m| m.meta_graph().meta_info_def.mut_or_insert_default().tags = vec!["train".into()],
        "holds no graph with the empty tag set",
    ),
    ("no signature", |m| m.meta_graph().signature_def.clear(), "has no signature \"default\""),
    (
        "another signature",
        |m| m.meta_graph().signature_def[0].key = "serving_default".into(),
        "has no signature \"default\"",
    ),
    ("no input", |m| m.signature().inputs.clear(), "has no 'images' in its signature"),
    (
        "no output",
        |m| m.signature().outputs[0].key = "logits".into(),
        "has no 'default' in its signature",
    ),
    (
        "an input that is no tensor",
        |m| m.signature().inputs[0].value.mut_or_insert_default().name = "none:0".into(),
        "has no tensor 'none:0', which its signature names",
    ),
    (
        "an output that is no tensor",
        |m| set_output(m, "none:0"),
        "has no tensor 'none:0', which its signature names",
    ),
    (
        "an output without a name",
        |m| set_output(m, ""),
        "has no tensor '', which its signature names",
    ),
    (
        "an output that the node has not",
        |m| set_output(m, "features:7"),
        "graph node 'module_apply_default/features': has no output 7",
    ),
    (
        "an empty graph",
        |m| m.nodes().clear(),
        "has no tensor 'images:0', which its signature names",
    ),
    (
        "no size of images",
        |m| m.node("images").attr.retain(|a| a.key != "shape"),
        "does not say what image size it expects",
    ),
    (
        "four channels",
        |m| set_shape(m, &[-1, 8, 8, 4]),
        "expects images with 4 channels; only 3 are supported",
    ),
    (
        "images that are too large",
        |m| set_image_info(m, 1 << 30, 1 << 20),
        "expects images of 1048576 × 1073741824 pixels; sides of 1 to 16,384 pixels are supported",
    ),
    (
        "a size of images past 32 bits",
        |m| set_shape(m, &[-1, (1 << 32) + 8, (1 << 32) + 8, 3]),
        "expects images of 4294967304 × 4294967304 pixels; sides of 1 to 16,384 pixels are \
            supported",
    ),
    (
        "pixels that are whole numbers",
        |m| m.node("images").set_attr("dtype", dtype(DataType::DT_INT32)),
        "TensorFlow, importing a graph: InvalidArgument: Input 0 of node module/flat was passed \
            int32 from module/images:0",
    ),
    (
        "features that are whole numbers",
        |m| {
            let types = [("SrcT", dtype(DataType::DT_FLOAT)), ("DstT", dtype(DataType::DT_INT32))];
            add(m, "cast", "Cast", &["features"], &types);
            set_output(m, "cast:0");
        },
        "gives features of type Int32; only Float is supported",
    ),
    (
        "features that are no vector",
        |m| {
            add(m, "more", "Shape", &["images"], &[("T", dtype(DataType::DT_FLOAT))]);
            add(m, "image", "Reshape", &["features", "more"], &[("T", dtype(DataType::DT_FLOAT))]);
            set_output(m, "image:0");
        },
        "does not give a feature vector of known length; is it a feature_vector module?",
    ),
    (
        "features without an image",
        |m| {
            add_constant(m, "constant", &[1, 64]);
            set_output(m, "constant:0");
        },
        "gives features that do not depend on the image",
    ),
    (
        "too many features",
        |m| {
            add_constant(m, "weights", &[FEATURES as i64, 1 << 21]);
            add(m, "many", "MatMul", &["features", "weights"], &[("T", dtype(DataType::DT_FLOAT))]);
            set_output(m, "many:0");
        },
        "gives 2,097,152 features per image; at most 1,048,576 are supported",
    ),
];

#[test]
fn signatures_that_are_wrong_are_refused() {
    assert_all_refused(SIGNATURES, GRAPH);
}

fn assert_all_refused(cases: &[Case], file: &str) {
    let workspace = Workspace::with_photos(3);
    for (what, change, message) in cases {
        let mut module = SmallModule::new(VariableKind::Resource);
        change(&mut module);
        module.write(&workspace.path("module"));
        assert_refused(&workspace, what, "module", &format!("{file}{message}"));
        fs::remove_dir_all(workspace.path("module")).unwrap();
    }
}

const GRAPHS: &[Case] = &[
    (
        "a node that is missing",
        |m| m.node("features").input[0] = "none".into(),
        "TensorFlow, importing a graph: InvalidArgument: Node 'module/features': Unknown input \
            node 'module/none'",
    ),
    (
        "a node twice",
        |m| {
            let node = m.node("flat").clone();
            m.nodes().push(node);
        },
        "TensorFlow, importing a graph: InvalidArgument: Node 'module/flat' is not unique",
    ),
    (
        "a node without a name",
        |m| m.node("flat").name.clear(),
        "TensorFlow, importing a graph: InvalidArgument: Node 'module/features': Unknown input \
            node 'module/flat'",
    ),
    (
        "a name with a NUL in it",
        |m| {
            m.node("flat").name = "fl\0at".into();
            m.node("features").input[0] = "fl\0at".into();
        },
        "TensorFlow, importing a graph: InvalidArgument: Node 'module/fl",
    ),
    (
        "an op that nobody knows",
        |m| m.node("features").op = "Conjure".into(),
        "TensorFlow, importing a graph: NotFound: Op type not registered 'Conjure'",
    ),
    (
        "a loop",
        |m| m.node("flat").input[0] = "features".into(),
        "TensorFlow, importing a graph: InvalidArgument: 4 nodes in a cycle",
    ),
    (
        "a node that reads itself",
        |m| m.node("features").input[0] = "features".into(),
        "TensorFlow, importing a graph: InvalidArgument: 2 nodes in a cycle",
    ),
    (
        "an output number past counting",
        |m| m.node("features").input[0] = "flat:99999999999999999999".into(),
        "TensorFlow, importing a graph: InvalidArgument: Node 'module/features': Connecting to \
            invalid output",
    ),
    (
        "a type that the op has not",
        |m| m.node("features").set_attr("T", dtype(DataType::DT_STRING)),
        "TensorFlow, importing a graph: InvalidArgument: Value for attr 'T' of string is not in \
            the list",
    ),
    (
        "attributes that are missing",
        |m| m.node(VARIABLE).attr.clear(),
        "TensorFlow, importing a graph: InvalidArgument: NodeDef missing attrs 'shape', 'dtype' \
            from Op<name=VarHandleOp",
    ),
    (
        "a constant past counting",
        |m| add_constant(m, "large", &[1 << 40, 1 << 40]),
        "holds the constant 'large', which has more than the 536,870,912 numbers supported",
    ),
    (
        "a constant of 4 TB",
        |m| {
            add_constant(m, "large", &[1 << 20, 1 << 20]);
            m.node("features").input.push("^large".into());
        },
        "holds the constant 'large', which has more than the 536,870,912 numbers supported",
    ),
    (
        "a file that is read",
        |m| {
            add_string(m, "name", "photos/open cluster/o00000.jpg");
            add(m, "read", "ReadFile", &["name"], &[]);
            m.node("features").input.push("^read".into());
        },
        "runs the op ReadFile ('module_apply_default/read'), which no image network needs and \
            which could do harm",
    ),
    (
        "a file that is written",
        |m| {
            add_string(m, "name", "labels.txt");
            add(m, "write", "WriteFile", &["name", "name"], &[]);
            m.node("flat").input.push("^write".into());
        },
        "runs the op WriteFile ('module_apply_default/write'), which no image network needs and \
            which could do harm",
    ),
];

#[test]
fn graphs_that_are_wrong_are_refused() {
    assert_all_refused(GRAPHS, GRAPH);
}

const VALUES: &[Case] = &[
    (
        "a variable that is not there",
        |m| m.variables[0].0 = "other".into(),
        "is not a readable checkpoint (TensorFlow, reading a checkpoint: NotFound: Key scale not \
            found in checkpoint",
    ),
    (
        "a variable of another shape",
        |m| m.variables[0].1 = proto::float_tensor(&[3], &[1.0; 3]),
        "holds 'scale' with shape [3], but the graph wants [192]; the two come from different \
            modules",
    ),
    (
        "a variable of another rank",
        |m| m.variables[0].1 = proto::float_tensor(&[FEATURES as i64, 1], &[1.0; FEATURES]),
        "holds 'scale' with shape [192, 1], but the graph wants [192]; the two come from \
            different modules",
    ),
    (
        "a variable of another type",
        |m| {
            let dtype = DataType::DT_INT32.into();
            m.variables[0].1 = TensorProto {
                dtype,
                int_val: vec![1],
                ..proto::float_tensor(&[FEATURES as i64], &[])
            };
        },
        "is not a readable checkpoint (TensorFlow, reading a checkpoint: InvalidArgument: \
        tensor_name = scale; expected \
         dtype float does not equal original dtype int32",
    ),
];

#[test]
fn variables_that_do_not_fit_the_graph_are_refused() {
    assert_all_refused(VALUES, VARIABLES);
}

/// What happens to a module's directory, and how the message starts.
type FileCase = (&'static str, fn(&Path), &'static str);

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

const DATA: &str = "variables/variables.data-00000-of-00001";
const INDEX: &str = "variables/variables.index";

const FILES: &[FileCase] = &[
    (
        "no graph",
        |d| fs::remove_file(d.join("saved_model.pb")).unwrap(),
        "reading module/saved_model.pb: No such file or directory",
    ),
    (
        "a directory for a graph",
        |d| {
            fs::remove_file(d.join("saved_model.pb")).unwrap();
            fs::create_dir(d.join("saved_model.pb")).unwrap();
        },
        "reading module/saved_model.pb: Is a directory",
    ),
    (
        "half a graph",
        |d| cut(&d.join("saved_model.pb")),
        "module/saved_model.pb: is not a valid SavedModel (Unexpected EOF)",
    ),
    (
        "an empty graph",
        |d| fs::write(d.join("saved_model.pb"), "").unwrap(),
        "module/saved_model.pb: holds no graph with the empty tag set",
    ),
    (
        // Nested groups of field 15 that never end: a recursive parser would overflow the stack.
        "a graph of groups",
        |d| fs::write(d.join("saved_model.pb"), vec![0x7b; 1 << 22]).unwrap(),
        "module/saved_model.pb: is not a valid SavedModel (Over recursion limit)",
    ),
    (
        // A meta_graphs field that claims 2 GiB: a trusting parser would allocate it. Ours
        // allocates only what is there.
        "a message that is not there",
        |d| fs::write(d.join("saved_model.pb"), b"\x12\xff\xff\xff\xff\x07").unwrap(),
        "module/saved_model.pb: has no signature \"default\"",
    ),
    (
        "no module file",
        |d| fs::remove_file(d.join("tfhub_module.pb")).unwrap(),
        "module: holds no tfhub_module.pb: it is not a TF-Hub module of the first format",
    ),
    (
        "a module file of noise",
        |d| fs::write(d.join("tfhub_module.pb"), "noise").unwrap(),
        "module/tfhub_module.pb: is not a valid ModuleDef (",
    ),
    (
        "no variables",
        |d| fs::remove_dir_all(d.join("variables")).unwrap(),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
            checkpoint: NotFound: ",
    ),
    (
        "no index",
        |d| fs::remove_file(d.join(INDEX)).unwrap(),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
            checkpoint: NotFound: ",
    ),
    (
        "half an index",
        |d| cut(&d.join(INDEX)),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
        checkpoint: DataLoss: not an \
         sstable (bad magic number)",
    ),
    (
        "an empty index",
        |d| fs::write(d.join(INDEX), "").unwrap(),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
        checkpoint: DataLoss: file is \
         too short to be an sstable",
    ),
    (
        "no data",
        |d| fs::remove_file(d.join(DATA)).unwrap(),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
        checkpoint: NotFound: \
         module/variables/variables.data-00000-of-00001; No such file or directory",
    ),
    (
        "half the data",
        |d| cut(&d.join(DATA)),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
        checkpoint: OutOfRange: Read \
         less bytes than requested",
    ),
    (
        "other data",
        |d| fs::write(d.join(DATA), [1; 4 * FEATURES]).unwrap(),
        "module/variables/variables: is not a readable checkpoint (TensorFlow, reading a \
        checkpoint: DataLoss: \
         TensorBundle at module/variables/variables shard 0 (768 bytes): Checksum does not match",
    ),
];

#[test]
fn files_that_are_missing_or_broken_are_named() {
    let workspace = Workspace::with_photos(3);
    for (what, change, message) in FILES {
        SmallModule::new(VariableKind::Resource).write(&workspace.path("module"));
        change(&workspace.path("module"));
        assert_refused(&workspace, what, "module", message);
        fs::remove_dir_all(workspace.path("module")).unwrap();
    }
}

#[test]
fn no_flipped_byte_of_a_checkpoint_gives_other_values() {
    let workspace = Workspace::new();
    let module = SmallModule::new(VariableKind::Resource);
    module.write(&workspace.path("module"));
    let read = || {
        let wanted = [(VARIABLE.to_owned(), DataType::DT_FLOAT)];
        tf::read_checkpoint(&workspace.path("module/variables/variables"), &wanted)
    };
    assert!(read().unwrap() == module.variables);
    let (mut tried, mut noticed) = (0, 0);
    for name in [INDEX, DATA] {
        let path = workspace.path("module").join(name);
        let whole = fs::read(&path).unwrap();
        // Every byte of the small index, and a sample of the data.
        for i in (0..whole.len()).step_by(if name == INDEX { 1 } else { 97 }) {
            tried += 1;
            let mut broken = whole.clone();
            broken[i] ^= 0xff;
            fs::write(&path, broken).unwrap();
            match read() {
                Ok(values) => {
                    assert!(values == module.variables, "byte {i} of {name} makes other values")
                }
                Err(error) => {
                    assert!(
                        error.to_string().contains("module/variables/variables: is not a readable"),
                        "{error}"
                    );
                    noticed += 1;
                }
            }
        }
        fs::write(&path, whole).unwrap();
    }
    // Changes may go unnoticed in padding, and in fields that a reader of one variable does not
    // need.
    assert!(2 * noticed > tried, "{noticed} of {tried}");
}
