//! Graphs of your own: the guesses for graphs from several tools, and each mistake's message.

use super::inception_replica::build_inception_v3_2015;
use super::loading::load_tensorflow;
use super::small_net::{Net, classifying, miniature, published_mobilenet, write};
use super::support::Workspace;
use protobuf::Message;
use retrain::images::PixelRange;
use retrain::model::{Backbone, OwnGraph, create_own_graph};
use retrain::proto::DataType::{DT_FLOAT, DT_INT32, DT_STRING};
use retrain::proto::{AttrEntry, AttrValue, GraphDef, NodeDef};
use std::fs;
use std::path::Path;

/// What is made of a graph by that description.
pub(super) fn described(graph: &GraphDef, own: OwnGraph) -> retrain::error::Result<Backbone> {
    load_tensorflow();
    let workspace = Workspace::new();
    create_own_graph(&OwnGraph { path: write(&workspace, "net.pb", graph), ..own }, Path::new(""))
}

/// Expects these guesses of the input, the bottleneck and its size.
#[track_caller]
pub(super) fn assert_guesses(net: Net, input: &str, bottleneck: &str, size: usize) {
    let backbone = described(&net.graph(), OwnGraph::default()).unwrap();
    assert_eq!(
        (&*backbone.input, &*backbone.bottleneck, backbone.bottleneck_size),
        (input, bottleneck, size)
    );
}

/// Width, height, mean and standard deviation.
fn pixels(backbone: &Backbone) -> (i32, i32, f32, f32) {
    let PixelRange::Multiply { mean, std } = backbone.pixels.range else {
        panic!("{:?}", backbone.pixels)
    };
    (backbone.pixels.width, backbone.pixels.height, mean, std)
}

/// The error's message, with the graph's path as `net.pb`.
#[track_caller]
pub(super) fn assert_refused(graph: &GraphDef, own: OwnGraph, message: &str) {
    let error = in_flags(&described(graph, own).expect_err(message).to_string());
    let words: Vec<String> = error
        .split(' ')
        .map(|w| if w.contains("net.pb") { at_file(w) } else { w.into() })
        .collect();
    assert_eq!(words.join(" "), message);
}

/// The message with settings shown as flags, as the program prints it.
fn in_flags(message: &str) -> String {
    regex::Regex::new("`([a-z_]+(=[^`]*)?)`").unwrap().replace_all(message, "--$1").into_owned()
}

/// Strips the directory from a path that ends in net.pb.
fn at_file(word: &str) -> String {
    let (directory, rest) = word.split_at(word.find("net.pb").unwrap());
    assert!(directory.is_empty() || directory.ends_with('/'), "{word}");
    rest.into()
}

pub(super) fn some(text: &str) -> Option<String> {
    Some(text.into())
}

#[test]
fn the_bottleneck_is_what_the_last_classifier_reads() {
    const SHAPE: [i64; 4] = [-1, 32, 48, 3];
    assert_guesses(classifying(&SHAPE), "images", "features", 8);
    assert_guesses(classifying(&[1, 32, 48, 3]), "images", "features", 8);
    // Without a softmax, and with the nodes that frameworks add around it.
    assert_guesses(Net::features(&SHAPE, false).dense(5), "images", "features", 8);
    assert_guesses(
        Net::features(&SHAPE, false).dense(5).then("Sigmoid", "p").then("Identity", "out"),
        "images",
        "features",
        8,
    );
    assert_guesses(
        Net::features(&SHAPE, true).squeezed("flat").dense(5).softmax(),
        "images",
        "flat",
        8,
    );
    assert_guesses(
        Net::features(&SHAPE, false).then("Identity", "dropout").dense(5).softmax(),
        "images",
        "dropout",
        8,
    );
    assert_guesses(classifying(&SHAPE).reshaped("predictions", &[-1, 5]), "images", "features", 8);
    // Computed shapes, as in Keras.
    let mut net = classifying(&SHAPE);
    let shape = net.b.op("Shape", "shape").input("logits").float_type().finish();
    net.x = net.b.op("Reshape", "as_before").inputs(["logits", &shape]).float_type().finish();
    assert_guesses(net.then("Softmax", "last"), "images", "features", 8);
    // A dense layer that is not the last is not a classifier.
    let mut net = classifying(&SHAPE);
    net.channels = 5;
    net.x = "logits".into();
    let hidden = net.then("Relu", "hidden");
    let mut net = hidden.reshaped("hidden_again", &[-1, 5]);
    let weights = net.weights("second/weights", &[5, 4]);
    net.x = net.b.op("MatMul", "second").inputs([&net.x, &weights]).float_type().finish();
    assert_guesses(net.then("Softmax", "last"), "images", "hidden_again", 5);
}

