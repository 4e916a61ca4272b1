//! Inception v3 of 2015: the builder against the description of the original graph, pictures
//! passing through it, and a whole run with it, from the archive to labels.

use super::events;
use super::inception_replica::{build_inception_v3_2015, write_inception};
use super::loading::load_tensorflow;
use super::saved_model::{Fed, assert_serves};
use super::simulate::cluster::{ClusterKind, photograph};
use super::support::{
    LABEL_IMAGE, OUTPUTS, RETRAIN, Workspace, ask_peer, json as read_json, python, run, scores,
    shared, strings,
};
use flate2::{Compression, write::GzEncoder};
use retrain::error::Result;
use retrain::images::{PixelRange, PixelSpec};
use retrain::model::{Features, create_model_info};
use retrain::proto::{self, DataType, GraphDef, NodeDef, TensorProto, Value};
use retrain::rewrite::{fold_batch_norms, free_batch};
use retrain::tf::{Graph, Session, Tensor, Threads};
use serde_json::{Value as Json, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tensorflow::SessionRunArgs;

const BOTTLENECK: &str = "pool_3/_reshape";
const SIZE: usize = 299;
const SEED: u64 = 20_151_205;

fn dims(tensor: &TensorProto) -> Vec<i64> {
    tensor.tensor_shape.dim.iter().map(|d| d.size).collect()
}

/// Whether an attribute agrees with the description.
fn is_as_described(value: &Value, wanted: &Json) -> bool {
    match value {
        Value::Type(t) => wanted.as_str() == Some(&format!("{:?}", t.enum_value().unwrap())),
        Value::S(s) => wanted.as_str().map(str::as_bytes) == Some(s),
        Value::B(b) => wanted.as_bool() == Some(*b),
        Value::I(i) => wanted.is_i64() && wanted.as_i64() == Some(*i),
        Value::F(f) => wanted.is_f64() && wanted.as_f64().unwrap() as f32 == *f,
        Value::List(list) => *wanted == json!(list.i),
        _ => false,
    }
}

/// Compares a Const's shape and type, its numbers if the description has them, and otherwise its
/// size in bytes.
fn assert_const_as_described(node: &NodeDef, wanted: &Json) {
    let tensor = node.tensor_attr("value").unwrap();
    let dtype = node.type_attr("dtype").unwrap();
    assert_eq!(tensor.dtype.enum_value().unwrap(), dtype, "{}", node.name);
    assert_eq!(json!(dims(tensor)), wanted["shape"], "{}", node.name);
    let count = dims(tensor).iter().product::<i64>() as usize;
    match dtype {
        DataType::DT_STRING => assert_eq!(tensor.string_val.len(), 1),
        _ if count == 1 => {
            assert_eq!(
                (tensor.int_val.len() + tensor.float_val.len(), tensor.tensor_content.len()),
                (1, 0)
            )
        }
        _ => assert_eq!(tensor.tensor_content.len(), 4 * count, "{}", node.name),
    }
    let numbers = match &wanted["value"] {
        Json::Array(list) => list.clone(),
        Json::Null => return,
        one => vec![one.clone()],
    };
    let words = tensor.tensor_content.chunks(4).map(|w| i32::from_le_bytes(w.try_into().unwrap()));
    let ours: Vec<Json> = match dtype {
        DataType::DT_FLOAT => tensor.float_val.iter().map(|v| json!(f64::from(*v))).collect(),
        _ => tensor.int_val.iter().copied().chain(words).map(|v| json!(v)).collect(),
    };
    assert_eq!(ours, numbers, "{}", node.name);
}

#[test]
fn the_builder_makes_the_original_nodes() {
    let Some(spec) = shared("spec/inception_2015_nodes.json") else { return };
    let spec = read_json(&spec);
    let spec = spec["nodes"].as_array().unwrap();
    let graph = build_inception_v3_2015(SEED);
    assert!(graph.versions.is_none());
    let names = |node: &NodeDef| (node.name.clone(), node.op.clone(), node.input.clone());
    let wanted = |n: &Json| {
        let inputs = strings(&n["inputs"]).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (n["name"].as_str().unwrap().to_owned(), n["op"].as_str().unwrap().to_owned(), inputs)
    };
    assert_eq!(graph.node.len(), 1004);
    assert_eq!(
        graph.node.iter().map(names).collect::<Vec<_>>(),
        spec.iter().map(wanted).collect::<Vec<_>>()
    );
    for (node, spec) in graph.node.iter().zip(spec) {
        let attributes = spec["attrs"].as_object().unwrap();
        let value = usize::from(node.op == "Const");
        assert_eq!(
            node.attr.len(),
            attributes.len() + value,
            "{} has attributes that it should not have",
            node.name
        );
        for (key, wanted) in attributes {
            let value =
                node.attr_value(key).unwrap_or_else(|| panic!("{} has no {key}", node.name));
            assert!(
                is_as_described(value, wanted),
                "{} has {key} {value:?} instead of {wanted}",
                node.name
            );
        }
        if node.op == "Const" {
            assert_const_as_described(node, &spec["const"]);
        }
    }
}

#[test]
fn the_file_has_the_originals_size_and_follows_from_the_seed() {
    let workspace = Workspace::new();
    let write = |name: &str, seed: u64| {
        let path = workspace.path(name);
        write_inception(&path, seed);
        fs::read(path).unwrap()
    };
    let (one, again, other) = (write("new/one.pb", 1), write("again.pb", 1), write("other.pb", 2));
    // The published file's size: names, attributes and their encoding have the same length.
    assert_eq!(one.len(), 95_673_916);
    assert_eq!(other.len(), one.len());
    assert!(one == again);
    assert!(one != other);
}

#[test]
fn the_table_names_the_archive_and_the_tensors() {
    let info = create_model_info("inception_v3").unwrap();
    let retrain::model::Source::Archive(base, name) = &info.source else {
        panic!("no archive: {info:?}")
    };
    let url = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz";
    assert_eq!(format!("{base}{name}"), url);
    assert_eq!(info.model_file_name, "classify_image_graph_def.pb");
    assert_eq!(info.resized_input_tensor_name, "Mul:0");
    assert_eq!(
        (info.bottleneck_tensor_name, info.bottleneck_tensor_size),
        ("pool_3/_reshape:0", 2048)
    );
    assert_eq!(info.pixels, pixel_spec());
    let logits = info.with_features(Features::Logits);
    assert_eq!(
        (logits.bottleneck_tensor_name, logits.bottleneck_tensor_size),
        ("softmax/logits:0", 1008)
    );
}

fn pixel_spec() -> PixelSpec {
    let side = SIZE as i32;
    PixelSpec::new(side, side, PixelRange::Multiply { mean: 128.0, std: 128.0 })
}

/// Simulated photographs as the network's pixels, [photographs, 299, 299, 3].
fn pixels(photographs: &[(ClusterKind, u64)]) -> Tensor<f32> {
    let mut pixels = Tensor::new(&[photographs.len() as u64, SIZE as u64, SIZE as u64, 3]);
    for (picture, &(kind, index)) in pixels.chunks_mut(SIZE * SIZE * 3).zip(photographs) {
        let photograph = photograph(kind, SEED, index, SIZE as u32);
        picture
            .iter_mut()
            .zip(photograph.as_raw())
            .for_each(|(p, &v)| *p = (f32::from(v) - 128.0) / 128.0);
    }
    pixels
}

const TWO: [(ClusterKind, u64); 2] = [(ClusterKind::Globular, 0), (ClusterKind::Open, 1)];

/// The graph, once TensorFlow is loaded to run it.
fn inception() -> GraphDef {
    load_tensorflow();
    build_inception_v3_2015(SEED)
}

/// Feeds `Mul` and reads the named tensors.
fn read(graph: &GraphDef, pixels: &Tensor<f32>, names: &[&str]) -> Result<Vec<Tensor<f32>>> {
    let graph = Graph::import(graph)?;
    let session = Session::new(&graph, Threads::default())?;
    let input = graph.output("Mul")?;
    let mut args = SessionRunArgs::new();
    args.add_feed(&input.operation, input.index, pixels);
    let operations: Vec<_> = names.iter().map(|name| graph.operation(name).unwrap()).collect();
    let tokens: Vec<_> =
        operations.iter().map(|operation| args.request_fetch(operation, 0)).collect();
    session.run(&mut args, "reading layers")?;
    Ok(tokens.into_iter().map(|token| args.fetch(token).unwrap()).collect())
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f64 {
    let count = values.len() as f64;
    values.map(f64::from).sum::<f64>() / count
}

/// The root mean square.
fn rms(values: &[f32]) -> f64 {
    mean(values.iter().map(|v| v * v)).sqrt()
}

/// The largest difference, relative to the numbers' overall size: a number that ReLU left near 0 is
/// only as precise as the numbers it was computed from.
fn relative_difference(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()));
    // NaN is the largest in the total order.
    differences.max_by(f64::total_cmp).unwrap() / rms(b)
}

