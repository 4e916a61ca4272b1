//! The same seed gives the same run, to the byte; no two runs without a seed are the same.

use super::events;
use super::support::Workspace;
use std::fs;

/// Everything that a seed determines: the graph, the labels, and the events except their times.
fn outputs(workspace: &Workspace) -> (Vec<u8>, Vec<u8>, [Vec<Vec<u8>>; 2]) {
    let events = ["train", "validation"]
        .map(|set| events::without_wall_times(&workspace.path("summaries").join(set)));
    (
        fs::read(workspace.path("graph.pb")).unwrap(),
        fs::read(workspace.path("labels.txt")).unwrap(),
        events,
    )
}

#[test]
fn one_seed_one_result_another_seed_another() {
    let workspace = Workspace::with_photos(25);
    let run = |seed: &str| {
        workspace.retrain(&[&format!("--random_seed={seed}")]).expect_code(0);
        outputs(&workspace)
    };
    let first = run("7");
    // The second run reads its bottlenecks from the cache, and they must be the same numbers.
    assert!(first == run("7"), "two runs with --random_seed=7 differ");
    fs::remove_dir_all(workspace.path("bottlenecks")).unwrap();
    assert!(first == run("7"), "a run that makes its bottlenecks anew differs");
    let other = run("8");
    assert!(first.0 != other.0 && first.2 != other.2, "--random_seed=8 gives the same as 7");
    // Seed 0 is an ordinary seed, not a request to draw one.
    assert!(run("0") == run("0"), "two runs with --random_seed=0 differ");
}

#[test]
fn a_drawn_seed_is_printed_kept_and_repeats_the_run() {
    let workspace = Workspace::with_photos(25);
    // The last value of a flag wins and a flag cannot be unset, so this test does not use the
    // workspace's defaults.
    let model_dir = format!("--model_dir={}", super::support::miniature_dir().display());
    let run = |more: &[&str]| {
        let args = [
            "--image_dir=photos",
            "--architecture=miniature",
            "--how_many_training_steps=5",
            &model_dir,
        ];
        let args = [&args, &super::support::OUTPUTS[..], more].concat();
        super::support::run(super::support::RETRAIN, workspace.root(), &args).expect_code(0)
    };
    let seed_of = |text: &str| {
        let (_, after) = text.split_once("--random_seed=").expect("the seed is printed");
        after.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    let first = run(&[]);
    let seed = seed_of(&first.stderr);
    let kept = fs::read_to_string(workspace.path("summaries/retrain.log")).unwrap();
    assert_eq!(seed_of(&kept), seed);
    let drawn = outputs(&workspace);
    assert!(run(&[&format!("--random_seed={seed}")]).code == 0 && outputs(&workspace) == drawn);
    assert_ne!(seed_of(&run(&[]).stderr), seed);
    assert!(outputs(&workspace).0 != drawn.0);
}

#[test]
fn the_kept_log_is_all_that_was_printed() {
    let workspace = Workspace::with_photos(25);
    let outcome = workspace.retrain(&["--no_such_flag"]).expect_code(0);
    assert_eq!(
        fs::read_to_string(workspace.path("summaries/retrain.log")).unwrap(),
        outcome.stderr
    );
    assert_eq!(outcome.stdout, "");
}
