//! Labelling: the script's answers on real photographs, and every kind of file and mistake on
//! simulated ones.

use super::dropout_forms::{Dropout, Rate};
use super::hostile::field;
use super::small_net::{Net, write};
use super::support::{LABEL_IMAGE, Workspace, json, run, scores, shared, strings};
use image::codecs::gif::GifEncoder;
use image::{Frame, ImageFormat, Rgb, RgbImage};
use protobuf::Message;
use retrain::label_image::{LabelConfig, Labeller};
use retrain::proto::DataType::{DT_BOOL, DT_FLOAT, DT_INT32};
use retrain::proto::{
    self, AttrEntry, AttrValue, DataType, FunctionDef, GraphDef, NodeDef, TensorProto, Value,
};
use retrain::tf::GraphBuilder;
use std::fs;
use std::io::Cursor;
use std::path::Path;

pub(super) const GOLDEN: &str = "golden/poets_mobilenet_0.25_224";

/// A workspace with a trained graph.
pub(super) fn trained() -> Workspace {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--how_many_training_steps=60"]).expect_code(0);
    workspace
}

#[test]
fn scores_of_real_photographs_are_the_scripts() {
    let (Some(golden), Some(graph), Some(photos)) =
        (shared("golden/label_image.json"), shared(GOLDEN), shared("data/star_clusters"))
    else {
        return;
    };
    let golden = json(&golden);
    let golden = golden.as_object().unwrap();
    assert_eq!(golden.len(), 12);
    for (name, lines) in golden {
        let config = LabelConfig::new(graph.join("retrained_graph.pb"));
        let labeller = Labeller::open(&config).unwrap();
        let out = labeller.label(&photos.join(name)).unwrap().to_string();
        let (ours, golden) = (scores(&out), scores(&strings(lines).join("\n")));
        assert_eq!(ours.len(), golden.len());
        for (ours, golden) in ours.iter().zip(&golden) {
            assert_eq!(ours.0, golden.0, "{name}");
            // The last printed digit: TensorFlow 1.15 and 2 round sums differently.
            assert!((ours.1 - golden.1).abs() < 1.5e-5, "{name}: {ours:?} instead of {golden:?}");
        }
    }
}

#[test]
fn the_program_prints_what_the_script_prints() {
    let (Some(graph), Some(photo)) =
        (shared(GOLDEN), shared("data/star_clusters/open cluster/m103.jpg"))
    else {
        return;
    };
    let directory = Workspace::new();
    let place = |name: &str| directory.path(&format!("tf_files/{name}"));
    fs::create_dir(directory.path("tf_files")).unwrap();
    // The defaults are the tutorial's paths.
    for name in ["retrained_graph.pb", "retrained_labels.txt"] {
        fs::copy(graph.join(name), place(name)).unwrap();
    }
    let outcome =
        run(LABEL_IMAGE, directory.root(), &["--image".as_ref(), photo.as_os_str()]).expect_code(0);
    let time = regex::Regex::new(r"^\nEvaluation time \(1-image\): \d+\.\d{3}s\n\n").unwrap();
    let rest = time.replace(&outcome.stdout, "");
    let score = regex::Regex::new(
        r"^open cluster \(score=0\.9772\d\)\nglobular cluster \(score=0\.0227\d\)\n$",
    );
    assert!(time.is_match(&outcome.stdout) && score.unwrap().is_match(&rest), "{}", outcome.stdout);
    assert_eq!(outcome.stderr, "");
}

/// A photograph with at most 256 colours, which a GIF holds without loss.
fn few_colours(path: &Path) -> RgbImage {
    let mut image = image::open(path).unwrap().to_rgb8();
    for pixel in image.pixels_mut() {
        pixel.0 = [pixel.0[0] & 0xe0, pixel.0[1] & 0xe0, pixel.0[2] & 0xc0];
    }
    image
}

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(super) fn gif(frames: &[&RgbImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 1);
    for frame in frames {
        let rgba = image::DynamicImage::ImageRgb8((*frame).clone()).to_rgba8();
        encoder.encode_frame(Frame::new(rgba)).unwrap();
    }
    drop(encoder);
    bytes
}