#[test]
fn before_a_convolution_that_classifies_there_may_be_no_vector() {
    const SHAPE: [i64; 4] = [-1, 32, 32, 3];
    let classifier =
        |net: Net| net.convolution("classifier", 1, 5).reshaped("logits", &[-1, 5]).softmax();
    assert_guesses(classifier(Net::features(&SHAPE, true)), "images", "logits", 5);
    let reshaped = Net::features(&SHAPE, false)
        .reshaped("as_image", &[-1, 1, 1, 8])
        .then("Identity", "dropout");
    assert_guesses(classifier(reshaped), "images", "features", 8);
    // A sum of two layers is not a classifier's output.
    let mut net = classifying(&SHAPE);
    net.x = net.b.op("Add", "sum").inputs(["logits", "dense"]).float_type().finish();
    assert_guesses(net.then("Softmax", "last"), "images", "sum", 5);
    // A convolution of more than one pixel is an ordinary layer.
    let net = Net::features(&SHAPE, true)
        .convolution("layer", 3, 5)
        .reshaped("logits", &[-1, 5])
        .softmax();
    assert_guesses(net, "images", "logits", 5);
}

#[test]
fn without_a_classifier_the_bottleneck_is_the_output() {
    assert_guesses(Net::features(&[-1, 32, 32, 3], false), "images", "features", 8);
    assert_guesses(
        Net::features(&[-1, 32, 32, 3], false).with("Mul", "scaled", &[2.0]),
        "images",
        "scaled",
        8,
    );
}

#[test]
fn inception_and_miniature_are_guessed_as_the_table_has_them() {
    let backbone = described(&build_inception_v3_2015(1), OwnGraph::default()).unwrap();
    assert_eq!(
        (&*backbone.input, &*backbone.bottleneck, backbone.bottleneck_size),
        ("Mul", "pool_3/_reshape", 2048)
    );
    // The values by which its nodes Sub and Mul normalise the decoded image.
    assert_eq!(pixels(&backbone), (299, 299, 128.0, 128.0));
    assert!(
        backbone.graph_def.find("softmax").is_none(),
        "what the bottleneck does not need is left out"
    );

    let miniature = miniature();
    let mobilenet = |path: &Path, size: i32| {
        let backbone =
            create_own_graph(&OwnGraph { path: path.into(), ..OwnGraph::default() }, Path::new(""))
                .unwrap();
        assert_eq!(
            (&*backbone.input, &*backbone.bottleneck),
            ("input", "MobilenetV1/Predictions/Reshape")
        );
        assert_eq!(
            (backbone.bottleneck_size, pixels(&backbone)),
            (1001, (size, size, 127.5, 127.5))
        );
    };
    mobilenet(&miniature, 128);
    if let Some((_unpacked, path)) = published_mobilenet() {
        mobilenet(&path, 224);
    }
}

