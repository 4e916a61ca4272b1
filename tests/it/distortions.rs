//! Distortions: the script's nodes, the script's statistics, and a run.

use super::support::{Workspace, files_under, golden, json, strings};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use retrain::bottleneck::{Distorter, Draw};
use retrain::layers::{Distortions, add_input_distortions, add_jpeg_decoding};
use retrain::model::{PixelRange, PixelSpec};
use retrain::tf::{self, GraphBuilder, Tensor};
use std::fs;

const POETS: PixelRange = PixelRange::Multiply { mean: 127.5, std: 127.5 };

fn spec(size: i32, range: PixelRange) -> PixelSpec {
    PixelSpec { width: size, height: size, depth: 3, range }
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
            };
            let mut b = GraphBuilder::default();
            add_jpeg_decoding(&mut b, &spec(224, range));
            b.take_nodes();
            let ends = add_input_distortions(&mut b, &distortions, &spec(224, range));
            let nodes = b.take_nodes();
            let mut ours: Vec<(&str, &str, Vec<&str>)> = nodes
                .iter()
                .map(|n| (n.name.as_str(), n.op.as_str(), n.input.iter().map(String::as_str).collect()))
                .collect();
            let mut theirs: Vec<(&str, &str, Vec<&str>)> = golden["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| (n[0].as_str().unwrap(), n[1].as_str().unwrap(), strings(&n[2])))
                .collect();
            ours.sort();
            theirs.sort();
            assert_eq!(ours, theirs, "{generation} {case}");
            assert_eq!([ends.data, ends.pixels], ["DistortJPGInput", "DistortResult"], "{generation} {case}");
        }
    }
}

/// Pixels that say where they come from: red grows with x, green with y, blue is constant.
fn chart(size: u64) -> Tensor<u8> {
    let mut image = Tensor::new(&[size, size, 3]);
    for (i, pixel) in image.chunks_mut(3).enumerate() {
        pixel.copy_from_slice(&[(i as u64 % size) as u8, (i as u64 / size) as u8, 100]);
    }
    image
}

/// Mean and variance of draws that should be uniform between `low` and `high`. The bounds are five standard
/// deviations of each over `n` draws, so that a right program fails once in a million seeds (and this one is fixed).
fn assert_uniform(values: &[f64], low: f64, high: f64, what: &str) {
    let n = values.len() as f64;
    let width = high - low;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    let of_mean = width / (12.0 * n).sqrt();
    // The variance of a uniform sample's variance: width⁴/180 over n.
    let of_variance = width * width / (180.0 * n).sqrt();
    assert!((mean - (low + high) / 2.0).abs() < 5.0 * of_mean, "{what}: mean {mean} of {low}..{high}");
    assert!((variance - width * width / 12.0).abs() < 5.0 * of_variance, "{what}: variance {variance}");
    assert!(values.iter().all(|&v| v >= low - 1e-3 && v <= high + 1e-3), "{what} leaves {low}..{high}");
}

/// [red at the first pixel, red at the last pixel of the first row, green at the first pixel, blue], in 0..255.
fn corners(pixels: &Tensor<f32>, size: usize) -> [f64; 4] {
    let at = |i: usize| f64::from(pixels[i]) * 255.0;
    [at(0), at((size - 1) * 3), at(1), at(2)]
}

const DRAWS: usize = 2000;

fn draws(distortions: &Distortions, image: u64, size: i32) -> Vec<[f64; 4]> {
    tf::load(tf::Chatter::Quiet).unwrap();
    let distorter = Distorter::new(distortions, &spec(size, PixelRange::Unit)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let image = chart(image);
    let draw = |_| corners(&distorter.distort(&image, &Draw::new(&mut rng)).unwrap(), size as usize);
    (0..DRAWS).map(draw).collect()
}

const NONE: Distortions =
    Distortions { flip_left_right: false, random_crop: 0, random_scale: 0, random_brightness: 0, seed: 1 };

#[test]
fn crops_fall_anywhere_with_equal_probability() {
    // 40 pixels × 1.5 = 60, the size of the image: offsets are whole numbers from 0 to 20.
    let seen = draws(&Distortions { random_crop: 50, ..NONE }, 60, 40);
    for (what, channel) in [("x", 0), ("y", 2)] {
        let mut counts = [0f64; 21];
        seen.iter().for_each(|c| counts[c[channel].round() as usize] += 1.0);
        let expected = DRAWS as f64 / 21.0;
        let chi_square: f64 = counts.iter().map(|n| (n - expected) * (n - expected) / expected).sum();
        // 20 degrees of freedom: above 52.4 in one of ten thousand seeds.
        assert!(chi_square < 52.4, "offsets in {what}: {counts:?}");
    }
}

#[test]
fn half_of_the_images_are_mirrored() {
    let seen = draws(&Distortions { flip_left_right: true, ..NONE }, 40, 40);
    let flipped = seen.iter().filter(|c| c[0] > c[1]).count() as f64;
    // Five standard deviations of a binomial.
    assert!((flipped - DRAWS as f64 / 2.0).abs() < 5.0 * (DRAWS as f64 / 4.0).sqrt(), "{flipped} of {DRAWS}");
}

#[test]
fn brightness_is_uniform() {
    let seen = draws(&Distortions { random_brightness: 30, ..NONE }, 40, 40);
    let brightness: Vec<f64> = seen.iter().map(|c| c[3] / 100.0).collect();
    assert_uniform(&brightness, 0.7, 1.3, "brightness");
}

#[test]
fn scales_are_uniform() {
    // 100 pixels enlarged by s show 100/s of the image's 200: how far red grows along a row tells s, to the whole
    // pixel that the size is cut to.
    let seen = draws(&Distortions { random_scale: 50, ..NONE }, 200, 100);
    let scales: Vec<f64> = seen.iter().map(|c| 99.0 * 2.0 / (c[1] - c[0])).collect();
    assert_uniform(&scales, 0.99, 1.5, "scale");
}

#[test]
fn only_training_images_are_distorted_and_a_seed_repeats_the_run() {
    let workspace = Workspace::with_photos(20);
    let flags = ["--flip_left_right", "--random_crop=10", "--random_scale=10", "--random_brightness=10"];
    let run = || {
        let outcome = workspace.retrain(&[&flags[..], &["--train_batch_size=10"]].concat()).expect_code(0);
        (fs::read(workspace.path("graph.pb")).unwrap(), outcome)
    };
    let (first, outcome) = run();
    assert!(outcome.stderr.contains("Final test accuracy"), "{}", outcome.stderr);
    assert_eq!(first, run().0, "the same seed, another graph");
    let cached = files_under(&workspace.path("bottlenecks"));
    assert!(!cached.is_empty() && cached.len() < 40, "the cache holds all but the training images: {}", cached.len());
    let before: Vec<_> = cached.iter().map(|f| fs::read(workspace.path("bottlenecks").join(f)).unwrap()).collect();
    workspace.retrain(&[]).expect_code(0);
    let after: Vec<_> = cached.iter().map(|f| fs::read(workspace.path("bottlenecks").join(f)).unwrap()).collect();
    assert_eq!(before, after, "validation and test images are not distorted");
    assert_ne!(first, fs::read(workspace.path("graph.pb")).unwrap());
}