/// The bound for one network's bottlenecks computed in two ways. Observed: 4e-6, for both
/// TensorFlow 1.15 and folded normalisation.
const BOUND: f64 = 1e-4;

#[test]
fn pictures_come_through_all_layers() {
    let graph = inception();
    let mut names: Vec<&str> =
        graph.node.iter().filter(|n| n.op == "Relu").map(|n| n.name.as_str()).collect();
    assert_eq!(names.len(), 94);
    names.push(BOTTLENECK);
    let bottlenecks = TWO.map(|photograph| {
        let mut layers = read(&graph, &pixels(&[photograph]), &names).unwrap();
        let bottleneck = layers.pop().unwrap();
        for (name, layer) in names.iter().zip(&layers) {
            // By the builder's derivation a layer has mean 0.33 and standard deviation 0.26, and 16
            // in 100 values are cut off. The first layers are lower, because the sky is dark.
            // Observed: 0.27 to 0.35, 0.09 to 0.28, at most 0.20.
            let average = mean(layer.iter().copied());
            let spread = mean(layer.iter().map(|v| v * v)) - average * average;
            let cut = layer.iter().filter(|v| **v == 0.0).count() as f64 / layer.len() as f64;
            assert!((0.25..0.4).contains(&average), "{name}: mean {average}");
            assert!(
                (0.05..0.35).contains(&spread.sqrt()),
                "{name}: standard deviation {}",
                spread.sqrt()
            );
            assert!(cut < 0.25, "{name}: {cut} of all values are 0");
            if name.starts_with("mixed_10/") {
                assert!(spread.sqrt() > 0.2, "{name}: standard deviation {}", spread.sqrt());
            }
        }
        bottleneck
    });
    for bottleneck in &bottlenecks {
        assert_eq!(bottleneck.len(), 2048);
        let square = rms(bottleneck).powi(2) * 2048.0;
        // Gradient descent at a rate η of 0.01 is stable if η·|x|²/2 < 2. Observed: 269.
        assert!((100.0..400.0).contains(&square), "|x|² = {square}");
    }
    // Two pictures give two bottlenecks that differ by far more than rounding. Observed: 0.6.
    let difference = relative_difference(&bottlenecks[0], &bottlenecks[1]);
    assert!(difference > 0.1, "{difference}");
}

