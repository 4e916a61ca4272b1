//! Symmetry: a bottleneck is the mean over the photograph's mirror images and quarter turns, in the
//! cache, in the exported graph, and for every program that reads that graph.

use super::inception_replica::write_inception;
use super::loading::load_tensorflow;
use super::peers::{ALIKE, Feeding, assert_labels_alike};
use super::saved_model::{Fed, assert_serves};
use super::small_module::{SIDE, SmallModule, VariableKind};
use super::small_net::{Net, miniature, write};
use super::support::{
    OUTPUTS, Outcome, RETRAIN, Workspace, ask_peer, files_under, json, miniature_dir, python, run,
    scores,
};
use image::{DynamicImage, ImageFormat};
use retrain::inference::{Decoder, Extractor, LocalExtractor};
use retrain::model::{
    Backbone, Features, Identity, OwnGraph, Symmetry, create_model_graph, create_model_info,
    create_module_graph, create_own_graph,
};
use serde_json::json;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// The tolerance for bottlenecks.
const TOLERANCE: f32 = 1e-4;
const SIZE: u32 = 128;

/// The 8 views of a square; the first two are those of a flip.
fn views(image: &DynamicImage) -> Vec<DynamicImage> {
    let turns = [image.clone(), image.rotate90(), image.rotate180(), image.rotate270()];
    turns.into_iter().flat_map(|turned| [turned.clone(), turned.fliph()]).collect()
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A photograph without any symmetry, of a network's size, so that it is not resized.
fn photograph(workspace: &Workspace, size: u32) -> DynamicImage {
    let photograph = image::open(workspace.path("photos/open cluster/o00001.jpg")).unwrap();
    photograph.resize_exact(size, size, image::imageops::FilterType::Triangle)
}

fn miniature_with(features: Features, symmetry: Symmetry) -> Backbone {
    miniature();
    let info = create_model_info("miniature").unwrap().with_features(features);
    create_model_graph(&info, &miniature_dir()).unwrap().with_symmetry(symmetry).unwrap()
}

fn bottlenecks(backbone: &Backbone, images: &[DynamicImage]) -> Vec<Vec<f32>> {
    let extractor = LocalExtractor::new(backbone);
    let images: Vec<_> = images.iter().map(png).collect();
    extractor.prepare(&mut images.clone().into_iter()).unwrap();
    let rows = images
        .chunks(extractor.batch_size())
        .flat_map(|images| extractor.extract(extractor.decode(images.to_vec())).unwrap());
    rows.map(Result::unwrap).collect()
}

fn mean(rows: &[Vec<f32>]) -> Vec<f32> {
    let sum = |i: usize| rows.iter().map(|row| row[i]).sum::<f32>();
    (0..rows[0].len()).map(|i| sum(i) / rows.len() as f32).collect()
}

#[track_caller]
fn assert_alike(ours: &[f32], wanted: &[f32]) {
    assert_eq!(ours.len(), wanted.len());
    let largest = wanted.iter().fold(0f32, |largest, w| largest.max(w.abs()));
    for (ours, wanted) in ours.iter().zip(wanted) {
        assert!((ours - wanted).abs() <= TOLERANCE * largest, "{ours} instead of {wanted}");
    }
}

/// Expects the bottleneck with each symmetry to be the mean over the views.
#[track_caller]
fn assert_means(plain: &Backbone, image: &DynamicImage) {
    let views = views(image);
    let each = bottlenecks(plain, &views);
    let differ = each.iter().skip(1).any(|row| row != &each[0]);
    assert!(differ, "the network sees no difference between the views");
    for (symmetry, count) in [(Symmetry::Flip, 2), (Symmetry::Dihedral, 8)] {
        let ours = plain.clone().with_symmetry(symmetry).unwrap();
        let wanted = mean(&each[..count]);
        // The same photograph several times: its rows must not be mixed up with those of others.
        let rows = bottlenecks(&ours, &[views[0].clone(), views[2].clone(), views[0].clone()]);
        assert_alike(&rows[0], &wanted);
        assert_eq!(rows[0], rows[2]);
    }
}

#[test]
fn a_bottleneck_is_the_mean_over_the_views() {
    let workspace = Workspace::with_photos(2);
    let image = photograph(&workspace, SIZE);
    assert_means(&miniature_with(Features::Logits, Symmetry::None), &image);
    assert_means(&miniature_with(Features::Pooled, Symmetry::None), &image);
}

fn own(workspace: &Workspace, net: Net) -> Backbone {
    load_tensorflow();
    let path = write(workspace, "net.pb", &net.graph());
    create_own_graph(&OwnGraph { path, ..OwnGraph::default() }, Path::new("")).unwrap()
}

#[test]
fn graphs_of_your_own_may_be_made_for_one_image() {
    let workspace = Workspace::with_photos(2);
    for shape in [[1, 32, 32, 3], [-1, 32, 32, 3]] {
        let net = Net::features(&shape, true).reshaped("flat", &[1, 8]).dense(5).softmax();
        assert_means(&own(&workspace, net), &photograph(&workspace, 32));
    }
}

#[test]
fn modules_with_variables_have_it_too() {
    let workspace = Workspace::with_photos(2);
    for kind in [VariableKind::Resource, VariableKind::Reference] {
        SmallModule::new(kind).write(&workspace.path("module"));
        let handle = workspace.path("module").display().to_string();
        let module = create_module_graph(&handle, Path::new("")).unwrap();
        assert_means(&module, &photograph(&workspace, SIDE as u32));
    }
}

#[test]
fn each_symmetry_has_its_own_cache() {
    let all = [Symmetry::None, Symmetry::Flip, Symmetry::Dihedral];
    let backbones = all.map(|symmetry| miniature_with(Features::Pooled, symmetry));
    let names = backbones.each_ref().map(|backbone| backbone.name.as_str());
    assert_eq!(names, ["miniature_pooled", "miniature_pooled_flip", "miniature_pooled_dihedral"]);
    let [none, flip, dihedral] =
        backbones.each_ref().map(|backbone| Identity::of(backbone).current);
    assert!(none != flip && flip != dihedral && dihedral != none);
}

#[test]
fn pixels_that_are_not_square_can_only_be_mirrored() {
    let workspace = Workspace::new();
    let net = Net::features(&[-1, 24, 32, 3], false).dense(5).softmax();
    let backbone = own(&workspace, net);
    let error = backbone.clone().with_symmetry(Symmetry::Dihedral).unwrap_err().to_string();
    assert_eq!(
        error,
        "`symmetry`: dihedral also turns photographs by 90°, but the network takes 32 × 24 pixels, \
         which is not square; give flip instead"
    );
    backbone.with_symmetry(Symmetry::Flip).unwrap();
}

/// Runs `retrain` on a graph of your own, with dihedral symmetry.
fn retrain_own(workspace: &Workspace, net: Net) -> Outcome {
    write(workspace, "net.pb", &net.graph());
    let args = [
        "--image_dir=photos",
        "--architecture=net.pb",
        "--how_many_training_steps=5",
        "--symmetry=dihedral",
    ];
    run(RETRAIN, workspace.root(), &[&args, &OUTPUTS[..]].concat())
}

#[test]
fn a_graphs_own_normalisation_is_still_found_after_the_views() {
    let workspace = Workspace::with_photos(4);
    let net = Net::of(&[-1, 32, 32, 3]).with("Mul", "scaled", &[1.0 / 127.5]);
    let net = net.with("Sub", "centred", &[1.0]).convolved().pooled("features", false);
    retrain_own(&workspace, net.dense(5).softmax()).expect_code(0);
    // The copy has no metadata, so that its pixels must be guessed.
    fs::copy(workspace.path("graph.pb"), workspace.path("copy.pb")).unwrap();
    let label = |graph: &str| {
        let graph = format!("--graph={graph}");
        let outcome = workspace.label_image(&[&graph, "--image=photos/open cluster/o00001.jpg"]);
        scores(&outcome.expect_code(0).stdout)
    };
    assert_eq!(label("copy.pb"), label("graph.pb"));
}

#[test]
fn networks_whose_images_disturb_one_another_are_refused() {
    let workspace = Workspace::with_photos(4);
    let mut net = Net::of(&[-1, 32, 32, 3]).convolved();
    // Subtracts the batch's mean, as no rule on ops would notice.
    let axes = net.b.ints("axes", &[0]);
    let mean = net.b.op("Mean", "of_batch").inputs([&net.x, &axes]).float_type();
    let mean = mean
        .type_attr("Tidx", retrain::proto::DataType::DT_INT32)
        .bool_attr("keep_dims", true)
        .finish();
    let scaled = net.b.op("Maximum", "centred").inputs([&net.x, &mean]).float_type().finish();
    net.x = scaled;
    let net = net.pooled("features", false).dense(5).softmax();
    let outcome = retrain_own(&workspace, net);
    assert_ne!(outcome.code, 0);
    outcome.says("--symmetry: does not work with").says("depends on the other images in its batch");
}

#[test]
fn the_whole_run_is_in_the_graph() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--symmetry=dihedral", "--saved_model_dir=saved_model"]).expect_code(0);
    let files = files_under(&workspace.path("bottlenecks"));
    assert!(files.iter().all(|f| f.ends_with("_miniature_dihedral.txt")), "{files:?}");
    assert_eq!(json(&workspace.path("graph.pb.json"))["settings"]["symmetry"], "dihedral");
    // A photograph and its turned and mirrored copies get the same scores.
    let image = photograph(&workspace, SIZE);
    let label = |image: &DynamicImage| {
        let path = workspace.write("turned.png", png(image));
        let image = format!("--image={}", path.display());
        let outcome = workspace.label_image(&[&image]).expect_code(0);
        scores(&outcome.stdout)
    };
    let wanted = label(&image);
    for view in views(&image) {
        for ((label, score), (wanted_label, wanted)) in label(&view).into_iter().zip(&wanted) {
            assert_eq!(label, *wanted_label);
            assert!((score - wanted).abs() < TOLERANCE, "{score} instead of {wanted}");
        }
    }
    let photographs = ["globular cluster/g00003.jpg", "open cluster/o00004.jpg"]
        .map(|name| workspace.path("photos").join(name));
    let feeding = Feeding { layer: "input", size: SIZE, mean: 128, std: 128 };
    assert_labels_alike(&workspace, &feeding, &photographs, ALIKE);
    let fed = Fed { input: "input", size: SIZE, mean: 127.5, std: 127.5 };
    assert_serves(&workspace, "input:0", &fed, &photographs);
}