/// The GIF of an image, in which its brightest colour is transparent.
fn transparent(image: &RgbImage) -> Vec<u8> {
    let mut gif = gif(&[image]);
    let control = gif.windows(3).position(|w| w == b"\x21\xf9\x04").unwrap();
    let sum = |pixel: &&Rgb<u8>| pixel.0.iter().map(|&v| u32::from(v)).sum::<u32>();
    let colour = image.pixels().max_by_key(sum).unwrap();
    // The frame's own palette comes after the control (8 bytes) and the frame's place (10 bytes).
    let index = gif[control + 18..].chunks(3).position(|c| c == colour.0).unwrap();
    gif[control + 3] |= 1;
    gif[control + 6] = index as u8;
    gif
}

#[test]
fn png_gif_and_bmp_give_the_same_scores() {
    let workspace = trained();
    let first = few_colours(&workspace.path("photos/open cluster/o00000.jpg"));
    let second = few_colours(&workspace.path("photos/globular cluster/g00001.jpg"));
    let rgba = image::DynamicImage::ImageRgb8(first.clone()).to_rgba8();
    let mut rgba_png = Cursor::new(Vec::new());
    rgba.write_to(&mut rgba_png, ImageFormat::Png).unwrap();
    workspace.write("a.png", encoded(&first, ImageFormat::Png));
    workspace.write("alpha.png", rgba_png.into_inner());
    workspace.write("a.bmp", encoded(&first, ImageFormat::Bmp));
    workspace.write("a.gif", gif(&[&first]));
    workspace.write("animated.gif", gif(&[&first, &second, &second]));
    workspace.write("other.gif", gif(&[&second, &first]));
    // A transparent colour is a colour, as in the script's TensorFlow.
    workspace.write("transparent.gif", transparent(&first));
    // The content outranks the name.
    workspace.write("png_named.jpg", encoded(&first, ImageFormat::Png));
    let label = |name: &str| {
        scores(&workspace.label_image(&[&format!("--image={name}")]).expect_code(0).stdout)
    };
    let expected = label("a.png");
    for name in ["alpha.png", "a.bmp", "a.gif", "animated.gif", "transparent.gif", "png_named.jpg"]
    {
        // The same pixels give the same scores to the last digit.
        assert_eq!(label(name), expected, "{name}");
    }
    assert_ne!(label("other.gif"), expected, "of an animation the first frame counts");
}

#[test]
fn files_that_are_no_images_are_named_with_what_they_are() {
    let workspace = trained();
    let label = |name: &str| workspace.label_image(&[&format!("--image={name}")]);
    label("missing.jpg").expect_code(1).says("reading missing.jpg: No such file");
    let whole = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    for (name, content, message) in [
        (
            "heic.jpg",
            b"\0\0\0\x18ftypheic".to_vec(),
            "heic.jpg: is HEIC, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS",
        ),
        ("tiff.jpg", b"II*\0\x08\0\0\0".to_vec(), "tiff.jpg: cannot be decoded as TIFF"),
        ("avif.png", b"\0\0\0\x18ftypavif".to_vec(), "avif.png: is AVIF"),
        (
            "m13.fits",
            b"SIMPLE  =                    T".to_vec(),
            "m13.fits: is not a FITS file, or cut off",
        ),
        ("page.jpg", b"<!DOCTYPE html><html>".to_vec(), "page.jpg: is HTML"),
        ("empty.jpg", vec![], "empty.jpg: is empty"),
        (
            "noise.png",
            b"noise".to_vec(),
            "noise.png: is not a JPEG, PNG, GIF, BMP, TIFF, WebP or FITS image",
        ),
        ("cut.jpg", whole[..whole.len() / 8].to_vec(), "cut.jpg: cannot be decoded as JPEG"),
    ] {
        workspace.write(name, content);
        let outcome = label(name).expect_code(1).says(message);
        assert_eq!(outcome.stdout, "");
    }
}