#[test]
fn what_is_not_finite_is_found() {
    let graph = inception();
    let mut pixels = pixels(&TWO[..1]);
    let middle = pixels.len() / 2;
    pixels[middle] = f32::NAN;
    let error = read(&graph, &pixels, &[BOTTLENECK]).unwrap_err().to_string();
    assert!(error.contains("activation input is not finite."), "{error}");
    assert!(error.contains("conv/CheckNumerics"), "{error}");
}

#[test]
fn folded_and_for_many_pictures_it_gives_the_same_bottlenecks() {
    let graph = inception();
    let count = |graph: &GraphDef, op: &str| graph.node.iter().filter(|n| n.op == op).count();
    let freed = free_batch(&graph, "Mul", BOTTLENECK, &pixel_spec());
    let folded = fold_batch_norms(&freed, BOTTLENECK);
    let normalisation = "BatchNormWithGlobalNormalization";
    assert_eq!(
        (count(&graph, normalisation), count(&folded, normalisation), count(&folded, "BiasAdd")),
        (94, 0, 94)
    );
    let both = read(&folded, &pixels(&TWO), &[BOTTLENECK]).unwrap();
    assert_eq!(both[0].dims(), [2, 2048]);
    for (row, photograph) in both[0].chunks(2048).zip(TWO) {
        let original = read(&graph, &pixels(&[photograph]), &[BOTTLENECK]).unwrap();
        let difference = relative_difference(row, &original[0]);
        assert!(difference < BOUND, "{difference}");
    }
}

