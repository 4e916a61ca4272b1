//! Distortions: the script's nodes, its statistics, and a whole run.

use super::support::{Workspace, files_under, golden, json};
use image::ImageFormat;
use retrain::images::{PixelRange, PixelSpec};
use retrain::layers::{Distortions, add_input_distortions, add_jpeg_decoding};
use retrain::proto::{self, DataType, GraphDef, NodeDef, TensorProto, Value as AttrValue};
use retrain::tf::{GraphBuilder, Tensor};
use serde_json::{Value, json};
use std::fs;

pub(crate) const POETS: PixelRange = PixelRange::Multiply { mean: 127.5, std: 127.5 };

pub(crate) fn spec(size: i32, range: PixelRange) -> PixelSpec {
    PixelSpec::new(size, size, range)
}

/// A node's attributes in the format of the golden files, which omit seeds.
fn attributes(node: &NodeDef) -> Value {
    if node.op == "Const" {
        return constant(node.tensor_attr("value").unwrap());
    }
    let kept = node.attr.iter().filter(|a| !a.key.starts_with("seed"));
    kept.map(|a| (a.key.clone(), json!(text(a.value.value.as_ref().unwrap())))).collect()
}

fn text(value: &AttrValue) -> String {
    let name = |t: protobuf::EnumOrUnknown<DataType>| format!("{:?}", t.enum_value().unwrap());
    match value {
        AttrValue::Type(t) => format!("type: {}", name(*t)),
        AttrValue::I(i) => format!("i: {i}"),
        AttrValue::B(b) => format!("b: {b}"),
        AttrValue::F(f) => format!("f: {f:?}"),
        AttrValue::S(s) => format!("s: {:?}", str::from_utf8(s).unwrap()),
        AttrValue::List(l) => {
            let types = l
                .type_
                .iter()
                .map(|&t| format!("type: {} ", name(protobuf::EnumOrUnknown::from_i32(t))));
            format!(
                "list {{ {}}}",
                types.chain(l.i.iter().map(|i| format!("i: {i} "))).collect::<String>()
            )
        }
        AttrValue::Shape(s) if s.unknown_rank => "shape { unknown_rank: true }".into(),
        other => panic!("{other:?}"),
    }
}

fn constant(tensor: &TensorProto) -> Value {
    let (dtype, mut values) = match tensor.dtype.enum_value().unwrap() {
        DataType::DT_FLOAT => {
            ("float32", tensor.float_val.iter().map(|&f| json!(f64::from(f))).collect::<Vec<_>>())
        }
        DataType::DT_STRING => (
            "object",
            tensor.string_val.iter().map(|s| json!(str::from_utf8(s).unwrap())).collect(),
        ),
        DataType::DT_INT32 => {
            let bytes =
                tensor.tensor_content.chunks(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()));
            ("int32", tensor.int_val.iter().copied().chain(bytes).map(|i| json!(i)).collect())
        }
        other => panic!("{other:?}"),
    };
    let value = if tensor.tensor_shape.dim.is_empty() { values.remove(0) } else { json!(values) };
    json!({"dtype": dtype, "value": value})
}

#[test]
fn the_nodes_are_the_scripts() {
    for (generation, range) in [("poets", POETS), ("hub", PixelRange::Unit)] {
        for case in ["all", "flip", "unflipped"] {
            let golden = json(&golden(&format!("layers/distortions_{generation}_{case}.json")));
            let flags = &golden["flags"];
            let percent = |name: &str| u32::try_from(flags[name].as_u64().unwrap()).unwrap();
            let distortions = Distortions {
                flip_left_right: flags["flip_left_right"].as_bool().unwrap(),
                random_crop: percent("random_crop"),
                random_scale: percent("random_scale"),
                random_brightness: percent("random_brightness"),
                seed: 1,
                ..Distortions::NONE
            };
            let mut b = GraphBuilder::default();
            add_jpeg_decoding(&mut b, &spec(224, range));
            b.take_nodes();
            let ends = add_input_distortions(&mut b, &distortions, &spec(224, range));
            let nodes = b.take_nodes();
            let ours: Vec<Value> =
                nodes.iter().map(|n| json!([n.name, n.op, n.input, attributes(n)])).collect();
            let theirs = golden["nodes"].as_array().unwrap();
            assert_eq!(ours.len(), theirs.len(), "{generation} {case}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                let mut theirs = theirs.clone();
                if theirs[3]["dtype"] == "float32" {
                    // serde_json may be off by the last bit of a double.
                    theirs[3]["value"] =
                        json!(f64::from(theirs[3]["value"].as_f64().unwrap() as f32));
                }
                assert_eq!(*ours, theirs, "{generation} {case}");
            }
            assert_eq!(
                [ends.data, ends.pixels],
                ["DistortJPGInput", "DistortResult"],
                "{generation} {case}"
            );
        }
    }
}

/// Pixels that encode their position: red grows with x, green with y, blue is constant.
pub(crate) fn chart(size: u64) -> Tensor<u8> {
    let mut image = Tensor::new(&[size, size, 3]);
    for (i, pixel) in image.chunks_mut(3).enumerate() {
        pixel.copy_from_slice(&[(i as u64 % size) as u8, (i as u64 / size) as u8, 100]);
    }
    image
}

