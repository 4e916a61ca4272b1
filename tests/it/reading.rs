//! How files become pixels, through both programs: turned as their EXIF data says, reduced while
//! they are decoded, and as previews.

use super::loading::load_tensorflow;
use super::support::{Workspace, files_under, json, scores};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, Rgb, RgbImage};
use retrain::images::{PixelRange, PixelSpec, Reading};
use retrain::inference::Decoder;
use std::collections::BTreeSet;
use std::fs;

const PHOTO: &str = "--image=photos/open cluster/o00000.jpg";

/// EXIF data with an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [b"II*\0\x08\0\0\0\x01\0", &entry[..], &[0; 4]].concat()
}

fn jpeg(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 95);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.encode_image(picture).unwrap();
    jpeg
}

/// A picture without symmetry.
fn picture(width: u32, height: u32) -> RgbImage {
    let share = |part: u32, whole: u32| (255 * part / whole) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([share(x, width), share(y, height), share(x * y, width * height)])
    })
}

/// Turns the photographs of the first class on their side, and says so in their EXIF data.
pub(crate) fn with_turned_photos() -> Workspace {
    let workspace = Workspace::with_photos(20);
    for file in files_under(&workspace.path("photos/open cluster")) {
        let path = workspace.path("photos/open cluster").join(file);
        let upright = image::open(&path).unwrap().into_rgb8();
        // 6: what is stored must be turned clockwise.
        fs::write(&path, jpeg(&image::imageops::rotate270(&upright), 6)).unwrap();
    }
    workspace
}

#[test]
fn photographs_are_turned_in_training_and_labelling_alike() {
    let workspace = with_turned_photos();
    let line = "20 photographs used as stored, as in the script, though the EXIF data says to turn \
                or mirror: --exif_orientation does";
    workspace.retrain(&[]).expect_code(0).says(line);
    assert!(!json(&workspace.path("graph.pb.json")).to_string().contains("format_options\":{\""));
    let stored = scores(&workspace.label_image(&[PHOTO]).expect_code(0).stdout);
    let plain = workspace.label_image(&[PHOTO]).expect_code(0);
    assert_eq!(plain.stderr, "");

    let outcome = workspace.retrain(&["--exif_orientation"]).expect_code(0);
    assert!(!outcome.stderr.contains("used as stored"), "{}", outcome.stderr);
    let metadata = json(&workspace.path("graph.pb.json"));
    let options = metadata["input"]["format_options"].to_string();
    assert_eq!(options, "{\"exif_orientation\":true}");
    assert_eq!(metadata["settings"]["exif_orientation"], true);
    assert_eq!(metadata["settings"]["fast_decode"], false);
    let texts = files_under(&workspace.path("bottlenecks"));
    let turned = texts.iter().filter(|f| f.ends_with("_exif_orientation.txt")).count();
    assert_eq!((texts.len(), turned), (80, 40), "each way has names of its own in the cache");
    // label_image follows the metadata; a flag against it is warned of.
    let outcome = workspace.label_image(&[PHOTO]).expect_code(0);
    assert_eq!(outcome.stderr, "");
    let upright = scores(&outcome.stdout);
    let outcome = workspace.label_image(&["--noexif_orientation", PHOTO]).expect_code(0).says(
        "was trained with --exif_orientation, not with --noexif_orientation; leave these settings",
    );
    assert_ne!(scores(&outcome.stdout), upright);
    assert_ne!(stored, upright);
    let both = ["--noexif_orientation", "--exif_orientation", PHOTO];
    let message = "--noexif_orientation: and --exif_orientation exclude each other";
    workspace.label_image(&both).expect_code(2).says(message);
}

#[test]
fn a_resumed_run_reads_its_photographs_as_before() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--how_many_training_steps=2"]).expect_code(0);
    for flag in ["exif_orientation", "fast_decode"] {
        let args = ["--how_many_training_steps=4", "--resume", &format!("--{flag}")];
        let message = format!("--{flag}: differs from the run that summaries/retrain.state");
        workspace.retrain(&args).expect_code(2).says(&message).says("(false, now true)");
    }
    // A state of a version without these settings.
    let path = workspace.path("summaries/retrain.state");
    let state = fs::read(&path).unwrap();
    assert!(state.windows(16).any(|w| w == b"exif_orientation"));
    workspace.retrain(&["--how_many_training_steps=4", "--resume"]).expect_code(0);
}

#[test]
fn readings_never_share_names_in_the_cache() {
    let suffix = |options: &[(&str, &str)]| {
        let options = options.iter().map(|&(name, value)| (name.to_owned(), value.into()));
        Reading::of_options(&options.collect()).unwrap().0.suffix()
    };
    assert_eq!(suffix(&[]), "");
    assert_eq!(
        suffix(&[("fits_hdu", "1"), ("fits_planes", "2,1,0")]),
        "_fits_hdu-1_fits_planes-2,1,0"
    );
    let hdus = ["A/B", "A-B", "A_B", "A B", "A%2FB", "SCI_fits_stretch-log", "\u{e9}"];
    let mut all: Vec<String> = hdus.iter().map(|hdu| suffix(&[("fits_hdu", hdu)])).collect();
    all.push(suffix(&[("fits_hdu", "SCI"), ("fits_stretch", "log")]));
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-.,%".contains(c);
    assert!(all.iter().all(|suffix| suffix.chars().all(safe)), "{all:?}");
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
}

