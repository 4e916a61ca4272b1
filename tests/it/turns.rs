//! Distortions that the scripts do not have: photographs mirrored upside down, and turned by right
//! angles or by any angle.

use super::distortions::{chart, spec};
use super::distortions_statistics::{DRAWS, NONE, assert_uniform, draws};
use super::loading::load_tensorflow;
use super::small_net::{Net, write};
use super::support::{OUTPUTS, RETRAIN, Workspace, run};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use retrain::images::PixelRange;
use retrain::inference::{Distorter, Draw};
use retrain::layers::Distortions;
use retrain::tf::Tensor;
use std::fs;

/// Red, green and blue of a pixel, in 0..255.
fn at(pixels: &Tensor<f32>, size: usize, [x, y]: [usize; 2]) -> [f64; 3] {
    std::array::from_fn(|channel| f64::from(pixels[(y * size + x) * 3 + channel]) * 255.0)
}

/// Where the first pixel, the last of the first row and the first of the last row were before.
fn origins(pixels: &Tensor<f32>, size: usize) -> [[usize; 2]; 3] {
    [[0, 0], [size - 1, 0], [0, size - 1]].map(|place| {
        let [red, green, _] = at(pixels, size, place);
        [red.round() as usize, green.round() as usize]
    })
}

/// Expects each of `forms` in an equal share of the draws, within five standard deviations, and
/// nothing else.
#[track_caller]
fn assert_equally_often<const N: usize>(seen: &[[[usize; 2]; 3]], forms: [[[usize; 2]; 3]; N]) {
    let share = 1.0 / N as f64;
    let deviation = (DRAWS as f64 * share * (1.0 - share)).sqrt();
    let counts = forms.map(|form| seen.iter().filter(|s| **s == form).count());
    assert_eq!(counts.iter().sum::<usize>(), DRAWS, "other forms than these: {seen:?}");
    for count in counts {
        assert!((count as f64 - DRAWS as f64 * share).abs() < 5.0 * deviation, "{counts:?}");
    }
}

const PLAIN: [[usize; 2]; 3] = [[0, 0], [39, 0], [0, 39]];

#[test]
fn half_of_the_images_are_mirrored_upside_down() {
    for seen in draws(&Distortions { flip_up_down: true, ..NONE }, 40, 40, origins) {
        assert_equally_often(&seen, [PLAIN, [[0, 39], [39, 39], [0, 0]]]);
    }
}

#[test]
fn quarter_turns_are_equally_frequent_and_mirror_nothing() {
    for seen in draws(&Distortions { rotate_right_angles: true, ..NONE }, 40, 40, origins) {
        let left = [[39, 0], [39, 39], [0, 0]];
        let half = [[39, 39], [0, 39], [39, 0]];
        let right = [[0, 39], [0, 0], [39, 39]];
        assert_equally_often(&seen, [PLAIN, left, half, right]);
    }
}

/// The angle in degrees by which a chart was turned. Also checks that it is turned as a whole about
/// its centre, and that nothing outside it shows.
fn angle(pixels: &Tensor<f32>, size: usize) -> f64 {
    let middle = size / 2;
    let place = |x: usize, y: usize| at(pixels, size, [x, y]);
    let [here, right, below] =
        [place(middle, middle), place(middle + 1, middle), place(middle, middle + 1)];
    let (cos, sin) = (right[0] - here[0], right[1] - here[1]);
    assert!((cos * cos + sin * sin - 1.0).abs() < 1e-3, "neither enlarged nor shrunk");
    assert!((below[0] - here[0] + sin).abs() < 1e-3 && (below[1] - here[1] - cos).abs() < 1e-3);
    let centre = (size - 1) as f64 / 2.0;
    let offset = middle as f64 - centre;
    // Read at (x·cos − y·sin, x·sin + y·cos) from the centre.
    let expected = [centre + offset * (cos - sin), centre + offset * (sin + cos)];
    assert!((here[0] - expected[0]).abs() < 1e-2 && (here[1] - expected[1]).abs() < 1e-2);
    for i in 0..size * size {
        let [red, green, blue] = at(pixels, size, [i % size, i / size]);
        assert!((blue - 100.0).abs() < 1e-2, "the edges are reflected: {blue}");
        assert!([red, green].iter().all(|&c| c > -1e-2 && c < size as f64 - 1.0 + 1e-2));
    }
    sin.atan2(cos).to_degrees()
}

