//! Labelling: the script's answers on real photographs, and every kind of file and mistake on
//! simulated ones.

use super::support::{LABEL_IMAGE, Workspace, json, run, scores, shared, strings};
use image::codecs::gif::GifEncoder;
use image::{Frame, ImageFormat, Rgb, RgbImage};
use retrain::label_image::{LabelConfig, classify, report};
use retrain::proto::{self, GraphDef};
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
        let config = LabelConfig {
            graph: graph.join("retrained_graph.pb"),
            labels: graph.join("retrained_labels.txt"),
            input_height: None,
            input_width: None,
            input_mean: 128.0,
            input_std: 128.0,
            input_layer: "input".into(),
            output_layer: "final_result".into(),
        };
        let mut out = Vec::new();
        report(&classify(&config, &photos.join(name)).unwrap(), &mut out).unwrap();
        let (ours, golden) =
            (scores(std::str::from_utf8(&out).unwrap()), scores(&strings(lines).join("\n")));
        assert_eq!(ours.len(), golden.len());
        for (ours, golden) in ours.iter().zip(&golden) {
            assert_eq!(ours.0, golden.0, "{name}");
            // The last digit printed: TensorFlow 1.15 and 2 round sums differently.
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
    // The defaults are where the tutorial puts them.
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

/// A photograph with at most 256 colours: a GIF can hold it without loss.
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
    // What the content says goes before what the name says.
    workspace.write("png_named.jpg", encoded(&first, ImageFormat::Png));
    let label = |name: &str| {
        scores(&workspace.label_image(&[&format!("--image={name}")]).expect_code(0).stdout)
    };
    let expected = label("a.png");
    for name in ["alpha.png", "a.bmp", "a.gif", "animated.gif", "transparent.gif", "png_named.jpg"]
    {
        // The same pixels: the same scores to the last digit.
        assert_eq!(label(name), expected, "{name}");
    }
    assert_ne!(label("other.gif"), expected, "of an animation the first frame counts");
}

#[test]
fn files_that_are_no_images_are_named_with_what_they_are() {
    let workspace = trained();
    let label = |name: &str| workspace.label_image(&[&format!("--image={name}")]);
    label("missing.jpg").expect_code(1).says("missing.jpg: cannot be read (No such file");
    let whole = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    for (name, content, message) in [
        (
            "webp.jpg",
            b"RIFF\x24\x00\x00\x00WEBPVP8 ".to_vec(),
            "webp.jpg: is WebP, not JPEG, PNG, GIF or BMP",
        ),
        ("tiff.jpg", b"II*\0\x08\0\0\0".to_vec(), "tiff.jpg: is TIFF"),
        ("m13.fits", b"SIMPLE  =                    T".to_vec(), "m13.fits: is FITS"),
        ("page.jpg", b"<!DOCTYPE html><html>".to_vec(), "page.jpg: is HTML"),
        ("empty.jpg", vec![], "empty.jpg: is empty"),
        ("noise.png", b"noise".to_vec(), "noise.png: is not a JPEG, PNG, GIF or BMP image"),
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
    let huge = "huge.jpg: has 1099511627776 bytes, more than the 1073741824 that are allowed";
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
    outcome.says("--input_layer: graph.pb holds no node 'Mul'; it has input");
    let outcome = workspace.label_image(&[photo, "--output_layer=final"]).expect_code(2);
    outcome.says("--output_layer: graph.pb holds no node 'final'; it has final_result");
}

#[test]
fn labels_that_do_not_fit_the_graph_are_an_error() {
    let workspace = trained();
    let photo = "--image=photos/open cluster/o00000.jpg";
    workspace.write("three.txt", "a\nb\nc\n");
    let outcome = workspace.label_image(&[photo, "--labels=three.txt"]).expect_code(1);
    outcome.says("three.txt: holds 3 labels, but the graph has 2 classes");
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
    workspace
        .label_image(&[photo, "--graph=empty.pb"])
        .expect_code(2)
        .says("holds no node 'input'");
}

#[test]
fn mean_and_std_are_taken_as_given_and_a_zero_mean_is_one() {
    let workspace = trained();
    let label = |args: &[&str]| {
        let photo = ["--image=photos/open cluster/o00000.jpg"];
        scores(&workspace.label_image(&[&photo, args].concat()).expect_code(0).stdout)
    };
    let default = label(&[]);
    assert_eq!(
        label(&["--input_mean=128", "--input_std=128", "--input_height=128", "--input_width=128"]),
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
    let plan = retrain::simulate::Plan {
        per_class: 5,
        size: 48,
        classes: Some(7),
        ..retrain::simulate::Plan::new(photos)
    };
    retrain::simulate::simulate_clusters(&plan).unwrap();
    workspace.retrain(&[]).expect_code(0);
    let outcome = workspace.label_image(&["--image=photos/class_0003/c00000.jpg"]).expect_code(0);
    let scores = scores(&outcome.stdout);
    assert_eq!(scores.len(), 5);
    assert!(scores.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{scores:?}");
    assert!(scores.iter().all(|(label, _)| label.starts_with("class 000")), "{scores:?}");
}
