//! Modules with either kind of variable, and the path from a picture's bytes into a module.

use super::hub::assert_peers_read;
use super::loading::load_tensorflow;
use super::small_module::{SIDE, SmallModule, VariableKind, scale};
use super::support::{
    LABEL_IMAGE, OUTPUTS, Outcome, RETRAIN, Workspace, ask_peer, python, run, scores, strings,
};
use image::{DynamicImage, ImageFormat, RgbImage};
use protobuf::Message;
use retrain::model::create_module_graph;
use retrain::proto::collection_def::Kind;
use retrain::proto::{self, GraphDef, SavedModel, VariableDef};
use serde_json::json;
use std::fs;
use std::io::Cursor;
use std::path::Path;

const MODULE: &str = "module";

/// Retrains on `photos` with the module in [`MODULE`], and writes every kind of output.
fn retrain(workspace: &Workspace) -> Outcome {
    let flags = [
        "--image_dir=photos",
        "--tfhub_module=module",
        "--how_many_training_steps=20",
        "--random_seed=1",
        "--checkpoint_path=checkpoint/head",
        "--saved_model_dir=saved_model",
    ];
    run(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat())
}

fn floats(path: &Path) -> Vec<f32> {
    fs::read_to_string(path).unwrap().split(',').map(|v| v.parse().unwrap()).collect()
}

fn graph(path: &Path) -> GraphDef {
    proto::parse(path, &fs::read(path).unwrap()).unwrap()
}

/// A picture of exactly the module's size, so nothing is resized; all pixels differ.
fn picture(seed: u8) -> RgbImage {
    RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let v = (x * 31 + y * 7) as u8;
        image::Rgb([v.wrapping_add(seed), v.wrapping_mul(3) ^ seed, 255 - v])
    })
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The small module's features of a picture of its size: x · (1/255) in single precision, times the
/// variable.
fn features(image: &RgbImage) -> Vec<f32> {
    let unit = (1.0f64 / 255.0) as f32;
    image.as_raw().iter().zip(scale()).map(|(&v, scale)| f32::from(v) * unit * scale).collect()
}

#[test]
fn variables_of_both_kinds_are_read_trained_on_and_exported() {
    let mut results = Vec::new();
    for (kind, variable, read) in [
        (VariableKind::Reference, "VariableV2", "module_apply_default/scale/read"),
        (VariableKind::Resource, "VarHandleOp", "module_apply_default/scale/Read/ReadVariableOp"),
    ] {
        let workspace = Workspace::with_photos(20);
        SmallModule::new(kind).write(&workspace.path(MODULE));
        retrain(&workspace).expect_code(0).says("Final test accuracy");

        // In the exported graph the variable is a Const with the module's values, with the same
        // readers.
        let exported = graph(&workspace.path("graph.pb"));
        let node = |name: &str| exported.find(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(node("module/scale").op, "Const");
        let value = node("module/scale").tensor_attr("value").unwrap();
        let bytes: Vec<u8> = scale().iter().flat_map(|v| v.to_le_bytes()).collect();
        assert!(value.tensor_content == bytes, "{kind:?}: not the module's values");
        assert_eq!(
            (node(read).op.as_str(), &node(read).input[..]),
            ("Identity", &["module/scale".to_owned()][..])
        );
        let operations: Vec<&str> = exported.node.iter().map(|n| n.op.as_str()).collect();
        assert!(
            !operations.contains(&variable) && !operations.contains(&"Assign"),
            "{operations:?}"
        );

        let names = [
            "final_retrain_ops/biases/final_biases",
            "final_retrain_ops/weights/final_weights",
            "module/scale",
        ];
        assert_eq!(saved_variables(&workspace), names);
        // One graph with few products: probabilities may differ only in the last bits.
        assert_peers_read(&workspace, None, SIDE, 1e-6);
        let photo = "--image=photos/open cluster/o00001.jpg";
        let flags = ["--input_layer=Placeholder", "--input_mean=0", "--input_std=255"];
        let flags = [&["--graph=graph.pb", "--labels=labels.txt", photo], &flags[..]].concat();
        let outcome = run(LABEL_IMAGE, workspace.root(), &flags).expect_code(0);
        results.push((floats(&bottleneck_file(&workspace, "o00001.jpg")), scores(&outcome.stdout)));
    }
    // The same pictures give the same numbers, to the bit.
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0].1.len(), 2);
}

/// The names in the SavedModel's collection of variables, from which Python makes its variables.
fn saved_variables(workspace: &Workspace) -> Vec<String> {
    let path = workspace.path("saved_model/saved_model.pb");
    let saved_model: SavedModel = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    let collections = &saved_model.meta_graphs[0].collection_def;
    let variables = &collections.iter().find(|c| c.key == "variables").unwrap().value;
    let Some(Kind::BytesList(list)) = &variables.kind else {
        panic!("no list of bytes: {variables:?}")
    };
    let name = |bytes: &Vec<u8>| VariableDef::parse_from_bytes(bytes).unwrap().variable_name;
    let mut names: Vec<String> =
        list.value.iter().map(|v| name(v).trim_end_matches(":0").to_owned()).collect();
    names.sort();
    names
}

fn bottleneck_file(workspace: &Workspace, image: &str) -> std::path::PathBuf {
    workspace.path(&format!("bottlenecks/open cluster/{image}_module.txt"))
}