/// Of `--image`, of a path among several, and of what lies in a directory.
#[test]
fn photographs_have_one_limit_and_are_files() {
    let workspace = trained();
    let whole = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    for (name, content) in [("some/huge.jpg", &whole[..]), ("some/no image", b"noise")] {
        let path = workspace.write(name, content);
        fs::File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
    }
    let pipe = workspace.path("pipe.jpg");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let huge = "huge.jpg: has 1099511627776 bytes, more than the 1073741824 allowed";
    for (args, message) in [
        (&["--image=some/huge.jpg"][..], huge),
        (&["some/huge.jpg"], huge),
        (&["some"], huge),
        (&["--image=pipe.jpg"], "pipe.jpg: is a pipe, a socket or a device, not a file"),
        (&["pipe.jpg", "--format=csv"], "pipe.jpg: is a pipe, a socket or a device, not a file"),
    ] {
        workspace.label_image(args).expect_code(1).says(message);
    }
    // What is in a directory and is no image is no error.
    fs::remove_file(workspace.path("some/huge.jpg")).unwrap();
    workspace.write("some/good.jpg", whole);
    let outcome = workspace.label_image(&["some"]).expect_code(0);
    assert_eq!(outcome.stdout.lines().count(), 1);
}

#[test]
fn wrong_layers_are_named_with_what_there_is() {
    let workspace = trained();
    let photo = "--image=photos/open cluster/o00000.jpg";
    let outcome = workspace.label_image(&[photo, "--input_layer=Mul"]).expect_code(2);
    outcome.says("--input_layer: graph.pb holds no node 'Mul'; its Placeholder nodes are: input");
    let outcome = workspace.label_image(&[photo, "--output_layer=final"]).expect_code(2);
    outcome.says(
        "--output_layer: graph.pb holds no node 'final'; its Softmax nodes are: final_result",
    );
}

#[test]
fn files_that_are_no_labels_or_no_graph_are_named() {
    let workspace = trained();
    let photo = "--image=photos/open cluster/o00000.jpg";
    workspace
        .label_image(&[photo, "--labels=none.txt"])
        .expect_code(1)
        .says("none.txt: No such file");
    workspace.label_image(&[photo, "--graph=none.pb"]).expect_code(1).says("none.pb: No such file");
    workspace
        .label_image(&[photo, "--graph=labels.txt"])
        .expect_code(1)
        .says("labels.txt: is not a valid GraphDef");
    let classifying = GraphDef::default();
    workspace.write("empty.pb", proto::serialize(&classifying).unwrap());
    workspace.label_image(&[photo, "--graph=empty.pb"]).expect_code(2).says(
        "--input_layer: must be given for empty.pb: there is no placeholder for float images",
    );
}

/// Saves the trained graph as `hidden.pb`, with an output whose size is unknown until it runs.
fn hide_the_class_count(workspace: &Workspace) {
    let path = workspace.path("graph.pb");
    let mut graph: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    let mut b = GraphBuilder::on(&graph);
    let unknown = b.op("PlaceholderWithDefault", "hidden").input("final_result");
    unknown.type_attr("dtype", DataType::DT_FLOAT).unknown_shape().finish();
    graph.node.extend(b.take_nodes());
    workspace.write("hidden.pb", proto::serialize(&graph).unwrap());
}

#[test]
fn too_few_labels_are_an_error_before_anything_is_printed_and_too_many_a_warning() {
    let workspace = trained();
    hide_the_class_count(&workspace);
    workspace.write("one.txt", "a\n\n");
    workspace.write("three.txt", "a\nb\nc\n");
    let (known, unknown) = (["--graph=graph.pb"], ["--graph=hidden.pb", "--output_layer=hidden"]);
    for graph in [&known[..], &unknown] {
        for photos in [&["--image=photos/open cluster/o00000.jpg"][..], &["--format=csv", "photos"]]
        {
            let label = |labels| workspace.label_image(&[graph, photos, &[labels]].concat());
            let file = graph[0].strip_prefix("--graph=").unwrap();
            let outcome = label("--labels=one.txt").expect_code(1).says(&format!(
                "one.txt: holds labels for 1 of the 2 classes of {file}; give the labels that"
            ));
            assert_eq!(outcome.stdout, "");
            let outcome = label("--labels=three.txt").expect_code(0);
            let warning = format!(
                "three.txt: holds 3 labels, but {file} has 2 classes: the first 2 are used"
            );
            assert_eq!(outcome.stderr.matches(&warning).count(), 1, "{}", outcome.stderr);
            let words: Vec<&str> = outcome.stdout.split(|c: char| !c.is_alphanumeric()).collect();
            assert!(words.contains(&"a") && words.contains(&"b") && !words.contains(&"c"));
        }
    }
}