#[test]
fn a_graph_that_normalises_is_fed_with_what_it_normalises() {
    const SHAPE: [i64; 4] = [-1, 8, 8, 3];
    for (steps, mean, std) in [
        (vec![("Mul", vec![1.0 / 127.5]), ("Sub", vec![1.0])], 0.0, 1.0),
        (vec![("Sub", vec![103.9, 116.8, 123.7])], 0.0, 1.0),
        (vec![("RealDiv", vec![255.0])], 0.0, 1.0),
        (vec![("Mul", vec![2.0]), ("Sub", vec![1.0])], 0.0, 255.0),
        (
            vec![("Sub", vec![0.485, 0.456, 0.406]), ("RealDiv", vec![0.229, 0.224, 0.225])],
            0.0,
            255.0,
        ),
        // torchvision's, from pixels of −1 to 1: our MobileNet v2.
        (
            vec![("Mul", vec![2.183, 2.232, 2.222]), ("Add", vec![0.066, 0.196, 0.418])],
            127.5,
            127.5,
        ),
        // Back from −1 to 1.
        (vec![("Mul", vec![127.5]), ("Add", vec![127.5])], 127.5, 127.5),
        (vec![], 127.5, 127.5),
    ] {
        let net =
            steps.iter().fold(Net::of(&SHAPE), |net, (op, c)| net.with(op, &op.to_lowercase(), c));
        let graph = net.convolved().pooled("features", false).dense(5).softmax().graph();
        let backbone = described(&graph, OwnGraph::default()).unwrap();
        assert_eq!(pixels(&backbone), (8, 8, mean, std), "{steps:?}");
        // Given values are not guessed.
        let own = OwnGraph { input_mean: Some(1.0), input_std: Some(3.0), ..OwnGraph::default() };
        assert_eq!(pixels(&described(&graph, own).unwrap()), (8, 8, 1.0, 3.0));
    }
}

#[test]
fn of_several_placeholders_the_one_that_counts_is_fed() {
    let mut net = classifying(&[-1, 32, 32, 3]);
    net.b
        .op("Placeholder", "key")
        .type_attr("dtype", DT_STRING)
        .shape_attr("shape", &[-1])
        .finish();
    let mask = net
        .b
        .op("Placeholder", "mask")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &[-1, 32, 32, 1]);
    let mask = mask.finish();
    net.b.op("Relu", "mask/relu").input(mask).float_type().finish();
    assert_guesses(net, "images", "features", 8);

    // Two candidates that both count.
    let two = || {
        let mut net = Net::of(&[-1, 32, 32, 3]);
        let other = net.b.op("Placeholder", "other").type_attr("dtype", DT_FLOAT);
        let other = other.shape_attr("shape", &[-1, 32, 32, 3]).finish();
        net.x = net.b.op("Add", "sum").inputs(["images", &other]).float_type().finish();
        net.convolved().pooled("features", false).dense(5).softmax().graph()
    };
    let message = "--input_tensor: must be given for net.pb: several placeholders could be the \
        input: images, other";
    assert_refused(&two(), OwnGraph::default(), message);
    let own = OwnGraph { input_tensor: some("images"), ..OwnGraph::default() };
    let message =
        "net.pb: 'other' would have to be fed too; freeze the graph with a constant in its place";
    assert_refused(&two(), own, message);
    // A tensor after both is the only one fed.
    let own = OwnGraph { input_tensor: some("sum:0"), ..OwnGraph::default() };
    assert_eq!(described(&two(), own).unwrap().input, "sum");
}

