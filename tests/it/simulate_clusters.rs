//! Simulated photographs: the same on every run, true to the laws they are drawn from, and written
//! to the right places.

use super::simulate::cluster::{ClusterKind, encode_jpeg, photograph, photograph_of_class, scene};
use super::simulate::king::King;
use super::simulate::{Plan, TestPhotos, colour, simulate_clusters, tables};
use super::support::{Outcome, Workspace, run};
use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;

/// Every file under `dir`, by its relative path.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for class in std::fs::read_dir(dir).unwrap() {
        let class = class.unwrap();
        for file in std::fs::read_dir(class.path()).unwrap() {
            let file = file.unwrap();
            let name = format!(
                "{}/{}",
                class.file_name().to_str().unwrap(),
                file.file_name().to_str().unwrap()
            );
            found.insert(name, std::fs::read(file.path()).unwrap());
        }
    }
    found
}

fn small_plan(dir: &Path, threads: usize) -> Plan {
    Plan { per_class: 7, size: 48, threads: NonZero::new(threads), ..Plan::new(dir) }
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let [one, three] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert_eq!(simulate_clusters(&small_plan(one.path(), 1)).unwrap(), 14);
    assert_eq!(simulate_clusters(&small_plan(three.path(), 3)).unwrap(), 14);
    let (one, three) = (files(one.path()), files(three.path()));
    assert_eq!(one.len(), 14);
    assert!(one == three);
}

#[test]
fn names_and_contents_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("train");
    let stale = out.join("globular cluster/g00000.jpg");
    std::fs::create_dir_all(stale.parent().unwrap()).unwrap();
    std::fs::write(&stale, "not a photograph").unwrap();
    let tests = dir.path().join("test");
    let plan = Plan {
        per_class: 2,
        size: 40,
        seed: 9,
        test_photos: Some(TestPhotos { out: tests.clone(), per_class: 1 }),
        ..Plan::new(&out)
    };
    assert_eq!(simulate_clusters(&plan).unwrap(), 6);
    let written = files(&out);
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "globular cluster/g00000.jpg",
            "globular cluster/g00001.jpg",
            "open cluster/o00000.jpg",
            "open cluster/o00001.jpg"
        ]
    );
    assert_eq!(
        files(&tests).into_keys().collect::<Vec<_>>(),
        ["globular cluster/g00002.jpg", "open cluster/o00002.jpg"]
    );
    for (kind, letter) in ClusterKind::ALL.into_iter().zip(["g", "o"]) {
        for index in 0..2 {
            let expected = encode_jpeg(&photograph(kind, 9, index, 40), plan.quality).unwrap();
            assert!(written[&format!("{}/{letter}{index:05}.jpg", kind.dir_name())] == expected);
        }
    }
    let jpeg = image::load_from_memory_with_format(
        &written["open cluster/o00001.jpg"],
        image::ImageFormat::Jpeg,
    );
    let decoded = jpeg.unwrap().to_rgb8();
    assert_eq!(decoded.dimensions(), (40, 40));
}

#[test]
fn numbered_classes_keep_to_parameters_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { per_class: 1, size: 16, classes: Some(5), ..Plan::new(dir.path()) };
    assert_eq!(simulate_clusters(&plan).unwrap(), 5);
    let expected: Vec<String> =
        (0..5).map(|class| format!("class_{class:04}/c00000.jpg")).collect();
    assert_eq!(files(dir.path()).into_keys().collect::<Vec<_>>(), expected);
    assert!(photograph_of_class(4, 1, 0, 32) == photograph_of_class(4, 1, 0, 32));
    assert!(photograph_of_class(4, 1, 0, 32) != photograph_of_class(2, 1, 0, 32));
    assert!(photograph_of_class(4, 1, 0, 32) != photograph_of_class(4, 1, 1, 32));
}

fn simulate(workspace: &Workspace, args: &[&str]) -> Outcome {
    run(env!("CARGO_BIN_EXE_simulate_clusters"), workspace.root(), args)
}

/// Runs the command in `tf_files/README.md`.
#[test]
fn the_program_makes_the_photographs_of_the_project_again() {
    let workspace = Workspace::new();
    let out = ["--out=photos", "--per_class=60", "--seed=1"];
    let tests = ["--test_out=tests", "--test_per_class=3"];
    let outcome = simulate(&workspace, &[&out[..], &tests].concat()).expect_code(0);
    assert_eq!(outcome.stdout, "126 photographs in photos\n");
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tf_files");
    for (ours, theirs) in [("photos", "cluster_photos"), ("tests", "test_photos")] {
        let (ours, theirs) = (files(&workspace.path(ours)), files(&project.join(theirs)));
        assert!(ours.keys().eq(theirs.keys()));
        for (name, photograph) in &ours {
            assert!(*photograph == theirs[name], "{name} is not the project's");
        }
    }
}