#[test]
fn the_encoding_of_labels_is_named_where_it_is_not_plain_utf_8() {
    let workspace = trained();
    let photo = "--image=photos/open cluster/o00000.jpg";
    let label = |bytes: Vec<u8>| {
        workspace.write("given.txt", bytes);
        workspace.label_image(&[photo, "--labels=given.txt"])
    };
    let text = "globular cluster\nopen cluster\n";
    let wide = |unit: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(unit).collect()
    };
    for mark in ["\u{feff}", ""] {
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            let outcome = label(wide(unit, mark)).expect_code(1);
            assert_eq!(outcome.stdout, "");
            outcome.says("given.txt: is UTF-16; save it as UTF-8");
        }
    }
    let plain = scores(&label(text.into()).expect_code(0).stdout);
    let outcome = label(format!("\u{feff}{text}").into()).expect_code(0);
    assert_eq!(scores(&outcome.stdout), plain);
    outcome.says("given.txt: begins with a byte-order mark, which is ignored");
    let outcome = label(b"globular cluster\r\nopen \xe9toiles\r\n".to_vec()).expect_code(0);
    let labels: Vec<String> = scores(&outcome.stdout).into_iter().map(|s| s.0).collect();
    assert!(labels.contains(&"open \u{fffd}toiles".to_owned()), "{labels:?}");
    outcome.says("given.txt: line 2 is not UTF-8; save the file as UTF-8");
}

#[test]
fn a_blank_line_after_the_last_label_is_no_label() {
    let (Some(graph), Some(labels)) =
        (shared("min/dropout.pb"), shared("min/labels_blank_last_line.txt"))
    else {
        return;
    };
    let workspace = Workspace::with_photos(1);
    let args = [
        format!("--graph={}", graph.display()),
        format!("--labels={}", labels.display()),
        "--image=photos/open cluster/o00000.jpg".into(),
    ];
    // The graph's dropout earns its warning; the labels earn none.
    let outcome = run(LABEL_IMAGE, workspace.root(), &args).expect_code(0);
    let outcome = outcome.says("gives a different answer each time it runs");
    let mut found: Vec<String> = scores(&outcome.stdout).into_iter().map(|s| s.0).collect();
    found.sort();
    assert_eq!(found, ["md", "nothing", "point"].map(String::from));
    assert!(!outcome.stderr.contains("label"), "{}", outcome.stderr);
}

#[test]
fn mean_and_std_are_taken_as_given_and_a_zero_mean_is_one() {
    let workspace = trained();
    let label = |args: &[&str]| {
        let photo = ["--image=photos/open cluster/o00000.jpg"];
        scores(&workspace.label_image(&[&photo, args].concat()).expect_code(0).stdout)
    };
    let default = label(&[]);
    let given = ["--input_mean=127.5", "--input_std=127.5"];
    assert_eq!(
        label(&[&given[..], &["--input_height=128", "--input_width=128"]].concat()),
        default
    );
    let zero = label(&["--input_mean=0", "--input_std=255"]);
    assert_ne!(zero, default);
    assert_ne!(label(&["--input_mean=0", "--input_std=128"]), zero);
    let outcome =
        workspace.label_image(&["--image=photos/open cluster/o00000.jpg", "--input_height=64"]);
    outcome.expect_code(2).says("--input_height: 64, but 'input' wants 128");
}