#[test]
fn images_of_any_size_need_the_size_flags() {
    for shape in [&[-1, -1, -1, 3][..], &[-1, -1, -1, -1], &[]] {
        // In old graphs a shape without dimensions means an unknown shape.
        let graph = classifying(shape).graph();
        let message = "--input_height: must be given: 'images' of net.pb takes images of any size";
        assert_refused(&graph, OwnGraph::default(), message);
        let own = OwnGraph { input_height: Some(20), ..OwnGraph::default() };
        let message = "--input_width: must be given: 'images' of net.pb takes images of any size";
        assert_refused(&graph, own, message);
        let own = OwnGraph { input_height: Some(20), input_width: Some(24), ..OwnGraph::default() };
        assert_eq!(pixels(&described(&graph, own.clone()).unwrap()), (24, 20, 127.5, 127.5));
        // A bottleneck's size may depend on the image size: 10 × 12 pixels with 8 channels.
        let own = OwnGraph { bottleneck_tensor: some("relu"), ..own };
        let backbone = described(&graph, own).unwrap();
        assert_eq!(
            (&*backbone.bottleneck, backbone.bottleneck_size),
            ("flattened_bottleneck", 960)
        );
    }
    let graph = classifying(&[-1, 32, 48, 3]).graph();
    let own = OwnGraph { input_height: Some(48), ..OwnGraph::default() };
    assert_refused(&graph, own, "--input_height: 48, but 'images' wants 32; leave it out");
    let own = OwnGraph { input_width: Some(48), ..OwnGraph::default() };
    assert_eq!(pixels(&described(&graph, own).unwrap()), (48, 32, 127.5, 127.5));
}

#[test]
fn tensors_are_named_with_or_without_their_index() {
    let mut net = classifying(&[-1, 32, 32, 3]);
    let axis = net.b.int("split/axis", 1);
    let split = net
        .b
        .op("Split", "split")
        .inputs([&axis, "features"])
        .float_type()
        .int_attr("num_split", 2);
    split.finish();
    let graph = net.graph();
    for (typed, bottleneck, size) in [
        ("features", "features", 8),
        ("features:0", "features", 8),
        ("split:1", "split:1", 4),
        ("logits", "logits", 5),
    ] {
        let own = OwnGraph {
            bottleneck_tensor: some(typed),
            input_tensor: some("images:0"),
            ..OwnGraph::default()
        };
        let backbone = described(&graph, own).unwrap();
        assert_eq!(
            (&*backbone.input, &*backbone.bottleneck, backbone.bottleneck_size),
            ("images", bottleneck, size)
        );
        backbone.frozen().unwrap();
    }
}