#[test]
fn only_training_images_are_distorted_and_a_seed_repeats_the_run() {
    let workspace = Workspace::with_photos(20);
    let flags =
        ["--flip_left_right", "--random_crop=10", "--random_scale=10", "--random_brightness=10"];
    let run = || {
        let outcome =
            workspace.retrain(&[&flags[..], &["--train_batch_size=10"]].concat()).expect_code(0);
        (fs::read(workspace.path("graph.pb")).unwrap(), outcome)
    };
    let (first, outcome) = run();
    assert!(outcome.stderr.contains("Final test accuracy"), "{}", outcome.stderr);
    assert_eq!(first, run().0, "the same seed, another graph");
    let cached = files_under(&workspace.path("bottlenecks"));
    assert!(
        !cached.is_empty() && cached.len() < 40,
        "the cache holds all but the training images: {}",
        cached.len()
    );
    let before: Vec<_> =
        cached.iter().map(|f| fs::read(workspace.path("bottlenecks").join(f)).unwrap()).collect();
    workspace.retrain(&[]).expect_code(0);
    let after: Vec<_> =
        cached.iter().map(|f| fs::read(workspace.path("bottlenecks").join(f)).unwrap()).collect();
    assert_eq!(before, after, "validation and test images are not distorted");
    assert_ne!(first, fs::read(workspace.path("graph.pb")).unwrap());
}

#[test]
fn distorted_images_may_be_of_any_format() {
    let workspace = Workspace::with_photos(20);
    for (i, format) in [ImageFormat::Bmp, ImageFormat::Png, ImageFormat::Gif].iter().enumerate() {
        for number in (i..20).step_by(4) {
            let photo = workspace.path(&format!("photos/open cluster/o{number:05}.jpg"));
            let image = image::open(&photo).unwrap();
            image.save_with_format(&photo, *format).unwrap();
        }
    }
    let all = ["--flip_left_right", "--train_batch_size=-1", "--how_many_training_steps=1"];
    workspace.retrain(&all).expect_code(0);
}

#[test]
fn validation_and_test_images_are_never_decoded_again() {
    let workspace = Workspace::with_photos(20);
    let distorted = |args: &[&str]| {
        workspace.retrain(&[&["--flip_left_right", "--random_crop=10"], args].concat())
    };
    workspace.retrain(&[]).expect_code(0);
    let all = files_under(&workspace.path("bottlenecks"));
    fs::remove_dir_all(workspace.path("bottlenecks")).unwrap();
    distorted(&[]).expect_code(0);
    let cached = files_under(&workspace.path("bottlenecks"));
    // With every photograph of the two sets unreadable, the cache alone is enough for the same run.
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    for file in &cached {
        workspace.write(
            &format!("photos/{}", file.strip_suffix("_miniature.txt").unwrap()),
            "no photograph",
        );
    }
    // The packed file would reveal that they have changed.
    fs::remove_file(workspace.path("bottlenecks/miniature.bottlenecks")).unwrap();
    distorted(&[]).expect_code(0);
    assert_eq!(graph, fs::read(workspace.path("graph.pb")).unwrap());
    let training =
        all.iter().find(|f| !cached.contains(f)).unwrap().strip_suffix("_miniature.txt").unwrap();
    workspace.write(&format!("photos/{training}"), "no photograph");
    let outcome =
        distorted(&["--train_batch_size=-1", "--how_many_training_steps=1"]).expect_code(1);
    outcome.says(&format!("photos/{training}: Error during processing file photos/{training} ("));
}

#[test]
fn a_batch_of_all_images_is_distorted_anew_each_step() {
    let workspace = Workspace::with_photos(20);
    // Nothing is learnt and all images are used, so only distortions can change the cross-entropy.
    let still = [
        "--learning_rate=0",
        "--train_batch_size=-1",
        "--eval_step_interval=1",
        "--how_many_training_steps=3",
    ];
    let entropies = |args: &[&str]| -> Vec<String> {
        let outcome = workspace.retrain(&[&still[..], args].concat()).expect_code(0);
        let lines = outcome.stderr.lines().filter_map(|l| l.split_once("Cross entropy = "));
        lines.map(|(_, value)| value.to_owned()).collect()
    };
    let plain = entropies(&[]);
    assert_eq!(plain, vec![plain[0].clone(); 3]);
    let mut distorted = entropies(&["--random_brightness=50"]);
    assert!(distorted.iter().all(|v| v.parse::<f64>().unwrap().is_finite()), "{distorted:?}");
    distorted.dedup();
    assert_eq!(distorted.len(), 3);
}

#[test]
fn tensorboard_shows_the_nodes_where_the_script_puts_them_and_exports_leave_them_out() {
    let workspace = Workspace::with_photos(20);
    let flags =
        ["--flip_left_right", "--random_crop=10", "--random_scale=20", "--random_brightness=30"];
    workspace.retrain(&[&flags[..], &["--how_many_training_steps=1"]].concat()).expect_code(0);
    let shown = super::events::read(&workspace.path("summaries/train")).graph.unwrap();
    let row = |n: &NodeDef| json!([n.name, n.op, n.input]);
    let shown: Vec<Value> = shown.node.iter().map(row).collect();
    let golden = json(&golden("layers/distortions_poets_all.json"));
    let theirs: Vec<Value> =
        golden["nodes"].as_array().unwrap().iter().map(|n| json!([n[0], n[1], n[2]])).collect();
    let first = shown.iter().position(|n| n[0] == "DistortJPGInput").unwrap();
    assert_eq!(shown[first..first + theirs.len()], theirs[..]);
    assert_eq!(
        [&shown[first - 1][0], &shown[first + theirs.len()][0]],
        ["Mul", "input_1/BottleneckInputPlaceholder"]
    );
    let path = workspace.path("graph.pb");
    let exported: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    assert!(exported.find("final_result").is_some() && exported.find("DistortResult").is_none());
}
