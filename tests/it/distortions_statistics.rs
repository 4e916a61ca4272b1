//! What distortions do to pixels, comparing our graph with the script's: the arithmetic agrees, and
//! so do the distributions of crops, scales, mirroring and brightness over many draws.

use super::distortions::{POETS, chart, spec};
use super::loading::load_tensorflow;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use retrain::images::{PixelRange, PixelSpec};
use retrain::inference::{Distorter, Draw};
use retrain::layers::{Distortions, add_input_distortions};
use retrain::proto::GraphDef;
use retrain::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use tensorflow::SessionRunArgs;

/// Checks mean and variance of draws that should be uniform between `low` and `high`. The bounds
/// are five standard deviations over `n` draws, so a correct program fails for one seed in a
/// million (and this seed is fixed).
pub(crate) fn assert_uniform(values: &[f64], low: f64, high: f64, what: &str) {
    let n = values.len() as f64;
    let width = high - low;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    let of_mean = width / (12.0 * n).sqrt();
    // The variance of a uniform sample's variance: width⁴/180 over n.
    let of_variance = width * width / (180.0 * n).sqrt();
    assert!(
        (mean - (low + high) / 2.0).abs() < 5.0 * of_mean,
        "{what}: mean {mean} of {low}..{high}"
    );
    assert!(
        (variance - width * width / 12.0).abs() < 5.0 * of_variance,
        "{what}: variance {variance}"
    );
    assert!(
        values.iter().all(|&v| v >= low - 1e-3 && v <= high + 1e-3),
        "{what} leaves {low}..{high}"
    );
}

/// The script's own graph, with random numbers from its own ops or from ours.
struct Script {
    graph: Graph,
    session: Session,
}

impl Script {
    fn new(distortions: &Distortions, spec: &PixelSpec) -> Self {
        let mut b = GraphBuilder::default();
        add_input_distortions(&mut b, distortions, spec);
        let graph =
            Graph::import(&GraphDef { node: b.take_nodes(), ..GraphDef::default() }).unwrap();
        let session = Session::new(&graph, Threads { intra_op: 1, inter_op: -1 }).unwrap();
        Self { graph, session }
    }

    fn distort(&self, image: &Tensor<u8>, draw: Option<&Draw>) -> Tensor<f32> {
        let scalar = |v| Tensor::from(v);
        let draw = draw.map(|d| {
            (scalar(d.scale), Tensor::from(&d.crop[..]), scalar(d.flip), scalar(d.brightness))
        });
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.graph.operation("DecodeJpeg").unwrap(), 0, image);
        if let Some((scale, crop, flip, brightness)) = &draw {
            args.add_feed(&self.graph.operation("random_uniform/RandomUniform").unwrap(), 0, scale);
            args.add_feed(&self.graph.operation("random_crop/random_uniform").unwrap(), 0, crop);
            let flip_op = "random_flip_left_right/random_uniform/RandomUniform";
            args.add_feed(&self.graph.operation(flip_op).unwrap(), 0, flip);
            args.add_feed(
                &self.graph.operation("random_uniform_1/RandomUniform").unwrap(),
                0,
                brightness,
            );
        }
        let result = args.request_fetch(&self.graph.operation("DistortResult").unwrap(), 0);
        self.session.run(&mut args, "distorting").unwrap();
        args.fetch(result).unwrap()
    }
}

#[test]
fn the_arithmetic_is_the_scripts() {
    load_tensorflow();
    // For large images we scale to [0, 1] last and the script scales first: five roundings in a
    // different order, each at most 2⁻²⁴ relative to a value of at most 1.3.
    let rounding = 5.0 * 1.3 / f32::exp2(24.0);
    for (range, size, tolerance) in [
        (POETS, 150, 0.0),
        (POETS, 800, 0.0),
        (PixelRange::Unit, 150, 0.0),
        (PixelRange::Unit, 800, rounding),
    ] {
        let distortions = Distortions {
            flip_left_right: true,
            random_crop: 10,
            random_scale: 50,
            random_brightness: 30,
            seed: 1,
            ..Distortions::NONE
        };
        let spec = spec(40, range);
        let (script, ours) =
            (Script::new(&distortions, &spec), Distorter::new(&distortions, &spec).unwrap());
        let image = chart(size);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..50 {
            let draw = Draw::new(&distortions, &mut rng);
            let (theirs, ours) =
                (script.distort(&image, Some(&draw)), ours.distort(&image, &draw).unwrap());
            assert_eq!(theirs.dims(), ours.dims());
            let worst =
                theirs.iter().zip(ours.iter()).map(|(t, o)| (t - o).abs()).fold(0.0, f32::max);
            assert!(worst <= tolerance, "{range:?}, {size}, {draw:?}: {worst}");
        }
    }
}

/// [red at the first pixel, red at the last pixel of the first row, green at the first pixel,
/// blue], in 0..255.
fn corners(pixels: &Tensor<f32>, size: usize) -> [f64; 4] {
    let at = |i: usize| f64::from(pixels[i]) * 255.0;
    [at(0), at((size - 1) * 3), at(1), at(2)]
}

pub(crate) const DRAWS: usize = 2000;