/// An archive like the published one, with the graph from that file.
fn write_archive(graph: &Path, archive: &Path) {
    fs::create_dir_all(archive.parent().unwrap()).unwrap();
    // Random weights do not compress.
    let mut tar =
        tar::Builder::new(GzEncoder::new(File::create(archive).unwrap(), Compression::none()));
    tar.append_path_with_name(graph, "classify_image_graph_def.pb").unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o644);
    tar.append_data(&mut header, "imagenet_synset_to_human_label_map.txt", &b"n00"[..]).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// The nodes after the published graph's 1004 in the script's training graph (TensorFlow 1.15, on a
/// graph from this builder), up to the new layer. Names already taken get a suffix; the scope
/// `input` needs none.
const DECODING: [(&str, &[&str]); 13] = [
    ("DecodeJPGInput", &[]),
    ("DecodeJpeg_1", &["DecodeJPGInput"]),
    ("Cast_1", &["DecodeJpeg_1"]),
    ("ExpandDims_1/dim", &[]),
    ("ExpandDims_1", &["Cast_1", "ExpandDims_1/dim"]),
    ("stack", &[]),
    ("ResizeBilinear_1", &["ExpandDims_1", "stack"]),
    ("Sub_1/y", &[]),
    ("Sub_1", &["ResizeBilinear_1", "Sub_1/y"]),
    ("Mul_1/y", &[]),
    ("Mul_1", &["Sub_1", "Mul_1/y"]),
    ("input/BottleneckInputPlaceholder", &[BOTTLENECK]),
    ("input/GroundTruthInput", &[]),
];

/// The nodes after the published ones in the script's `retrained_graph.pb`.
const NEW_LAYER: [&str; 8] = [
    "input/BottleneckInputPlaceholder",
    "final_training_ops/weights/final_weights",
    "final_training_ops/weights/final_weights/read",
    "final_training_ops/biases/final_biases",
    "final_training_ops/biases/final_biases/read",
    "final_training_ops/Wx_plus_b/MatMul",
    "final_training_ops/Wx_plus_b/add",
    "final_result",
];