#[test]
fn at_most_five_classes_are_listed_best_first() {
    let workspace = Workspace::new();
    let photos = workspace.path("photos");
    let plan = crate::simulate::Plan {
        per_class: 5,
        size: 48,
        classes: Some(7),
        ..crate::simulate::Plan::new(photos)
    };
    crate::simulate::simulate_clusters(&plan).unwrap();
    workspace.retrain(&[]).expect_code(0);
    let outcome = workspace.label_image(&["--image=photos/class_0003/c00000.jpg"]).expect_code(0);
    let scores = scores(&outcome.stdout);
    assert_eq!(scores.len(), 5);
    assert!(scores.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{scores:?}");
    assert!(scores.iter().all(|(label, _)| label.starts_with("class 000")), "{scores:?}");
}

/// Labels one photograph, then several, with a graph that is random.
#[track_caller]
fn assert_warned(workspace: &Workspace, layers: &[&str], random: &str) {
    let warning = format!(
        "WARNING:retrain:graph.pb: gives a different answer each time it runs: {random} is random\n"
    );
    let photos = ["photos/open cluster/o00000.jpg", "photos/open cluster/o00001.jpg"];
    let one = format!("--image={}", photos[0]);
    for images in [&[one.as_str()][..], &photos[..1], &photos] {
        let outcome = workspace.label_image(&[layers, images].concat()).expect_code(0);
        let rows = if images[0] == one {
            scores(&outcome.stdout).len() == 3
        } else {
            outcome.stdout.lines().count() == images.len()
        };
        assert!(rows, "{}", outcome.stdout);
        let said: Vec<&str> = outcome.stderr.lines().filter(|l| l.contains("WARN")).collect();
        assert_eq!(said, [warning.trim_end()], "{images:?}");
    }
}

#[track_caller]
fn assert_not_warned(workspace: &Workspace, layers: &[&str]) {
    let photos = ["photos/open cluster/o00000.jpg", "photos/open cluster/o00001.jpg"];
    let outcome = workspace.label_image(&[layers, &photos].concat()).expect_code(0);
    assert!(!outcome.stderr.contains("different answer"), "{}", outcome.stderr);
}

/// A call of functions of [`noisy_library`]. (The messages of ours know no lists of types.)
fn call(op: &str, inputs: &[&str], functions: &[(&str, u8)]) -> NodeDef {
    let attr = |key: &str, bytes: &[u8]| {
        let value = Some(AttrValue::parse_from_bytes(bytes).unwrap()).into();
        AttrEntry { key: key.into(), value, ..AttrEntry::default() }
    };
    let types = [0x0a, 3, 0x32, 1, 1];
    let mut attr_list = vec![attr("Tin", &types), attr("Tout", &types)];
    attr_list.extend(functions.iter().map(|&(key, f)| attr(key, &[0x52, 3, 0x0a, 1, f])));
    let input = inputs.iter().map(|&i| i.into()).collect();
    let mut call = NodeDef {
        name: "call".into(),
        op: op.into(),
        input,
        attr: attr_list,
        ..NodeDef::default()
    };
    if op == "StatelessIf" {
        call.set_attr("Tcond", Value::Type(DT_BOOL.into()));
    }
    call
}

/// n(x) = x + noise and s(x) = x + 1, as a library that can be put behind a GraphDef.
fn noisy_library() -> Vec<u8> {
    let mut noisy = GraphBuilder::default();
    noisy.ints("shape", &[8]);
    let noise = noisy.op("RandomStandardNormal", "more").input("shape:output:0");
    noise.type_attr("dtype", DT_FLOAT).type_attr("T", DT_INT32).finish();
    let mut same = GraphBuilder::default();
    same.float("more", 1.0);
    let function = |name: &[u8], mut b: GraphBuilder| {
        b.op("AddV2", "sum").inputs(["x", "more:output:0"]).float_type().finish();
        let function = FunctionDef { node_def: b.take_nodes(), ..FunctionDef::default() };
        let argument = |name: &str| [field(1, name.as_bytes()), vec![3 << 3, 1]].concat();
        let signature = [field(1, name), field(2, &argument("x")), field(3, &argument("y"))];
        let result = [field(1, b"y"), field(2, b"sum:z:0")].concat();
        let nodes = proto::serialize(&function).unwrap();
        field(1, &[nodes, field(1, &signature.concat()), field(4, &result)].concat())
    };
    field(2, &[function(b"n", noisy), function(b"s", same)].concat())
}

#[test]
fn a_graph_that_answers_otherwise_each_time_is_said_to() {
    let workspace = Workspace::with_photos(2);
    workspace.write("labels.txt", "a\nb\nc\n");
    let layers = ["--input_layer=images", "--output_layer=classes"];
    let features = || Net::features(&[-1, 32, 32, 3], false);
    let dropped = features().dropout("drop", Dropout::Floor, Rate::Constant(0.5));
    write(&workspace, "graph.pb", &dropped.dense(3).softmax().graph());
    assert_warned(&workspace, &layers, "'drop/random' (RandomUniform)");
    if let Some(graph) = shared("min/dropout.pb") {
        fs::copy(graph, workspace.path("graph.pb")).unwrap();
        assert_warned(&workspace, &[], "'drop/random_uniform/RandomUniform' (RandomUniform)");
    }
    // Functions of the graph's own.
    let write_calling = |call: NodeDef| {
        let mut b = GraphBuilder::default();
        let truth =
            TensorProto { dtype: DT_BOOL.into(), bool_val: vec![true], ..Default::default() };
        b.tensor("truth", TensorProto { tensor_shape: Some(proto::shape(&[])).into(), ..truth });
        let mut graph = features().graph();
        graph.node.extend(b.take_nodes());
        graph.node.push(call);
        let rest = Net::after(&graph, "call").reshaped("flat", &[-1, 8]).dense(3).softmax();
        graph.node.extend(rest.graph().node);
        workspace.write("graph.pb", [proto::serialize(&graph).unwrap(), noisy_library()].concat());
    };
    write_calling(call("PartitionedCall", &["features"], &[("f", b'n')]));
    assert_warned(&workspace, &layers, "'call' (PartitionedCall)");
    let branches = |then_branch, else_branch| {
        let branches = [("then_branch", then_branch), ("else_branch", else_branch)];
        call("StatelessIf", &["truth", "features"], &branches)
    };
    write_calling(branches(b'n', b's'));
    assert_warned(&workspace, &layers, "'call' (StatelessIf)");
    write_calling(branches(b's', b'n'));
    assert_not_warned(&workspace, &layers);
    // What drops nothing gives one answer.
    let kept = features().dropout("drop", Dropout::Cast, Rate::KeepProb(1.0));
    write(&workspace, "graph.pb", &kept.dense(3).softmax().graph());
    assert_not_warned(&workspace, &layers);
}

#[test]
fn before_any_training_the_command_that_trains_is_given() {
    let workspace = Workspace::with_photos(20);
    let photo = "photos/open cluster/o00000.jpg";
    for args in [&["--image", photo][..], &[photo], &["--format=csv", "photos"]] {
        let outcome = run(LABEL_IMAGE, workspace.root(), args).expect_code(1);
        assert_eq!(
            outcome.stderr,
            "ERROR:retrain:tf_files/retrained_graph.pb: there is no graph yet; train first: \
             retrain --image_dir=<directory> --architecture=mobilenet_0.50_224 \
             --output_graph=tf_files/retrained_graph.pb \
             --output_labels=tf_files/retrained_labels.txt\n"
        );
    }
    // A graph that was named has another place to be.
    let outcome = run(LABEL_IMAGE, workspace.root(), &["--graph=g.pb", photo]).expect_code(1);
    assert!(!outcome.stderr.contains("train first"), "{}", outcome.stderr);
    // What it says works.
    let trained = [
        "--output_graph=tf_files/retrained_graph.pb",
        "--output_labels=tf_files/retrained_labels.txt",
    ];
    workspace.retrain(&trained).expect_code(0);
    run(LABEL_IMAGE, workspace.root(), &[photo]).expect_code(0);
}