#[test]
fn the_program_takes_all_flags() {
    let workspace = Workspace::new();
    let flags = ["--out=a", "--out", "b", "--per=1", "--seed=2", "--size=16", "--quality=50"];
    simulate(&workspace, &[&flags[..], &["--classes=3"]].concat()).expect_code(0);
    let jpeg = encode_jpeg(&photograph_of_class(1, 2, 0, 16), 50).unwrap();
    let written = files(&workspace.path("b"));
    assert_eq!(written.len(), 3);
    assert!(written["class_0001/c00000.jpg"] == jpeg);
    assert!(simulate(&workspace, &["--help"]).expect_code(0).stdout.contains("--test_per_class"));
}

#[test]
fn what_the_program_cannot_do_names_the_flag_or_the_file() {
    let workspace = Workspace::new();
    workspace.write("file", "no directory");
    for (args, code, named) in [
        (&[][..], 2, "--out"),
        (&["--out="], 2, "--out"),
        (&["--out=a", "--size=8"], 2, "--size"),
        (&["--out=a", "--size=4097"], 2, "--size"),
        (&["--out=a", "--quality=0"], 2, "--quality"),
        (&["--out=a", "--quality=101"], 2, "--quality"),
        (&["--out=a", "--per_class=-1"], 2, "--per_class"),
        (&["--out=a", "--sizes=64"], 2, "--sizes"),
        (&["--out=file/a"], 1, "file/a"),
    ] {
        simulate(&workspace, args).expect_code(code).says("error: ").says(named);
    }
    assert!(!workspace.path("a").exists());
}

#[test]
fn photographs_depend_on_kind_seed_and_index() {
    use ClusterKind::{Globular, Open};
    let first = photograph(Globular, 1, 0, 64);
    assert!(first == photograph(Globular, 1, 0, 64));
    for (kind, seed, index) in [(Open, 1, 0), (Globular, 2, 0), (Globular, 1, 1), (Globular, 0, 1)]
    {
        assert!(first != photograph(kind, seed, index, 64), "{kind:?} {seed} {index}");
    }
}

#[test]
fn king_profile_is_sampled_as_the_formula_says() {
    const STARS: u32 = 200_000;
    let (core, tidal) = (2.0f64, 50.0f64);
    // King (1962), equation 14, integrated over annuli by Simpson's rule, independently of the code
    // under test.
    let law = |r: f64| {
        ((1.0 + (r / core).powi(2)).powf(-0.5) - (1.0 + (tidal / core).powi(2)).powf(-0.5)).powi(2)
    };
    let ring = |a: f64, b: f64| {
        let h = (b - a) / 200.0;
        let f = |i: u32| {
            f64::from(if i == 0 || i == 200 { 1 } else { 2 + 2 * (i % 2) }) * {
                let r = a + h * f64::from(i);
                r * law(r)
            }
        };
        std::f64::consts::TAU * h / 3.0 * (0..=200).map(f).sum::<f64>()
    };
    let all: f64 = (0..25).map(|i| ring(2.0 * f64::from(i), 2.0 * f64::from(i) + 2.0)).sum();
    let king = King::new(core, tidal);
    let mut rng = ChaCha8Rng::seed_from_u64(62);
    let mut counts = [0u32; 25];
    for _ in 0..STARS {
        let r = king.sample(&mut rng);
        assert!((0.0..=tidal).contains(&r));
        counts[((r / 2.0) as usize).min(24)] += 1;
    }
    for (i, count) in counts.into_iter().enumerate() {
        let (a, b) = (2.0 * i as f64, 2.0 * i as f64 + 2.0);
        let expected = ring(a, b) / all * f64::from(STARS);
        let error = (f64::from(count) - expected) / expected.sqrt().max(1.0);
        assert!(error.abs() < 4.5, "{a} to {b}: {count} stars, {expected} expected");
        assert!((king.within(b) - king.within(a) - ring(a, b) / all).abs() < 1e-6);
        let density = king.density_at(a * a) / king.norm();
        assert!((density / (law(a) / all) - 1.0).abs() < 1e-6);
    }
    assert!((king.within(king.half()) - 0.5).abs() < 1e-9);
    assert!((king.tidal() - tidal).abs() < 1e-9);
}

#[test]
fn hot_bodies_are_blue_and_cool_ones_red() {
    let mut before = 0.0;
    for kelvin in [3000.0, 4000.0, 5000.0, 6000.0, 8000.0, 12_000.0, 30_000.0] {
        let [r, g, b] = colour::black_body(kelvin);
        assert_eq!(g, 1.0);
        assert!(b / r > before, "{kelvin} K");
        before = b / r;
    }
    for white in colour::black_body(colour::WHITE) {
        assert!((white - 1.0).abs() < 1e-5);
    }
    // Planck's law in photons at 620, 540 and 455 nm, written out again in f64.
    let planck = |nm: f64, kelvin: f64| 1.0 / ((1.438_776_9e7 / (nm * kelvin)).exp() - 1.0);
    let signal = |nm: f64| planck(nm, 3500.0) / planck(nm, 6000.0);
    let [r, _, b] = colour::black_body(3500.0);
    assert!((f64::from(r) - signal(620.0) / signal(540.0)).abs() < 1e-3);
    assert!((f64::from(b) - signal(455.0) / signal(540.0)).abs() < 1e-3);
    // Dust absorbs blue light first.
    let [r, _, b] = colour::reddening(1.0);
    assert!(r > 1.0 && b < 1.0);
}

