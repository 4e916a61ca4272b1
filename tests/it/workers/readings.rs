//! Photographs whose pixels depend on more than an op of TensorFlow's: this machine decodes them,
//! and workers give the same answers.

use super::machines::{Run, Worker};
use super::programs::assert_same;
use crate::cutouts;
use crate::reading::with_turned_photos;
use crate::support::{OUTPUTS, RETRAIN, Workspace, miniature_dir, run};
use image::imageops::{FilterType, resize};

#[test]
fn turned_and_reduced_photographs_give_the_same_bottlenecks_elsewhere() {
    let workspace = with_turned_photos();
    // Large enough to be reduced while it is decoded.
    let path = workspace.path("photos/open cluster/o00000.jpg");
    let small = image::open(&path).unwrap().into_rgb8();
    resize(&small, 900, 700, FilterType::Triangle).save(&path).unwrap();
    let worker = Worker::start();
    let workers = format!("--workers={}", worker.address);
    for (kind, flags) in [
        ("turned", &["--exif_orientation"][..]),
        ("fast", &["--fast_decode"]),
        ("both", &["--exif_orientation", "--fast_decode"]),
    ] {
        let [alone, theirs] = ["alone", "theirs"].map(|who| format!("{kind}_{who}"));
        Run::start(&workspace, &alone, flags).end(0);
        let args = [flags, &[&workers, "--workers_only"]].concat();
        let log = Run::start(&workspace, &theirs, &args).end(0);
        assert!(log.contains("has computed "), "{log}");
        assert_same(&workspace, &alone, &theirs);
    }
}

#[test]
fn cut_outs_of_a_frame_give_the_same_bottlenecks_elsewhere() {
    let workspace = Workspace::new();
    cutouts::made(&workspace);
    let worker = Worker::start();
    let retrain = |into: &str, args: &[&str]| {
        let model_dir = format!("--model_dir={}", miniature_dir().display());
        let (dir, graph) =
            (format!("--bottleneck_dir={into}"), format!("--output_graph={into}.pb"));
        let args = [
            &OUTPUTS[..],
            &["--cutouts=sources.csv", "--image=frame.fits", "--cutout_size=24"],
            &["--architecture=miniature", "--random_seed=1", "--noreport"],
            &[&model_dir, &dir, &graph],
            args,
        ];
        run(RETRAIN, workspace.root(), &args.concat()).expect_code(0)
    };
    retrain("alone", &[]);
    let workers = format!("--workers={}", worker.address);
    retrain("theirs", &[&workers, "--workers_only"]).says("has computed 24 images");
    assert_same(&workspace, "alone", "theirs");
}
