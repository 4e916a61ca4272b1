//! Malicious input, run through the programs themselves: each run must end in one error that names
//! the file, without a signal, in bounded memory and time. The corpora of `tests/fuzz` run here,
//! too.

use super::loading::load_tensorflow;
use super::small_net::{classifying, write};
use super::support::{LABEL_IMAGE, OUTPUTS, RETRAIN, Workspace, command};
use ::retrain::images::{PixelRange, PixelSpec};
use ::retrain::proto::{self, DataType, GraphDef, NodeDef, TensorProto, Value};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The address space a program may use, in kilobytes, including TensorFlow's libraries and thread
/// stacks.
const MEMORY: u64 = 6_000_000;

/// Runs a program, which must not die from a signal.
#[track_caller]
fn outcome(what: &str, mut program: Command) -> (i32, String) {
    let start = Instant::now();
    let output = program.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let Some(code) = output.status.code() else { panic!("{what}: {:?}\n{stderr}", output.status) };
    assert!(start.elapsed() < Duration::from_secs(100), "{what} takes {:?}", start.elapsed());
    assert!(!stderr.contains("panicked") && stderr.len() < 5000, "{what}:\n{stderr}");
    (code, stderr)
}

/// Runs a program on `net.pb`, which must end in one error that names it and says `message`.
#[track_caller]
fn assert_refused(what: &str, program: Command, message: &str) {
    let (code, stderr) = outcome(what, program);
    assert!(matches!(code, 1 | 2 | 255), "{what}: {code}\n{stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|l| l.starts_with("ERROR:retrain:")).collect();
    assert!(errors.len() == 1 && errors[0].contains("net.pb"), "{what}:\n{stderr}");
    assert!(stderr.contains(message), "{what}: '{message}' is not in\n{stderr}");
}

/// The program under a shell that limits its memory.
fn limited(workspace: &Workspace, program: &str, args: &[&str]) -> Command {
    let script = format!("ulimit -c 0; ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
    command("/bin/sh", workspace.root(), &[&["-c", &script, program], args].concat())
}

fn retrain(workspace: &Workspace) -> Command {
    let flags = ["--image_dir=photos", "--architecture=net.pb", "--how_many_training_steps=2"];
    limited(workspace, RETRAIN, &[&flags, &OUTPUTS[..]].concat())
}

fn label_image(workspace: &Workspace, many: bool) -> Command {
    let flags =
        ["--graph=net.pb", "--labels=labels.txt", "--input_layer=images", "--output_layer=classes"];
    let photo = "photos/open cluster/o00000.jpg";
    let image = format!("--image={photo}");
    limited(workspace, LABEL_IMAGE, &[&flags[..], &[if many { photo } else { &image }]].concat())
}

fn node<'g>(graph: &'g mut GraphDef, name: &str) -> &'g mut NodeDef {
    graph.node.iter_mut().find(|n| n.name == name).unwrap()
}

fn add(graph: &mut GraphDef, name: &str, op: &str, inputs: &[&str], attrs: &[(&str, Value)]) {
    let input = inputs.iter().map(|&i| i.into()).collect();
    let mut node = NodeDef { name: name.into(), op: op.into(), input, ..NodeDef::default() };
    attrs.iter().for_each(|(key, value)| node.set_attr(key, value.clone()));
    graph.node.push(node);
}

fn float() -> Value {
    Value::Type(DataType::DT_FLOAT.into())
}

fn int32() -> Value {
    Value::Type(DataType::DT_INT32.into())
}

fn ints(values: &[i64]) -> Value {
    Value::List(proto::attr_value::ListValue { i: values.to_vec(), ..Default::default() })
}

/// A tensor whose elements are all the same number.
fn repeated(dims: &[i64]) -> TensorProto {
    TensorProto { float_val: vec![0.5], ..proto::float_tensor(dims, &[]) }
}

fn add_ints(graph: &mut GraphDef, name: &str, values: &[i32]) {
    let tensor = TensorProto {
        dtype: DataType::DT_INT32.into(),
        tensor_shape: Some(proto::shape(&[values.len() as i64])).into(),
        int_val: values.to_vec(),
        ..TensorProto::default()
    };
    add(graph, name, "Const", &[], &[("dtype", int32()), ("value", Value::Tensor(tensor))]);
}