#[test]
fn inception_is_mirrored_after_it_has_decoded_and_scaled() {
    let workspace = Workspace::with_photos(4);
    write_inception(&workspace.path("models/classify_image_graph_def.pb"), 5);
    let args = [
        "--image_dir=photos",
        "--model_dir=models",
        "--how_many_training_steps=20",
        "--symmetry=flip",
        "--saved_model_dir=saved_model",
    ];
    run(RETRAIN, workspace.root(), &[&args, &OUTPUTS[..]].concat()).expect_code(0);
    let photographs = ["globular cluster/g00003.jpg", "open cluster/o00001.jpg"]
        .map(|name| workspace.path("photos").join(name));
    let feeding = Feeding { layer: "Mul", size: 299, mean: 128, std: 128 };
    assert_labels_alike(&workspace, &feeding, &photographs, ALIKE);
    let fed = Fed { input: "Mul", size: 299, mean: 128.0, std: 128.0 };
    assert_serves(&workspace, "DecodeJpeg/contents:0", &fed, &photographs);
}

#[test]
fn a_modules_symmetry_is_exported_with_its_variables() {
    let workspace = Workspace::with_photos(4);
    SmallModule::new(VariableKind::Resource).write(&workspace.path("module"));
    let args = [
        "--image_dir=photos",
        "--tfhub_module=module",
        "--how_many_training_steps=20",
        "--symmetry=dihedral",
        "--saved_model_dir=saved_model",
        "--checkpoint_path=checkpoint",
    ];
    run(RETRAIN, workspace.root(), &[&args, &OUTPUTS[..]].concat()).expect_code(0);
    let photographs = ["globular cluster/g00003.jpg", "open cluster/o00001.jpg"]
        .map(|name| workspace.path("photos").join(name));
    let feeding = Feeding { layer: "Placeholder", size: SIDE as u32, mean: 0, std: 255 };
    assert_labels_alike(&workspace, &feeding, &photographs, ALIKE);
    let fed = Fed { input: "Placeholder", size: SIDE as u32, mean: 0.0, std: 255.0 };
    assert_serves(&workspace, "Placeholder:0", &fed, &photographs);
}