#[test]
fn tensors_that_cannot_be_used_are_named_with_the_reason() {
    let mut net = classifying(&[-1, 32, 32, 3]);
    net.b.op("NoOp", "init").finish();
    net.b.op("Shape", "size").input("features").float_type().finish();
    let row = net.b.int("row/axis", 0);
    net.b
        .op("Mean", "row")
        .inputs(["features", &row])
        .float_type()
        .type_attr("Tidx", DT_INT32)
        .finish();
    net.b
        .op("Placeholder", "grey")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &[-1, 32, 32, 1])
        .finish();
    net.b
        .op("Placeholder", "eight")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &[8, 32, 32, 3])
        .finish();
    net.b.op("Placeholder", "free").type_attr("dtype", DT_FLOAT).unknown_shape().finish();
    net.b
        .op("Placeholder", "loose")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &[-1, -1])
        .finish();
    let graph = net.graph();
    for (typed, message) in [
        ("feature", "net.pb holds no tensor 'feature'; did you mean 'features'?"),
        ("zzz", "net.pb holds no tensor 'zzz'"),
        ("^features", "net.pb holds no tensor '^features'; did you mean 'features'?"),
        ("features:1", "'features' has no output 1; its last is 'features:0'"),
        ("init", "'init' is an operation without outputs (NoOp), not a tensor"),
        ("size", "'size' does not hold floats"),
        (
            "row",
            "'row' is [8]; it must be [?, n] or [?, a, b, c] with all numbers but the first known",
        ),
        (
            "loose",
            "'loose' is [?, ?]; it must be [?, n] or [?, a, b, c] with all numbers but the first \
                known",
        ),
        ("free", "'free' has no known shape; it must be [?, n] with n known"),
        (
            "dense/weights",
            "'dense/weights' is [8, 5]; it must be [?, n] or [?, a, b, c] with all numbers but \
                the first known",
        ),
    ] {
        let own = OwnGraph {
            input_tensor: some("images"),
            bottleneck_tensor: some(typed),
            ..OwnGraph::default()
        };
        assert_refused(&graph, own, &format!("--bottleneck_tensor: {message}"));
    }
    let own = OwnGraph { bottleneck_tensor: some("images"), ..OwnGraph::default() };
    let message = "--bottleneck_tensor: 'images' of net.pb is [?, 1024, 1024, 3]; at most \
    1,048,576 numbers \
                   are supported";
    assert_refused(&classifying(&[-1, 1024, 1024, 3]).graph(), own, message);
    let own = OwnGraph {
        input_tensor: some("logits"),
        bottleneck_tensor: some("features"),
        ..OwnGraph::default()
    };
    let rgb = "RGB images must be [?, height, width, 3] or [1, height, width, 3]";
    assert_refused(&graph, own, &format!("--input_tensor: 'logits' is [?, 5]; {rgb}"));
    for (typed, message) in [
        ("image", "net.pb holds no tensor 'image'; did you mean 'images'?".to_owned()),
        ("grey", format!("'grey' is [?, 32, 32, 1]; {rgb}")),
        ("eight", format!("'eight' is [8, 32, 32, 3]; {rgb}")),
        (
            "size",
            "'size' does not hold floats; give the tensor of float pixels computed from it".into(),
        ),
    ] {
        let own = OwnGraph { input_tensor: some(typed), ..OwnGraph::default() };
        assert_refused(&graph, own, &format!("--input_tensor: {message}"));
    }
    let size = (Some(8), Some(8));
    let own = OwnGraph {
        input_tensor: some("free"),
        input_width: size.0,
        input_height: size.1,
        ..OwnGraph::default()
    };
    let own = OwnGraph { bottleneck_tensor: some("features"), ..own };
    let message = "--bottleneck_tensor: 'features' does not depend on the input tensor 'free' \
        (--input_tensor)";
    assert_refused(&graph, own, message);
}

#[test]
fn graphs_that_leave_nothing_to_guess_ask_for_the_flag() {
    let none = "--input_tensor: must be given for net.pb: there is no placeholder for float \
        images [?, height, width, 3]";
    assert_refused(&Net::of(&[-1, 5]).then("Relu", "relu").graph(), OwnGraph::default(), none);
    let mut two = Net::features(&[-1, 32, 32, 3], false);
    two.b.op("Relu", "a").input("features").float_type().finish();
    two.b.op("Relu", "b").input("features").float_type().finish();
    let message =
        "--bottleneck_tensor: must be given for net.pb: the graph has several outputs: a, b";
    assert_refused(&two.graph(), OwnGraph::default(), message);
    let message = "--bottleneck_tensor: must be given for net.pb: there is no tensor [?, n] with \
        n known at the end of the graph, before 'relu'";
    assert_refused(&Net::of(&[-1, 32, 32, 3]).convolved().graph(), OwnGraph::default(), message);
    let mut whole = Net::of(&[-1, 32, 32, 3]);
    whole.b.op("Shape", "size").input("images").float_type().finish();
    let message = "--bottleneck_tensor: must be given for net.pb: the graph computes nothing \
        from the input tensor";
    assert_refused(&whole.graph(), OwnGraph::default(), message);
}