#[test]
fn angles_are_uniform() {
    for (degrees, most) in [(20, 20.0), (180, 180.0)] {
        let distortions = Distortions { rotate_degrees: degrees, ..NONE };
        for mut seen in draws(&distortions, 60, 60, angle) {
            // The angle of a chart's slopes is known to about a thousandth of a radian.
            seen.iter_mut().for_each(|a| *a *= 0.999);
            assert_uniform(&seen, -most, most, "angle");
        }
    }
}

#[test]
fn outside_the_edges_lies_the_reflection() {
    load_tensorflow();
    let distortions = Distortions { rotate_degrees: 90, ..NONE };
    let distorter = Distorter::new(&distortions, &spec(60, PixelRange::Unit)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // A quarter of a circle of 180°: an eighth of a turn, at which the corners lie far outside.
    let draw = Draw { rotation: 0.75, ..Draw::new(&distortions, &mut rng) };
    let pixels = distorter.distort(&chart(60), &draw).unwrap();
    let reflected = |v: f64| {
        if v < 0.0 {
            -v - 1.0
        } else if v > 59.0 {
            119.0 - v
        } else {
            v
        }
    };
    let (sin, cos) = 45f64.to_radians().sin_cos();
    for i in 0..3600usize {
        let (x, y) = ((i % 60) as f64 - 29.5, (i / 60) as f64 - 29.5);
        let from = [x * cos - y * sin + 29.5, x * sin + y * cos + 29.5].map(reflected);
        let [red, green, _] = at(&pixels, 60, [i % 60, i / 60]);
        // Between the last pixel and its reflection, neither formula holds.
        let inside = |v: f64| v > 0.5 && v < 58.5;
        if inside(from[0]) && inside(from[1]) {
            let error = (red - from[0]).abs().max((green - from[1]).abs());
            assert!(error < 1e-2, "{i}: {red} {green} instead of {from:?}");
        }
    }
}

/// A seed must give the same batches and distortions as in versions without these.
#[test]
fn distortions_that_are_off_draw_nothing() {
    let draw = |distortions: &Distortions| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Draw::new(distortions, &mut rng);
        rng.get_word_pos()
    };
    let scripts = Distortions { flip_left_right: true, random_crop: 10, ..NONE };
    let taken = draw(&scripts);
    assert_eq!(draw(&NONE), taken);
    assert!(draw(&Distortions { flip_up_down: true, ..NONE }) > taken);
    assert!(draw(&Distortions { rotate_right_angles: true, ..NONE }) > taken);
    assert!(draw(&Distortions { rotate_degrees: 1, ..NONE }) > taken);
}

const ALL: [&str; 4] =
    ["--flip_up_down", "--rotate_right_angles", "--rotate_degrees=15", "--train_batch_size=10"];

#[test]
fn a_seed_repeats_the_run_with_symmetry_too() {
    let workspace = Workspace::with_photos(20);
    for symmetry in ["--symmetry=none", "--symmetry=flip"] {
        let graph = |args: &[&str]| {
            workspace.retrain(&[args, &[symmetry]].concat()).expect_code(0);
            fs::read(workspace.path("graph.pb")).unwrap()
        };
        let distorted = graph(&ALL);
        assert!(distorted == graph(&ALL), "the same seed, another graph");
        for one in &ALL[..3] {
            assert!(graph(&[one, ALL[3]]) != graph(&[ALL[3]]), "{one} changes nothing");
        }
    }
}

#[test]
fn images_that_are_not_square_cannot_be_turned_by_right_angles() {
    let workspace = Workspace::with_photos(4);
    let net = Net::features(&[-1, 24, 32, 3], false).dense(5).softmax();
    write(&workspace, "net.pb", &net.graph());
    let retrain = |distortion: &str| {
        let args = [
            "--image_dir=photos",
            "--architecture=net.pb",
            "--how_many_training_steps=1",
            "--train_batch_size=4",
            distortion,
        ];
        run(RETRAIN, workspace.root(), &[&args, &OUTPUTS[..]].concat())
    };
    retrain("--rotate_right_angles").expect_code(2).says(
        "--rotate_right_angles: needs a network that takes square images, not 32 × 24 pixels",
    );
    retrain("--rotate_degrees=90").expect_code(0);
}