fn assert_converts(workspace: &Workspace, image: &Path) {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    let spec = miniature_with(Features::Logits, Symmetry::None).pixels;
    let pixels = Decoder::new(&spec).decode(fs::read(image).unwrap()).unwrap();
    let request = json!({
        "graph": workspace.path("graph.pb"), "input": "input", "pixels": &pixels[..],
        "size": SIZE,
    });
    let answer = ask_peer(&python, "converted.py", &request);
    let wanted = answer["tensorflow"].as_array().unwrap();
    for reader in ["lite", "opencv"] {
        let Some(theirs) = answer[reader].as_array() else {
            println!("skipped: this Python has no {reader}");
            continue;
        };
        assert_eq!(theirs.len(), wanted.len());
        for (theirs, wanted) in theirs.iter().zip(wanted) {
            let difference = theirs.as_f64().unwrap() - wanted.as_f64().unwrap();
            assert!(difference.abs() < ALIKE, "{reader}: {answer}");
        }
    }
}

#[test]
fn tensorflow_lite_and_opencv_read_the_graph() {
    for symmetry in ["flip", "dihedral"] {
        for features in ["logits", "pooled"] {
            let workspace = Workspace::with_photos(4);
            let args = [format!("--symmetry={symmetry}"), format!("--features={features}")];
            workspace.retrain(&args.each_ref().map(String::as_str)).expect_code(0);
            assert_converts(&workspace, &workspace.path("photos/open cluster/o00001.jpg"));
        }
    }
}

#[test]
fn another_symmetry_cannot_be_resumed() {
    let workspace = Workspace::with_photos(4);
    workspace.retrain(&["--symmetry=flip"]).expect_code(0);
    let resumed = ["--resume", "--how_many_training_steps=30"];
    let outcome = workspace.retrain(&[&resumed[..], &["--symmetry=dihedral"]].concat());
    outcome.expect_code(2).says("--symmetry: differs from the run");
    workspace.retrain(&[&resumed[..], &["--symmetry=flip"]].concat()).expect_code(0);
}