/// Applies `look` to distorted charts: ours, and those of the script's graph with its own random
/// ops.
pub(crate) fn draws<R>(
    distortions: &Distortions,
    image: u64,
    size: i32,
    look: fn(&Tensor<f32>, usize) -> R,
) -> [Vec<R>; 2] {
    load_tensorflow();
    let spec = spec(size, PixelRange::Unit);
    let (script, ours) =
        (Script::new(distortions, &spec), Distorter::new(distortions, &spec).unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (image, size) = (chart(image), size as usize);
    let ours = (0..DRAWS)
        .map(|_| look(&ours.distort(&image, &Draw::new(distortions, &mut rng)).unwrap(), size))
        .collect();
    [ours, (0..DRAWS).map(|_| look(&script.distort(&image, None), size)).collect()]
}

pub(crate) const NONE: Distortions = Distortions {
    flip_left_right: false,
    random_crop: 0,
    random_scale: 0,
    random_brightness: 0,
    seed: 1,
    ..Distortions::NONE
};

#[test]
fn crops_fall_anywhere_with_equal_probability() {
    // 40 pixels × 1.5 = 60, the size of the image: offsets are whole numbers from 0 to 20.
    for seen in draws(&Distortions { random_crop: 50, ..NONE }, 60, 40, corners) {
        for (what, channel) in [("x", 0), ("y", 2)] {
            let mut counts = [0f64; 21];
            seen.iter().for_each(|c| counts[c[channel].round() as usize] += 1.0);
            let expected = DRAWS as f64 / 21.0;
            let chi_square: f64 =
                counts.iter().map(|n| (n - expected) * (n - expected) / expected).sum();
            // 20 degrees of freedom: one seed in ten thousand gives more than 52.4.
            assert!(chi_square < 52.4, "offsets in {what}: {counts:?}");
        }
    }
}

#[test]
fn half_of_the_images_are_mirrored() {
    for seen in draws(&Distortions { flip_left_right: true, ..NONE }, 40, 40, corners) {
        let flipped = seen.iter().filter(|c| c[0] > c[1]).count() as f64;
        // Five standard deviations of a binomial distribution.
        assert!(
            (flipped - DRAWS as f64 / 2.0).abs() < 5.0 * (DRAWS as f64 / 4.0).sqrt(),
            "{flipped} of {DRAWS}"
        );
    }
}

#[test]
fn brightness_is_uniform() {
    for seen in draws(&Distortions { random_brightness: 30, ..NONE }, 40, 40, corners) {
        let brightness: Vec<f64> = seen.iter().map(|c| c[3] / 100.0).collect();
        assert_uniform(&brightness, 0.7, 1.3, "brightness");
    }
}

#[test]
fn scales_are_uniform() {
    // 100 pixels enlarged by s show 100/s of the image's 200. How fast red grows along a row gives
    // s, up to the whole pixel to which the size is truncated.
    for seen in draws(&Distortions { random_scale: 50, ..NONE }, 200, 100, corners) {
        let scales: Vec<f64> = seen.iter().map(|c| 99.0 * 2.0 / (c[1] - c[0])).collect();
        assert_uniform(&scales, 0.99, 1.5, "scale");
    }
}

/// For a chart of 64 pixels cropped to 40: [size before the crop, x and y of the crop from 0 to 1,
/// mirrored or not, brightness].
fn all_of_it(pixels: &Tensor<f32>, size: usize) -> [f64; 5] {
    let at = |x: usize, y: usize, channel: usize| {
        f64::from(pixels[(y * size + x) * 3 + channel]) * 255.0
    };
    let brightness = at(0, 0, 2) / 100.0;
    let mirrored = at(0, 0, 0) > at(size - 1, 0, 0);
    let column = |x: usize| at(if mirrored { size - 1 - x } else { x }, 0, 0) / brightness;
    // Per pixel, red and green grow by 64 / size before the crop, except perhaps at the far edge.
    let (in_x, in_y) =
        ((column(20) - column(0)) / 20.0, (at(0, 20, 1) - at(0, 0, 1)) / brightness / 20.0);
    assert!((in_x - in_y).abs() < 1e-3, "width and height are scaled alike: {in_x} {in_y}");
    let precrop = 64.0 / in_x;
    assert!((precrop - precrop.round()).abs() < 0.01, "{precrop} is no whole number of pixels");
    let room = precrop.round() - size as f64;
    let [x, y] =
        [column(0) / in_x, at(0, 0, 1) / brightness / in_y].map(|offset| offset.round() / room);
    [precrop, x, y, f64::from(u8::from(mirrored)), brightness]
}

#[test]
fn what_chance_decides_is_independent() {
    let all = Distortions {
        flip_left_right: true,
        random_crop: 10,
        random_scale: 50,
        random_brightness: 30,
        seed: 1,
        ..Distortions::NONE
    };
    for seen in draws(&all, 64, 40, all_of_it) {
        let n = DRAWS as f64;
        let mean = |of: &dyn Fn(&[f64; 5]) -> f64| seen.iter().map(of).sum::<f64>() / n;
        let means: [f64; 5] = std::array::from_fn(|i| mean(&|s| s[i]));
        let moment = |i: usize, j: usize| mean(&|s| (s[i] - means[i]) * (s[j] - means[j]));
        for (i, j) in (0..5).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let correlation = moment(i, j) / (moment(i, i) * moment(j, j)).sqrt();
            // For independent draws it is normal with standard deviation 1/√n; the bound is five of
            // them.
            assert!(correlation.abs() < 5.0 / n.sqrt(), "{i} and {j}: {correlation}");
        }
        let range = |i: usize| {
            seen.iter().map(|s| s[i]).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)))
        };
        // 40 × 1.1 × [1, 1.5), truncated to whole pixels; crops reach every edge. Two thousand
        // draws miss none of these (they miss one of 22 sizes with probability (21/22)²⁰⁰⁰ <
        // 10⁻⁴⁰).
        assert_eq!((range(0).0.round(), range(0).1.round()), (44.0, 65.0));
        assert_eq!([range(1), range(2), range(3)], [(0.0, 1.0); 3]);
    }
}