/// Inserts a node between `relu` and its readers.
fn insert(graph: &mut GraphDef, op: &str, more: &[&str], attrs: &[(&str, Value)]) {
    for node in &mut graph.node {
        node.input.iter_mut().filter(|i| *i == "relu").for_each(|i| *i = "inserted".into());
    }
    add(graph, "inserted", op, &[&["relu"], more].concat(), &[&[("T", float())], attrs].concat());
}

fn set_weights(graph: &mut GraphDef, value: TensorProto) {
    node(graph, "conv/weights").set_attr("value", Value::Tensor(value));
}

fn set_shape(graph: &mut GraphDef, dims: &[i64]) {
    node(graph, "images").set_attr("shape", Value::Shape(proto::shape(dims)));
}

fn pool(graph: &mut GraphDef, op: &str, side: i64) {
    let (ksize, strides) = (ints(&[1, side, side, 1]), ints(&[1, 1, 1, 1]));
    insert(
        graph,
        op,
        &[],
        &[("ksize", ksize), ("strides", strides), ("padding", Value::S(b"SAME".to_vec()))],
    );
}

fn pad_convolution(graph: &mut GraphDef, by: i64) {
    let conv = node(graph, "conv");
    conv.set_attr("padding", Value::S(b"EXPLICIT".to_vec()));
    conv.set_attr("explicit_paddings", ints(&[0, 0, by, by, by, by, 0, 0]));
}

/// A chain of `op`s, each reading the previous one `times` times; returns the last.
fn chain(graph: &mut GraphDef, op: &str, from: &str, length: usize, times: usize) -> String {
    let mut last = from.to_owned();
    for i in 0..length {
        add(graph, &format!("chain{i}"), op, &vec![last.as_str(); times], &[("T", float())]);
        last = format!("chain{i}");
    }
    last
}

/// What happens to a good graph, and what the message says.
type Case = (&'static str, fn(&mut GraphDef), &'static str);

const NODES: &[Case] = &[
    (
        "a node that is missing",
        |g| node(g, "relu").input[0] = "none".into(),
        "Unknown input node 'none'",
    ),
    ("a loop", |g| node(g, "conv").input[0] = "relu".into(), "nodes in a cycle"),
    ("a node that reads itself", |g| node(g, "relu").input[0] = "relu".into(), "nodes in a cycle"),
    (
        "a node twice",
        |g| {
            let relu = node(g, "relu").clone();
            g.node.push(relu);
        },
        "Node 'relu' is not unique",
    ),
    (
        "a node without a name",
        |g| add(g, "", "NoOp", &[], &[]),
        "Node name contains invalid characters",
    ),
    (
        "an op that nobody knows",
        |g| node(g, "relu").op = "Conjure".into(),
        "Op type not registered 'Conjure'",
    ),
    (
        "an output number past counting",
        |g| node(g, "features").input[0] = "relu:99999999999".into(),
        "invalid output",
    ),
    (
        "pixels that are whole numbers",
        |g| node(g, "images").set_attr("dtype", int32()),
        "incompatible with expected",
    ),
    (
        "a file that is written",
        |g| {
            let name =
                TensorProto { string_val: vec![b"evil".to_vec()], ..proto::float_tensor(&[], &[]) };
            let name = TensorProto { dtype: DataType::DT_STRING.into(), ..name };
            let string = Value::Type(DataType::DT_STRING.into());
            add(g, "name", "Const", &[], &[("dtype", string), ("value", Value::Tensor(name))]);
            add(g, "write", "WriteFile", &["name", "name"], &[]);
            node(g, "features").input.push("^write".into());
        },
        "runs the op WriteFile ('write'), which no image network needs and which could do harm",
    ),
];

const CONSTANTS: &[Case] = &[
    (
        "few bytes for much",
        |g| set_weights(g, TensorProto { tensor_content: vec![0; 4], ..repeated(&[1 << 40]) }),
        "holds the constant 'conv/weights', which has more than the 536,870,912 numbers supported",
    ),
    (
        "one number for 4 TiB",
        |g| set_weights(g, repeated(&[1 << 20, 1 << 20])),
        "has more than the 536,870,912 numbers",
    ),
    (
        "a size past counting",
        |g| set_weights(g, repeated(&[1 << 40, 1 << 40, 3, 8])),
        "has more than the 536,870,912 numbers",
    ),
    (
        "many that are large together",
        |g| {
            for i in 0..5 {
                let value = Value::Tensor(repeated(&[1 << 27]));
                add(g, &format!("large{i}"), "Const", &[], &[("dtype", float()), ("value", value)]);
            }
        },
        "holds the constant 'large4', which together with others has more than the 536,870,912 \
            numbers",
    ),
    (
        "a size below 0",
        |g| set_weights(g, repeated(&[3, 3, -3, 8])),
        "Shape [3,3,-3,8] is not fully defined",
    ),
    (
        "the lowest size",
        |g| set_weights(g, repeated(&[i64::MIN, 3, 3, 8])),
        "has more than the 536,870,912 numbers",
    ),
    (
        "a size to be known later",
        |g| set_weights(g, repeated(&[3, 3, 3, -1])),
        "is not fully defined",
    ),
    (
        "a rank past counting",
        |g| set_weights(g, repeated(&[1; 300])),
        "importing a graph: InvalidArgument: Shape [",
    ),
];

