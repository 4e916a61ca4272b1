//! The packed file of bottlenecks beside other runs, and what is told of all that the cache does.

use super::support::{Outcome, Workspace, files_under};
use std::fs::{self, File};
use std::path::PathBuf;

const COMPUTED: &str = "bottlenecks computed in";
const IN_USE: &str = "bottlenecks/miniature.bottlenecks is in use or cannot be written: \
                      this run's bottlenecks will not be kept";

fn packed(workspace: &Workspace) -> PathBuf {
    workspace.path("bottlenecks/miniature.bottlenecks")
}

fn graph(workspace: &Workspace) -> Vec<u8> {
    fs::read(workspace.path("graph.pb")).unwrap()
}

#[test]
fn a_packed_file_that_another_run_has_is_read_and_left_alone() {
    let workspace = Workspace::with_photos(40);
    let off = ["--bottleneck_text=off"];
    workspace.retrain(&off).expect_code(0);
    let wanted = graph(&workspace);
    let whole = fs::read(packed(&workspace)).unwrap();
    // 80 rows are two blocks, the first of 64: what another run has not finished, yet.
    for (content, computed) in [
        (&whole[..], ""),
        (&whole[..whole.len() - 1], "16 bottlenecks computed"),
        (b"of another model", "80 bottlenecks computed"),
        (b"", "80 bottlenecks computed"),
    ] {
        fs::write(packed(&workspace), content).unwrap();
        let held = File::open(packed(&workspace)).unwrap();
        held.lock().unwrap();
        let outcome = workspace.retrain(&off).expect_code(0).says(IN_USE).says(computed);
        assert_eq!(outcome.stderr.contains(COMPUTED), !computed.is_empty());
        assert!(graph(&workspace) == wanted);
        assert!(fs::read(packed(&workspace)).unwrap() == content, "it was written to");
    }
    // Text files are kept: then nothing is lost.
    fs::write(packed(&workspace), &whole).unwrap();
    let held = File::open(packed(&workspace)).unwrap();
    held.lock().unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains("is in use"));
    assert_eq!(files_under(&workspace.path("bottlenecks")).len(), 80);
    drop(held);
    assert!(!workspace.retrain(&off).expect_code(0).stderr.contains("is in use"));
}

#[test]
fn a_touched_photograph_is_looked_into_once() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let photo = workspace.path("photos/open cluster/o00000.jpg");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes).unwrap();
    let touched = fs::metadata(&photo).unwrap().modified().unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
    // Whether it is looked into again: there it would be another now.
    fs::write(&photo, vec![0; bytes.len()]).unwrap();
    File::options().write(true).open(&photo).unwrap().set_modified(touched).unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
}

#[test]
fn the_hundredth_bottleneck_is_logged_wherever_it_comes_from() {
    let workspace = Workspace::with_photos(50);
    let logged = |outcome: Outcome, from: &str| {
        let lines = outcome.stderr.matches("INFO:tensorflow:100 bottleneck files created.\n");
        assert_eq!(lines.count(), 1, "{from}\n{}", outcome.stderr);
        assert!(!outcome.stderr.contains("more than"), "{from}\n{}", outcome.stderr);
        outcome
    };
    let run = |from: &str| logged(workspace.retrain(&[]).expect_code(0), from);
    run("computed").says("100 bottlenecks computed in");
    assert!(!run("packed").stderr.contains(COMPUTED));
    for photo in files_under(&workspace.path("photos")) {
        let path = workspace.path("photos").join(photo);
        fs::write(&path, fs::read(&path).unwrap()).unwrap();
    }
    assert!(!run("touched").stderr.contains(COMPUTED));
    for class in ["open cluster", "globular cluster"] {
        fs::remove_dir_all(workspace.path("bottlenecks").join(class)).unwrap();
    }
    assert!(!run("packed, without text").stderr.contains(COMPUTED));
    fs::remove_file(packed(&workspace)).unwrap();
    assert!(!run("text").stderr.contains(COMPUTED));
}