#[test]
fn mass_function_and_main_sequence() {
    // Kroupa's share of stars above 1 sun among those of 0.15 to 40 suns, integrated by hand: 0.381
    // of 2.729.
    let above = (0..10_000).filter(|i| tables::kroupa((*i as f32 + 0.5) / 10_000.0) > 1.0).count();
    assert!((1380..1416).contains(&above), "{above} of 10000 above 1 sun");
    let (magnitude, kelvin) = tables::dwarf(1.0);
    assert!(
        (magnitude - 4.8).abs() < 0.05 && (kelvin - 5772.0).abs() < 60.0,
        "the Sun: {magnitude} {kelvin}"
    );
    assert!((tables::turn_off(1e10) - 1.0).abs() < 1e-6);
}

/// The mean of log10(blue/red) of the brightest members.
fn blueness(kind: ClusterKind, index: u64) -> f32 {
    let mut members = scene(kind, 5, index).members;
    members.sort_by(|a, b| a.magnitude.total_cmp(&b.magnitude));
    let bright: Vec<[f32; 3]> = members.iter().take(10).map(|star| star.colour()).collect();
    bright.iter().map(|[r, _, b]| (b / r).log10()).sum::<f32>() / bright.len() as f32
}

#[test]
fn brightest_stars_of_open_clusters_are_bluer() {
    let [mut globular, mut open] =
        ClusterKind::ALL.map(|kind| (0..60).map(|i| blueness(kind, i)).collect::<Vec<_>>());
    for values in [&mut globular, &mut open] {
        values.sort_by(f32::total_cmp);
    }
    assert!(open[30] > globular[30] + 0.1, "medians {} and {}", open[30], globular[30]);
    // Yet some old or dusty open clusters are redder than some globular ones.
    assert!(open[0] < globular[59], "{} and {}", open[0], globular[59]);
}

#[test]
fn globular_clusters_are_rich_and_central() {
    let members = |kind| -> f32 {
        let counts = (0..20).map(|i| scene(kind, 3, i).members.len() as f32);
        counts.sum::<f32>() / 20.0
    };
    let (globular, open) = (members(ClusterKind::Globular), members(ClusterKind::Open));
    assert!(globular > 3.0 * open, "{globular} and {open} stars");
}

/// The mean grey level of the pixels within one pixel of (x, y).
fn level(image: &RgbImage, x: f32, y: f32) -> f32 {
    let (x, y) = (x as u32, y as u32);
    let pixels = (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (x, y)));
    pixels
        .map(|(x, y)| image.get_pixel(x, y).0.iter().map(|v| f32::from(*v)).sum::<f32>() / 27.0)
        .sum()
}

#[test]
fn the_brightest_star_is_where_the_scene_has_it() {
    let mut seen = 0;
    for index in 0..12 {
        let scene = scene(ClusterKind::Open, 11, index);
        let size = 128;
        let at = |v: f32| (v / scene.field + 0.5) * size as f32;
        let stars = scene.members.iter().chain(&scene.field_stars);
        let brightest = stars
            .filter(|star| star.x.abs() < 0.49 * scene.field && star.y.abs() < 0.49 * scene.field)
            .min_by(|a, b| a.magnitude.total_cmp(&b.magnitude))
            .unwrap();
        // Nearer to the edge it may have faded to black.
        if brightest.x.hypot(brightest.y) > 0.3 * scene.field {
            continue;
        }
        seen += 1;
        let image = photograph(ClusterKind::Open, 11, index, size);
        let there = level(&image, at(brightest.x), at(brightest.y));
        let mean = image.iter().map(|v| f32::from(*v)).sum::<f32>() / (3 * size * size) as f32;
        assert!(there > 120.0 && there > 2.0 * mean, "photograph {index}: {there}, mean {mean}");
    }
    assert!(seen >= 3, "only {seen} photographs tried");
}

#[test]
fn a_hundred_and_twenty_photographs_take_about_a_megabyte() {
    let size: usize = ClusterKind::ALL
        .into_iter()
        .flat_map(|kind| (0..15).map(move |i| photograph(kind, 1, i, 256)))
        .map(|image| encode_jpeg(&image, Plan::new("").quality).unwrap().len())
        .sum();
    let all = size * 4;
    assert!((700_000..1_400_000).contains(&all), "{all} bytes");
}