const SHAPES: &[Case] = &[
    (
        "images that are too large",
        |g| set_shape(g, &[-1, 1 << 30, 1 << 30, 3]),
        "1073741824 × 1073741824 pixels",
    ),
    (
        "a size past counting",
        |g| set_shape(g, &[-1, 1 << 40, 1 << 40, 3]),
        "pixels; sides of 1 to 16,384 pixels are supported",
    ),
    ("a size below 0", |g| set_shape(g, &[-1, -5, 32, 3]), "has dimensions with values below -1"),
    (
        "strides of 0",
        |g| node(g, "conv").set_attr("strides", ints(&[1, 0, 0, 1])),
        "Stride must be > 0, but got 0",
    ),
    (
        "huge strides",
        |g| node(g, "conv").set_attr("strides", ints(&[1, 1 << 40, 1 << 40, 1])),
        "holds the node 'conv' with strides of 1099511627776; at most 16,384 is supported",
    ),
    (
        "dilations of 0",
        |g| node(g, "conv").set_attr("dilations", ints(&[1, 0, 0, 1])),
        "Dilation rate must be >= 1",
    ),
    ("a huge margin", |g| pad_convolution(g, 1 << 20), "more than the 536,870,912 numbers"),
    (
        "a margin past counting",
        |g| pad_convolution(g, 1 << 40),
        "more than the 536,870,912 numbers",
    ),
    // TensorFlow would accept this one and spend minutes on the window.
    (
        "a huge window",
        |g| pool(g, "AvgPool", i32::MAX.into()),
        "with ksize of 2147483647; at most 16,384 is supported",
    ),
    (
        "a tensor that is too large",
        |g| tiled(g, 30_000),
        "holds the constant 'multiples' of [1, 30000, 30000, 1], which makes a tensor of more \
            than the 536,870,912 ",
    ),
    (
        "an image enlarged past memory",
        |g| {
            add_ints(g, "size", &[1 << 20, 1 << 20]);
            insert(g, "ResizeBilinear", &["size"], &[]);
        },
        "computes 'inserted' with shape [-1, 1048576, 1048576, 8], which has more than the \
            536,870,912",
    ),
    (
        // TensorFlow would fill it while importing the graph.
        "a shape that takes memory to compute",
        |g| {
            add_ints(g, "dims", &[1 << 30, 4]);
            add_ints(g, "axes", &[0, 1]);
            node(g, "dense/biases").name = "b".into();
            add(
                g,
                "zero",
                "Const",
                &[],
                &[("dtype", float()), ("value", Value::Tensor(proto::float_tensor(&[], &[0.0])))],
            );
            add(g, "fill", "Fill", &["dims", "zero"], &[("T", float()), ("index_type", int32())]);
            add(g, "dense/biases", "Sum", &["fill", "axes"], &[("T", float()), ("Tidx", int32())]);
        },
        "holds the constant 'dims' of [1073741824, 4], which makes a tensor of more than the \
            536,870,912",
    ),
];

fn tiled(graph: &mut GraphDef, times: i32) {
    add_ints(graph, "multiples", &[1, times, times, 1]);
    insert(graph, "Tile", &["multiples"], &[("Tmultiples", int32())]);
}

/// Faults that TensorFlow finds only when it runs the graph.
const RUNS: &[Case] = &[
    ("a window of 0", |g| pool(g, "MaxPool", 0), "Sliding window ksize for dimension 1 was zero"),
    ("a tensor of a size below 0", |g| tiled(g, -1), "Expected multiples[1] >= 0, but got -1"),
    (
        "a type that nobody knows",
        |g| {
            set_weights(
                g,
                TensorProto {
                    dtype: protobuf::EnumOrUnknown::from_i32(999),
                    ..repeated(&[3, 3, 3, 8])
                },
            )
        },
        "Cannot parse tensor from proto",
    ),
];