#[test]
fn a_module_that_tensorflow_1_wrote_with_reference_variables_gives_its_values() {
    let Some(python) = python("RETRAIN_PEER_TF115") else { return };
    let workspace = Workspace::with_photos(20);
    let names = ["globular cluster/g00003.jpg", "open cluster/o00001.jpg"];
    let images = names.map(|name| workspace.path("photos").join(name));
    let request = json!({ "dir": workspace.path(MODULE), "images": images });
    let answer = ask_peer(&python, "reference_module.py", &request);
    assert_eq!(strings(&answer["ops"]), ["VariableV2"]);
    retrain(&workspace).expect_code(0).says("Final test accuracy");
    load_tensorflow();
    let backbone =
        create_module_graph(workspace.path(MODULE).to_str().unwrap(), Path::new("")).unwrap();
    assert_eq!(backbone.variables.iter().map(|v| &v.0[..]).collect::<Vec<_>>(), NAMES);
    for (i, name) in names.iter().enumerate() {
        let ours = floats(&workspace.path(&format!("bottlenecks/{name}_module.txt")));
        let theirs = answer["features"][i].as_array().unwrap();
        assert_eq!(ours.len(), 8);
        for (ours, theirs) in ours.iter().zip(theirs) {
            // The two TensorFlows' JPEG decoders differ by a grey level (4e-3) in a few pixels, and
            // their sums in the last bits; the features are means of 64 numbers.
            assert!(
                (f64::from(*ours) - theirs.as_f64().unwrap()).abs() < 1e-4,
                "{ours} and {theirs}"
            );
        }
    }
    // A convolution of 27 products: probabilities differ in the last bits.
    assert_peers_read(&workspace, None, 16, 1e-6);
}

const NAMES: [&str; 3] = ["module/net/weights", "module/net/biases", "module/net/steps"];

#[test]
fn pictures_are_decoded_by_their_content_whatever_their_name() {
    let workspace = Workspace::with_photos(20);
    SmallModule::new(VariableKind::Resource).write(&workspace.path(MODULE));
    let colour = picture(5);
    let grey = DynamicImage::ImageRgb8(picture(9)).to_luma8();
    let grey_as_rgb = DynamicImage::ImageLuma8(grey.clone()).to_rgb8();
    // Half transparent: the alpha channel is dropped, not blended.
    let mut alpha = DynamicImage::ImageRgb8(colour.clone()).to_rgba8();
    alpha.pixels_mut().for_each(|p| p.0[3] = 128);
    let jpeg = encoded(&DynamicImage::ImageRgb8(colour.clone()), ImageFormat::Jpeg);
    let jpeg_named_png = jpeg.clone();
    let png = |image: DynamicImage| encoded(&image, ImageFormat::Png);
    let pictures = [
        ("a.png", png(DynamicImage::ImageRgb8(colour.clone())), Some(features(&colour))),
        ("b.jpg", png(DynamicImage::ImageRgb8(colour.clone())), Some(features(&colour))),
        ("c.jpeg", png(DynamicImage::ImageRgba8(alpha)), Some(features(&colour))),
        ("d.png", png(DynamicImage::ImageLuma8(grey)), Some(features(&grey_as_rgb))),
        ("e.jpg", jpeg, None),
        ("f.png", jpeg_named_png, None),
    ];
    for (name, bytes, _) in &pictures {
        workspace.write(&format!("photos/open cluster/{name}"), bytes);
    }
    retrain(&workspace).expect_code(0);
    for (name, _, wanted) in &pictures {
        let ours = floats(&bottleneck_file(&workspace, name));
        if let Some(wanted) = wanted {
            assert_eq!(&ours, wanted, "{name}");
        }
    }
    let [jpg, png] = ["e.jpg", "f.png"].map(|name| floats(&bottleneck_file(&workspace, name)));
    assert_eq!(jpg, png);
    assert_ne!(jpg, features(&colour), "a JPEG is not without loss");

    // label_image sees the same pixels that the network was trained on.
    let label = |name: &str| {
        let image = format!("--image=photos/open cluster/{name}");
        let flags = ["--input_layer=Placeholder", "--input_mean=0", "--input_std=255", &image];
        let flags = [&["--graph=graph.pb", "--labels=labels.txt"], &flags[..]].concat();
        scores(&run(LABEL_IMAGE, workspace.root(), &flags).expect_code(0).stdout)
    };
    assert_eq!(label("b.jpg"), label("a.png"));
    assert_eq!(label("f.png"), label("e.jpg"));

    // Each TensorFlow reads the same pixels, too.
    let images = pictures.each_ref().map(|p| workspace.path("photos/open cluster").join(p.0));
    let request = json!({
        "graph": workspace.path("graph.pb"), "size": SIDE, "images": images,
        "input": "Placeholder", "mean": 0, "std": 255, "also": "module_apply_default/features",
    });
    for python in ["RETRAIN_PEER_TF2", "RETRAIN_PEER_TF115"].iter().filter_map(|v| self::python(v))
    {
        let answer = ask_peer(&python, "classify.py", &request);
        for (i, (name, _, _)) in pictures.iter().enumerate() {
            let ours = floats(&bottleneck_file(&workspace, name));
            let theirs = answer["also"][i].as_array().unwrap();
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                let difference = (f64::from(*ours) - theirs.as_f64().unwrap()).abs();
                // x / 255 and x · (1/255) differ in the last bit of numbers up to 1.25. A JPEG's
                // pixels differ between the decoders of TensorFlow 1.15 and 2 by at most a grey
                // level (1/255) times 1.25.
                let bound = if name.starts_with(['e', 'f']) { 1.25 / 255.0 + 1e-6 } else { 2e-7 };
                assert!(difference < bound, "{name}: {ours} and {theirs} by {}", answer["version"]);
            }
        }
    }
}