fn parse(path: &Path) -> GraphDef {
    proto::parse(path, &fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_default_architecture_goes_the_whole_way() {
    let workspace = Workspace::with_photos(4);
    let published = workspace.path("published.pb");
    write_inception(&published, SEED);
    write_archive(&published, &workspace.path("models/inception-2015-12-05.tgz"));
    let flags = [
        "--image_dir=photos",
        "--model_dir=models",
        "--how_many_training_steps=20",
        "--random_seed=1",
    ];
    run(RETRAIN, workspace.root(), &[&flags[..], &OUTPUTS].concat()).expect_code(0);

    let published = parse(&published);
    let training = events::read(&workspace.path("summaries/train")).graph.unwrap();
    assert!(training.node[..1004] == published.node, "the published nodes come first, as they are");
    let behind = training.node[1004..][..DECODING.len()].iter();
    let behind: Vec<_> =
        behind.map(|n| (n.name.as_str(), n.input.iter().map(String::as_str).collect())).collect();
    assert_eq!(behind, DECODING.map(|(name, inputs)| (name, inputs.to_vec())));

    let exported = parse(&workspace.path("graph.pb"));
    // All but the five nodes of the published softmax.
    assert!(exported.versions.is_none());
    assert!(exported.node[..999] == published.node[..999]);
    assert_eq!(exported.node[998].name, BOTTLENECK);
    let new: Vec<&str> = exported.node[999..].iter().map(|n| n.name.as_str()).collect();
    assert_eq!(new, NEW_LAYER);

    // By name it is the same architecture, and its bottlenecks are found.
    let named = [
        "--architecture=inception_v3",
        "--output_graph=named.pb",
        "--bottleneck_dir=bottlenecks",
        "--saved_model_dir=saved_model",
    ];
    let cached =
        |name: &str| fs::metadata(bottleneck_file(&workspace, name)).unwrap().modified().unwrap();
    let before = PHOTOS.map(cached);
    run(RETRAIN, workspace.root(), &[&flags[..], &OUTPUTS, &named].concat()).expect_code(0);
    assert_eq!(PHOTOS.map(cached), before);
    assert!(
        fs::read(workspace.path("named.pb")).unwrap()
            == fs::read(workspace.path("graph.pb")).unwrap()
    );

    assert_labels_and_bottlenecks_alike(&workspace);
    // The SavedModel takes the encoded photograph, as in TensorFlow 1.7's retrain.py.
    let fed = Fed { input: "Mul", size: 299, mean: 128.0, std: 128.0 };
    let photographs = PHOTOS.map(|name| workspace.path("photos").join(name));
    assert_serves(&workspace, "DecodeJpeg/contents:0", &fed, &photographs);
}

const PHOTOS: [&str; 2] = ["globular cluster/g00003.jpg", "open cluster/o00001.jpg"];

fn bottleneck_file(workspace: &Workspace, photo: &str) -> PathBuf {
    workspace.path("bottlenecks").join(format!("{photo}_inception_v3.txt"))
}

/// Asks each peer for the scores of [`PHOTOS`] and their bottlenecks, and compares them with
/// label_image's output and retrain's files.
fn assert_labels_and_bottlenecks_alike(workspace: &Workspace) {
    // A copy of the graph has no metadata.
    fs::copy(workspace.path("graph.pb"), workspace.path("copy.pb")).unwrap();
    let args = ["--input_layer=Mul", "--input_height=299", "--input_width=299"];
    let images = PHOTOS.map(|photo| workspace.path("photos").join(photo));
    let ours = images.each_ref().map(|image| {
        let args = [
            &["--graph=graph.pb", "--labels=labels.txt"],
            &args[..],
            &[&format!("--image={}", image.display())],
        ];
        let ours =
            scores(&run(LABEL_IMAGE, workspace.root(), &args.concat()).expect_code(0).stdout);
        // The metadata says the same as these flags, and so does the graph without any.
        for graph in ["graph.pb", "copy.pb"] {
            let alone = [format!("--graph={graph}"), format!("--image={}", image.display())];
            let alone = run(LABEL_IMAGE, workspace.root(), &alone).expect_code(0);
            assert_eq!(scores(&alone.stdout), ours, "{graph}");
            let guessed = "--input_layer=Mul --input_height=299 --input_width=299 \
                           --input_mean=128 --input_std=128 --output_layer=final_result";
            assert_eq!(alone.stderr.contains(guessed), graph == "copy.pb", "{}", alone.stderr);
        }
        // Scores are printed with five digits.
        assert!(ours.len() == 2 && (ours[0].1 + ours[1].1 - 1.0).abs() < 2e-5, "{ours:?}");
        ours
    });
    let labels = fs::read_to_string(workspace.path("labels.txt")).unwrap();
    let request = json!({
        "graph": workspace.path("graph.pb"), "size": SIZE, "images": images, "input": "Mul",
        "also": BOTTLENECK,
    });
    for python in ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"].iter().filter_map(|v| python(v)) {
        let answer = ask_peer(&python, "classify.py", &request);
        for (i, photo) in PHOTOS.iter().enumerate() {
            for (label, score) in &ours[i] {
                let class = labels.lines().position(|l| l == label).unwrap();
                let theirs = answer["scores"][i][class].as_f64().unwrap();
                // The figure; scores are printed with five digits.
                assert!(
                    (f64::from(*score) - theirs).abs() < 1e-4,
                    "{photo}, {label}: {score} and {theirs}"
                );
            }
            let text = fs::read_to_string(bottleneck_file(workspace, photo)).unwrap();
            let ours: Vec<f32> = text.split(',').map(|v| v.parse().unwrap()).collect();
            let theirs = answer["also"][i].as_array().unwrap();
            let theirs: Vec<f32> = theirs.iter().map(|v| v.as_f64().unwrap() as f32).collect();
            let difference = relative_difference(&ours, &theirs);
            println!("{}: {photo}: bottlenecks agree to {difference:.1e}", answer["version"]);
            assert!(difference < BOUND, "{photo}: {difference} by {}", answer["version"]);
        }
    }
}