fn assert_all_refused(cases: &[Case], many: bool) {
    let workspace = Workspace::with_photos(6);
    workspace.write("labels.txt", "a\nb\nc\nd\ne\n");
    for (what, change, message) in cases {
        let mut graph = classifying(&[-1, 32, 32, 3]).graph();
        change(&mut graph);
        write(&workspace, "net.pb", &graph);
        assert_refused(&format!("retrain: {what}"), retrain(&workspace), message);
        assert_refused(&format!("label_image: {what}"), label_image(&workspace, false), message);
        if many {
            assert_refused(
                &format!("label_image, many: {what}"),
                label_image(&workspace, true),
                message,
            );
        }
        assert!(!workspace.path("evil").exists() && !workspace.path("graph.pb").exists(), "{what}");
    }
}

#[test]
fn graphs_of_broken_nodes_are_refused() {
    assert_all_refused(NODES, false);
}

#[test]
fn graphs_of_large_constants_are_refused() {
    assert_all_refused(CONSTANTS, false);
}

#[test]
fn graphs_of_wrong_sizes_are_refused() {
    assert_all_refused(SHAPES, true);
}

#[test]
fn graphs_that_cannot_run_are_refused() {
    assert_all_refused(RUNS, true);
}

/// Long but valid: no recursion per node.
#[test]
fn a_chain_of_100_000_nodes_runs() {
    let workspace = Workspace::with_photos(6);
    let mut graph = classifying(&[-1, 32, 32, 3]).graph();
    let last = chain(&mut graph, "Identity", "relu", 100_000, 1);
    node(&mut graph, "features").input[0] = last;
    graph.node.reverse();
    write(&workspace, "net.pb", &graph);
    let (code, stderr) = outcome("retrain", retrain(&workspace));
    assert_eq!(code, 0, "{stderr}");
    workspace.write("labels.txt", "a\nb\nc\nd\ne\n");
    let (code, stderr) = outcome("label_image", label_image(&workspace, false));
    assert_eq!(code, 0, "{stderr}");
}

/// A protobuf field: number, length, content.
pub(super) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 1 << 14);
    let (low, high) = (content.len() as u8 & 0x7f | 0x80, (content.len() >> 7) as u8);
    [&[number << 3 | 2, low, high], content].concat()
}

/// A function of floats that calls itself, as a library to append to a GraphDef.
fn endless_function() -> Vec<u8> {
    let argument = |name: &str| [field(1, name.as_bytes()), vec![3 << 3, 1]].concat();
    let signature =
        [field(1, b"Endless"), field(2, &argument("x")), field(3, &argument("y"))].concat();
    let call = [field(1, b"again"), field(2, b"Endless"), field(3, b"x")].concat();
    let result = [field(1, b"y"), field(2, b"again:y:0")].concat();
    let function = [field(1, &signature), field(3, &call), field(4, &result)].concat();
    field(2, &field(1, &function))
}

#[test]
fn a_function_that_calls_itself_is_refused() {
    let workspace = Workspace::with_photos(6);
    workspace.write("labels.txt", "a\nb\nc\nd\ne\n");
    let mut graph = classifying(&[-1, 32, 32, 3]).graph();
    node(&mut graph, "relu").op = "Endless".into();
    node(&mut graph, "relu").attr.clear();
    workspace.write("net.pb", [proto::serialize(&graph).unwrap(), endless_function()].concat());
    let message =
        "holds the function 'Endless', which calls itself or nests calls more than 32 deep";
    assert_refused("retrain", retrain(&workspace), message);
    assert_refused("label_image", label_image(&workspace, false), message);
    assert_refused("label_image, many", label_image(&workspace, true), message);
}

/// A convolution whose output is multiplied by one tensor and added to another.
fn normalised(graph: &mut GraphDef, weights: &str, number: usize, constant: &str) {
    let name = |what: &str| format!("{what}{number}");
    let (strides, padding) = (ints(&[1, 1, 1, 1]), Value::S(b"SAME".to_vec()));
    let attrs = [("T", float()), ("strides", strides), ("padding", padding)];
    add(graph, &name("conv"), "Conv2D", &["images", weights], &attrs);
    add(graph, &name("mul"), "Mul", &[&name("conv"), constant], &[("T", float())]);
    add(graph, &name("sum"), "AddV2", &[&name("mul"), constant], &[("T", float())]);
}