#[test]
fn previews_show_what_the_network_sees() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--exif_orientation"]).expect_code(0);
    let upright = picture(150, 120);
    let files = [
        ("in/turned.jpg", jpeg(&image::imageops::rotate270(&upright), 6)),
        ("in/mirrored.jpg", jpeg(&image::imageops::flip_horizontal(&upright), 2)),
    ];
    for (name, content) in &files {
        workspace.write(name, content);
    }
    let seen = |name: &str| image::open(workspace.path(name)).unwrap().into_rgb8();
    let mut wanted = None;
    for way in [&["--image=in/turned.jpg"][..], &["--format=csv", "in"]] {
        workspace.label_image(&[&["--save_preview=seen"], way].concat()).expect_code(0);
        let preview = seen("seen/in/turned.jpg.png");
        let (width, height) = preview.dimensions();
        for (x, y) in [(0, 0), (width / 2, height / 3), (width - 1, height - 1)] {
            let theirs = upright.get_pixel(x * 150 / width, y * 120 / height);
            for (ours, theirs) in preview.get_pixel(x, y).0.iter().zip(theirs.0) {
                assert!(ours.abs_diff(theirs) < 8, "{x}, {y}: {ours}, not {theirs}");
            }
        }
        assert_eq!(*wanted.get_or_insert_with(|| preview.clone()), preview);
        fs::remove_file(workspace.path("seen/in/turned.jpg.png")).unwrap();
    }
    assert!(workspace.path("seen/in/mirrored.jpg.png").exists());
    // A directory that is searched would gain photographs.
    let args = ["--save_preview=in/seen", "--format=csv", "in"];
    workspace.label_image(&args).expect_code(2).says("--save_preview: in/seen and in, where the ");
    workspace.write("file", "");
    let args = ["--save_preview=file", "--image=in/turned.jpg"];
    workspace.label_image(&args).expect_code(2).says("--save_preview: file is not a directory");
}

#[test]
fn large_jpegs_are_reduced_to_no_less_than_the_input() {
    load_tensorflow();
    let range = PixelRange::Divide { mean: 0.0, std: 1.0 };
    let spec = |width, height, fast_decode, exif_orientation| {
        let reading = Reading { fast_decode, exif_orientation, ..Reading::DEFAULT };
        PixelSpec::new(width, height, range).with_reading(reading)
    };
    let photo = jpeg(&picture(800, 401), 6);
    // To the size that a reduction leaves, nothing more is resized.
    for (width, height, ratio) in [(100, 50, 8), (200, 100, 4), (400, 200, 2), (401, 200, 1)] {
        let exact = Decoder::new(&spec(width, height, false, false)).decode(photo.clone()).unwrap();
        let decoder = Decoder::new(&spec(width, height, true, false));
        let fast = decoder.decode(photo.clone()).unwrap();
        assert_eq!(fast.dims(), exact.dims());
        let off = fast.iter().zip(exact.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(off > 0.0, ratio > 1, "{width} × {height}");
        assert!(off < 12.0, "{width} × {height}: {off}");
        let whole = decoder.decode_at_least(photo.clone(), 1).unwrap();
        assert_eq!(whole.dims(), [401_u64.div_ceil(ratio), 800_u64.div_ceil(ratio), 3]);
    }
    // Of a photograph on its side, width and height change places.
    let turned = Decoder::new(&spec(100, 200, true, true));
    assert_eq!(turned.decode_at_least(photo.clone(), 1).unwrap().dims(), [200, 101, 3]);
    let wide = Decoder::new(&spec(200, 100, true, true));
    assert_eq!(wide.decode_at_least(photo, 1).unwrap().dims(), [400, 201, 3]);
}

#[test]
fn fast_runs_keep_their_bottlenecks_apart_and_are_labelled_alike() {
    let workspace = Workspace::with_photos(20);
    for class in ["open cluster", "globular cluster"] {
        for i in 0..3 {
            let photo = jpeg(&picture(900 + 10 * i, 700), 1);
            workspace.write(&format!("photos/{class}/large{i}.jpg"), photo);
        }
    }
    workspace.retrain(&["--fast_decode", "--flip_left_right", "--random_crop=10"]).expect_code(0);
    workspace.retrain(&["--fast_decode"]).expect_code(0);
    let texts = files_under(&workspace.path("bottlenecks"));
    assert!(texts.iter().all(|file| file.ends_with("_fast_decode.txt")), "{texts:?}");
    let outcome = workspace.label_image(&[PHOTO]).expect_code(0);
    assert_eq!(outcome.stderr, "");
    let large = "--image=photos/open cluster/large0.jpg";
    let fast = workspace.label_image(&[large]).expect_code(0);
    let exact = workspace.label_image(&[large, "--nofast_decode"]).expect_code(0);
    let exact = exact.says("was trained with --fast_decode, not with --nofast_decode");
    for ((label, fast), (other, exact)) in scores(&fast.stdout).iter().zip(scores(&exact.stdout)) {
        assert_eq!(*label, other);
        assert!((fast - exact).abs() < 0.05 && *fast != exact, "{fast}, {exact}");
    }
}