#[test]
fn graphs_that_are_not_frozen_say_so() {
    let mut net = Net::features(&[-1, 32, 32, 3], false);
    let shape = [net.channels, 5];
    let variable = net
        .b
        .op("VariableV2", "w")
        .type_attr("dtype", DT_FLOAT)
        .shape_attr("shape", &shape)
        .finish();
    net.x = net.b.op("MatMul", "dense").inputs([&net.x, &variable]).float_type().finish();
    let own = OwnGraph { bottleneck_tensor: some("dense"), ..OwnGraph::default() };
    assert_refused(
        &net.graph(),
        own,
        "net.pb: is not frozen: 'w' is a variable; convert its variables to constants first",
    );

    let message = "net.pb: holds no graph; of a SavedModel give the directory, not its \
                   saved_model.pb";
    assert_refused(&GraphDef::default(), OwnGraph::default(), message);
    let mut unknown = Net::of(&[-1, 32, 32, 3]).then("NoSuchOp", "new").graph();
    let error = described(&unknown, OwnGraph::default()).unwrap_err().to_string();
    assert!(
        error.contains("net.pb: ") && error.contains("Op type not registered 'NoSuchOp'"),
        "{error}"
    );
    unknown.node.pop();
    let own = OwnGraph {
        input_tensor: some("images"),
        bottleneck_tensor: some("images"),
        ..OwnGraph::default()
    };
    assert_eq!(described(&unknown, own).unwrap().bottleneck_size, 32 * 32 * 3);
}

#[test]
fn graphs_that_call_functions_say_so() {
    // Attributes as raw bytes: our messages have neither functions nor lists of types.
    let types = [0x0a, 3, 0x32, 1, 1];
    let function = [0x52, 3, 0x0a, 1, b'f'];
    let attr = |key: &str, bytes: &[u8]| {
        let value = Some(AttrValue::parse_from_bytes(bytes).unwrap()).into();
        AttrEntry { key: key.into(), value, ..AttrEntry::default() }
    };
    let attr = vec![attr("Tin", &types), attr("Tout", &types), attr("f", &function)];
    let mut graph = Net::features(&[-1, 32, 32, 3], false).graph();
    let (name, op, input) = ("call".into(), "PartitionedCall".into(), vec!["features".into()]);
    graph.node.push(NodeDef { name, op, input, attr, ..NodeDef::default() });
    graph.node.extend(Net::after(&graph, "call").reshaped("flat", &[-1, 8]).graph().node);
    let own = OwnGraph { bottleneck_tensor: some("flat"), ..OwnGraph::default() };
    assert_refused(
        &graph,
        own,
        "net.pb: 'call' calls a function; freeze the graph with its functions inlined",
    );
}

#[test]
fn bottleneck_files_tell_graphs_tensors_and_pixels_apart() {
    load_tensorflow();
    let workspace = Workspace::new();
    let network = |shape: &[i64]| {
        let net = Net::of(shape).then("Identity", "same").convolved().pooled("features", false);
        net.dense(5).softmax().graph()
    };
    let path = write(&workspace, r"a:b\c.pb", &network(&[-1, 32, 32, 3]));
    let copy = workspace.write(r"elsewhere/a:b\c.pb", fs::read(&path).unwrap());
    let other = write(&workspace, r"other/a:b\c.pb", &network(&[-1, 32, 48, 3]));
    let name = |own: &OwnGraph| create_own_graph(own, Path::new("")).unwrap().name;
    let own = OwnGraph { path, ..OwnGraph::default() };
    let (file, digest) =
        name(&own).rsplit_once('_').map(|(f, d)| (f.to_owned(), d.to_owned())).unwrap();
    assert_eq!(file, "a~b~c.pb");
    assert!(digest.len() == 12 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{digest}");
    assert_eq!(name(&own), name(&OwnGraph { path: copy, ..own.clone() }), "wherever it is");
    // A given value equal to the guess makes no difference.
    let given = OwnGraph { input_tensor: some("images:0"), input_mean: Some(127.5), ..own.clone() };
    assert_eq!(name(&own), name(&given));
    let others = [
        own.clone(),
        OwnGraph { path: other, ..own.clone() },
        OwnGraph { bottleneck_tensor: some("logits"), ..own.clone() },
        OwnGraph { input_tensor: some("same"), ..own.clone() },
        OwnGraph { input_mean: Some(0.0), ..own.clone() },
        OwnGraph { input_std: Some(1.0), ..own.clone() },
    ];
    let mut names: Vec<String> = others.iter().map(name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), others.len());
}