fn add_constant(graph: &mut GraphDef, name: &str, dims: &[i64]) {
    let value = proto::float_tensor(dims, &vec![1.0; dims.iter().product::<i64>() as usize]);
    add(graph, name, "Const", &[], &[("dtype", float()), ("value", Value::Tensor(value))]);
}

/// Rewriting takes time and memory proportional to the graph.
#[test]
fn rewriting_takes_no_more_than_the_graph_is_large() {
    let mut graph = GraphDef::default();
    add(&mut graph, "images", "Placeholder", &[], &[("dtype", float())]);
    add_constant(&mut graph, "weights", &[1, 1, 3, 8]);
    add_constant(&mut graph, "ones", &[8]);
    let rewritten = |graph: &GraphDef, output: &str| {
        let start = Instant::now();
        let pixels = PixelSpec::new(8, 8, PixelRange::Unit);
        let rewritten = ::retrain::rewrite::optimize(graph, "images", output, &pixels);
        assert!(start.elapsed() < Duration::from_secs(20), "{output} takes {:?}", start.elapsed());
        rewritten
    };

    // The work doubles at each step.
    let mut doubled = graph.clone();
    let last = chain(&mut doubled, "Add", "ones", 40, 2);
    normalised(&mut doubled, "weights", 0, &last);
    assert_eq!(rewritten(&doubled, "sum0").find("sum0").unwrap().op, "AddV2");

    // Asking each node again for each of its predecessors would be quadratic.
    for (op, from) in [("Identity", "images"), ("Neg", "ones")] {
        let mut long = graph.clone();
        let last = chain(&mut long, op, from, 100_000, 1);
        add(&mut long, "end", "AddV2", &[&last, "images"], &[("T", float())]);
        long.node.reverse();
        rewritten(&long, "end");
    }
    let mut crowd = graph.clone();
    add(&mut crowd, "end", "Relu", &["images"], &[("T", float())]);
    for i in 0..30_000 {
        add_ints(&mut crowd, &format!("shape{i}"), &[1, 8]);
        node_last(&mut crowd, "end", i);
    }
    rewritten(&crowd, "end");

    // Many convolutions share one kernel, which is not copied for each.
    let mut shared = graph;
    add_constant(&mut shared, "large", &[1, 1, 1 << 20, 8]);
    (0..16).for_each(|i| normalised(&mut shared, "large", i, "ones"));
    let folded = proto::serialize(&::retrain::rewrite::fold_batch_norms(&shared, "sum0")).unwrap();
    assert!(
        folded.len() < 3 * proto::serialize(&shared).unwrap().len() + (64 << 20),
        "{}",
        folded.len()
    );
}

/// Makes the node of that name wait for the shape of that number.
fn node_last(graph: &mut GraphDef, name: &str, number: usize) {
    let place = graph.node.iter().position(|n| n.name == name).unwrap();
    graph.node[place].input.push(format!("^shape{number}"));
}

/// A state whose layer claims more numbers than it holds: no memory is allocated for them.
#[test]
fn a_state_that_claims_impossible_sizes_is_refused() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--how_many_training_steps=2"]).expect_code(0);
    let path = workspace.path("summaries/retrain.state");
    let state: GraphDef = proto::parse(&path, &std::fs::read(&path).unwrap()).unwrap();
    for dims in [&[1 << 40][..], &[1 << 40, 1 << 40], &[-1], &[]] {
        let mut state = state.clone();
        let layer = state.node.iter_mut().find(|n| n.name.ends_with("final_weights")).unwrap();
        let mut value = layer.tensor_attr("value").unwrap().clone();
        value.tensor_shape = Some(proto::shape(dims)).into();
        layer.set_attr("value", Value::Tensor(value));
        std::fs::write(&path, proto::serialize(&state).unwrap()).unwrap();
        let outcome =
            workspace.retrain(&["--how_many_training_steps=4", "--resume"]).expect_code(1);
        outcome.says(
            "ERROR:retrain:summaries/retrain.state: is not the state of a run; without --resume",
        );
    }
}

/// Runs the fuzz targets' seeds and findings through the same functions.
#[test]
fn the_corpora_of_the_fuzz_targets_hold() {
    load_tensorflow();
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (target, property) in ::retrain::fuzzing::TARGETS {
        let files = std::fs::read_dir(corpora.join(target)).unwrap().map(|f| f.unwrap().path());
        let files: Vec<_> = files.collect();
        assert!(!files.is_empty(), "{target}");
        for file in files {
            println!("{}", file.display());
            property(&std::fs::read(file).unwrap());
        }
    }
}
