//! Runs that are killed, stopped and resumed give the result of an undisturbed run.

use super::support::{Outcome, RETRAIN, Workspace, ask_peer, files_under, python, run};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::dataset::category_of;
use retrain::proto::{self, GraphDef};
use serde_json::{Value, json};
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const STEPS: &str = "--how_many_training_steps=1500";

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, come_about: impl Fn() -> bool) {
    let start = Instant::now();
    while !come_about() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until the run has made a file or directory.
#[track_caller]
fn wait_for(workspace: &Workspace, file: &str) {
    wait_until(file, || workspace.path(file).exists());
}

fn start(workspace: &Workspace, args: &[&str]) -> Child {
    workspace.retrain_command(args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

pub(crate) fn signal(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The contents of the graph and of the bottlenecks.
fn results(workspace: &Workspace) -> Vec<(String, Vec<u8>)> {
    let cached = files_under(&workspace.path("bottlenecks")).into_iter();
    let cached = cached.map(|f| format!("bottlenecks/{f}"));
    let files = ["graph.pb".to_owned(), "labels.txt".to_owned()].into_iter().chain(cached);
    files
        .map(|f| (f.clone(), fs::read(workspace.path(&f)).unwrap_or_else(|e| panic!("{f}: {e}"))))
        .collect()
}

#[test]
fn ten_kills_and_a_run_give_what_one_run_gives() {
    let clean = Workspace::with_photos(20);
    clean.retrain(&[STEPS]).expect_code(0);
    let wanted = results(&clean);
    let workspace = Workspace::with_photos(20);
    let args =
        [STEPS, "--resume", "--checkpoint_frequency=50", "--intermediate_store_frequency=100"];
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_124);
    let mut killed = 0;
    for _ in 0..10 {
        let mut child = start(&workspace, &args);
        std::thread::sleep(Duration::from_millis(rng.random_range(20..900)));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // A file with its final name is complete.
        for graph in files_under(workspace.root()).iter().filter(|f| f.ends_with(".pb")) {
            let bytes = fs::read(workspace.path(graph)).unwrap();
            let parsed: Result<retrain::proto::GraphDef, _> =
                retrain::proto::parse(std::path::Path::new(graph), &bytes);
            assert!(parsed.unwrap().node.iter().any(|n| n.name == "final_result"), "{graph}");
        }
    }
    assert!(killed >= 5, "only {killed} of ten runs were killed in their course");
    workspace.retrain(&args).expect_code(0);
    let got = results(&workspace);
    assert_eq!(got.len(), wanted.len());
    let left = |f: &String| f.rsplit('/').next().is_some_and(|name| name.starts_with(".retrain-"));
    assert_eq!(files_under(workspace.root()).into_iter().find(left), None);
    for ((name, got), (_, wanted)) in got.iter().zip(&wanted) {
        assert!(got == wanted, "{name} is another");
    }
    curves_do_not_double_back(&workspace, &clean);
}

/// TensorBoard shows the same curves for the interrupted run as for the undisturbed one.
fn curves_do_not_double_back(workspace: &Workspace, clean: &Workspace) {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    for set in ["train", "validation"] {
        let ask = |w: &Workspace| {
            ask_peer(&python, "events.py", &json!({ "dir": w.path("summaries").join(set) }))
        };
        let (shown, wanted) = (ask(workspace), ask(clean));
        for (tag, points) in wanted["scalars"].as_object().unwrap() {
            assert_eq!(&shown["scalars"][tag], points, "{set}: {tag}");
        }
        let steps = |v: &Value| {
            v.as_array().unwrap().iter().map(|p| p[0].as_i64().unwrap()).collect::<Vec<_>>()
        };
        for (tag, points) in wanted["histograms"].as_object().unwrap() {
            assert_eq!(steps(&shown["histograms"][tag]), steps(points), "{set}: {tag}");
        }
    }
}

#[test]
fn a_signal_ends_the_run_after_its_step() {
    for (name, code, text) in
        [("INT", 130, "stopped by SIGINT"), ("TERM", 143, "stopped by SIGTERM")]
    {
        let workspace = Workspace::with_photos(20);
        let long = ["--how_many_training_steps=1000000", "--eval_step_interval=10"];
        let child = start(&workspace, &long);
        wait_for(&workspace, "summaries/retrain.state");
        // The first state is saved after one step; the signal must save a later one.
        wait_until("step 10", || {
            fs::read_to_string(workspace.path("summaries/retrain.log"))
                .unwrap()
                .contains("Step 10:")
        });
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        let last = stderr.lines().last().unwrap();
        assert!(last.contains(text), "{last}");
        assert!(last.contains("steps are done and kept in summaries/retrain.state"), "{last}");
        assert!(!workspace.path("graph.pb").exists());
        let done: u64 =
            last.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(done > 1, "{last}");
        let steps = format!("--how_many_training_steps={}", done + 10);
        workspace
            .retrain(&["--resume", "--eval_step_interval=10", &steps])
            .expect_code(0)
            .says(&format!("Resuming after {done} steps"));
    }
}

#[test]
fn a_signal_while_bottlenecks_are_made_keeps_them() {
    let workspace = Workspace::with_photos(150);
    let child = start(&workspace, &[]);
    wait_for(&workspace, "bottlenecks/open cluster");
    wait_until("ten bottlenecks", || files_under(&workspace.path("bottlenecks")).len() >= 10);
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    assert!(stderr.contains("images are cached; run the same command to continue"), "{stderr}");
    let cached = files_under(&workspace.path("bottlenecks")).len();
    assert!((10..300).contains(&cached), "{cached}");
    // The number computed, not the number wanted.
    let computed = format!("INFO:retrain:{cached} bottlenecks computed in");
    assert!(stderr.contains(&computed), "not {cached}: {stderr}");
    let outcome = workspace.retrain(&[]).expect_code(0);
    outcome.says(&format!("{} bottlenecks computed", 300 - cached));
}

#[test]
fn another_run_cannot_be_resumed() {
    let workspace = Workspace::with_photos(20);
    workspace
        .retrain(&["--resume"])
        .expect_code(0)
        .says("There is no summaries/retrain.state to resume");
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    for (arg, flag) in [
        ("--learning_rate=0.5", "learning_rate"),
        ("--train_batch_size=7", "train_batch_size"),
        ("--validation_batch_size=7", "validation_batch_size"),
        ("--eval_step_interval=7", "eval_step_interval"),
        ("--random_seed=2", "random_seed"),
        ("--final_tensor_name=other", "final_tensor_name"),
        ("--testing_percentage=30", "testing_percentage"),
        ("--validation_percentage=30", "validation_percentage"),
        ("--random_brightness=10", "random_brightness"),
        ("--random_scale=10", "random_scale"),
        ("--random_crop=10", "random_crop"),
        ("--flip_left_right", "flip_left_right"),
        ("--flip_up_down", "flip_up_down"),
        ("--rotate_right_angles", "rotate_right_angles"),
        ("--rotate_degrees=5", "rotate_degrees"),
        ("--optimizer=adam", "optimizer"),
        ("--weight_decay=0.1", "weight_decay"),
        ("--feature_scaling=standard", "feature_scaling"),
        ("--class_weights=balanced", "class_weights"),
        ("--label_smoothing=0.1", "label_smoothing"),
        ("--early_stopping=3", "early_stopping"),
        ("--batch_order=epochs", "batch_order"),
    ] {
        let outcome =
            workspace.retrain(&["--resume", "--how_many_training_steps=40", arg]).expect_code(2);
        outcome.says(&format!(
            "--{flag}: differs from the run that summaries/retrain.state belongs to ("
        ));
    }
    let few = ["--resume", "--how_many_training_steps=10"];
    workspace.retrain(&few).expect_code(2).says(
        "--how_many_training_steps: is 10, but the run that summaries/retrain.state belongs to has \
         already made 20; give at least 20, or leave out --resume",
    );
    // A run that is complete needs nothing more; with more steps it goes on.
    workspace.retrain(&["--resume"]).expect_code(0).says("Resuming after 20 steps");
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
    workspace
        .retrain(&["--resume", "--how_many_training_steps=30"])
        .expect_code(0)
        .says("Step 29: Train accuracy");
    let state = fs::read(workspace.path("summaries/retrain.state")).unwrap();
    for damaged in [&state[..state.len() / 2], b"", b"\x0a\x02"] {
        workspace.write("summaries/retrain.state", damaged);
        workspace.retrain(&["--resume"]).expect_code(1).says("summaries/retrain.state: ");
    }
}

#[test]
fn a_photograph_that_was_renamed_is_another_run() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    // Within its set: how many images each set has stays the same.
    let set = |name: &str| category_of(format!("photos/open cluster/{name}").as_bytes(), 10, 10);
    let old = "o00000.jpg";
    let mut names = (0..).map(|n| format!("renamed{n}.jpg"));
    let new = names.find(|new| set(new) == set(old)).unwrap();
    let path = |name: &str| workspace.path("photos/open cluster").join(name);
    fs::rename(path(old), path(&new)).unwrap();
    workspace.retrain(&["--resume", "--how_many_training_steps=40"]).expect_code(2).says(
        "--image_dir: differs from the run that summaries/retrain.state belongs to (40 images, ",
    );
}

#[test]
fn a_run_whose_seed_was_drawn_is_resumed_with_it() {
    // The last step is evaluated in any case: here each is, in both.
    let distorted = [
        "--flip_left_right",
        "--random_brightness=20",
        "--train_batch_size=10",
        "--eval_step_interval=1",
    ];
    let retrain = |workspace: &Workspace, args: &[&str]| {
        let whole = workspace.retrain_command(&[&distorted[..], args].concat());
        let unseeded: Vec<_> = whole.get_args().filter(|arg| *arg != "--random_seed=1").collect();
        run(RETRAIN, workspace.root(), &unseeded).expect_code(0)
    };
    let seed = |outcome: &Outcome| {
        let said = outcome.stderr.split("repeat this run with --random_seed=").nth(1).unwrap();
        said.split(')').next().unwrap().to_owned()
    };
    let workspace = Workspace::with_photos(20);
    let drawn = seed(&retrain(&workspace, &["--how_many_training_steps=4"]));
    let resumed = retrain(&workspace, &["--how_many_training_steps=8", "--resume"]);
    assert_eq!(seed(&resumed.says("Resuming after 4 steps")), drawn);
    let clean = Workspace::with_photos(20);
    let seeded = format!("--random_seed={drawn}");
    retrain(&clean, &["--how_many_training_steps=8", &seeded]);
    let graph = |w: &Workspace| fs::read(w.path("graph.pb")).unwrap();
    assert!(graph(&clean) == graph(&workspace));
}

/// Rewrites the state as version 1 had it: all distortions in one condition, no percentages.
fn as_version_1(workspace: &Workspace, distortions: &str) {
    let path = workspace.path("summaries/retrain.state");
    let mut graph: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    let node = graph.node.iter_mut().find(|n| n.name == "retrain/state").unwrap();
    let mut value = node.tensor_attr("value").unwrap().clone();
    let mut state: Value = serde_json::from_slice(&value.string_val[0]).unwrap();
    let mut course = state["conditions"].take();
    for later in [
        "testing_percentage",
        "validation_percentage",
        "flip_left_right",
        "random_scale",
        "random_brightness",
    ] {
        course.as_object_mut().unwrap().remove(later).unwrap();
    }
    course["random_crop"] = json!(distortions);
    state["course"] = course;
    state["version"] = json!(1);
    state.as_object_mut().unwrap().remove("conditions");
    value.string_val = vec![state.to_string().into_bytes()];
    node.set_attr("value", proto::Value::Tensor(value));
    fs::write(&path, proto::serialize(&graph).unwrap()).unwrap();
}

/// Changes the state's conditions as an earlier version would have written them.
fn without_conditions(workspace: &Workspace, later: &[&str]) {
    let path = workspace.path("summaries/retrain.state");
    let mut graph: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
    let node = graph.node.iter_mut().find(|n| n.name == "retrain/state").unwrap();
    let mut value = node.tensor_attr("value").unwrap().clone();
    let mut state: Value = serde_json::from_slice(&value.string_val[0]).unwrap();
    for condition in later {
        state["conditions"].as_object_mut().unwrap().remove(*condition).unwrap();
    }
    value.string_val = vec![state.to_string().into_bytes()];
    node.set_attr("value", proto::Value::Tensor(value));
    fs::write(&path, proto::serialize(&graph).unwrap()).unwrap();
}

#[test]
fn states_from_before_a_setting_are_resumed_without_it() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--how_many_training_steps=4"]).expect_code(0);
    let later = [
        "symmetry",
        "flip_up_down",
        "rotate_right_angles",
        "rotate_degrees",
        "optimizer",
        "weight_decay",
        "feature_scaling",
        "class_weights",
        "label_smoothing",
        "early_stopping",
        "batch_order",
    ];
    without_conditions(&workspace, &later);
    let more = ["--resume", "--how_many_training_steps=6"];
    for (flag, setting) in [
        ("--symmetry=flip", "symmetry"),
        ("--flip_up_down", "flip_up_down"),
        ("--rotate_right_angles", "rotate_right_angles"),
        ("--rotate_degrees=5", "rotate_degrees"),
    ] {
        let outcome = workspace.retrain(&[&more[..], &[flag]].concat()).expect_code(2);
        outcome.says(&format!("--{setting}: differs from the run that"));
    }
    workspace.retrain(&more).expect_code(0).says("Resuming after 4 steps");
}

#[test]
fn states_of_version_1_are_resumed() {
    for (distorted, kept, other, setting) in [
        (&[][..], "none", "--flip_left_right", "flip_left_right"),
        (&["--random_brightness=20"], "false 0 0 20", "--random_scale=5", "random_scale"),
        (&["--random_crop=10"], "false 10 0 0", "--learning_rate=0.5", "learning_rate"),
    ] {
        let workspace = Workspace::with_photos(20);
        let args = |more: &[&'static str]| [distorted, more].concat();
        workspace.retrain(&args(&["--how_many_training_steps=4"])).expect_code(0);
        as_version_1(&workspace, kept);
        workspace
            .retrain(&args(&["--resume", other]))
            .expect_code(2)
            .says(&format!("--{setting}: differs from the run that"));
        let more = ["--resume", "--how_many_training_steps=6"];
        workspace.retrain(&args(&more)).expect_code(0).says("Resuming after 4 steps");
    }
}

#[test]
fn distorted_runs_are_resumed_alike() {
    let distorted = [
        "--flip_left_right",
        "--random_brightness=20",
        "--train_batch_size=10",
        "--checkpoint_frequency=4",
    ];
    let clean = Workspace::with_photos(20);
    clean.retrain(&[&distorted[..], &["--how_many_training_steps=12"]].concat()).expect_code(0);
    let workspace = Workspace::with_photos(20);
    let twelve = [&distorted[..], &["--how_many_training_steps=12"]].concat();
    let mut child = start(&workspace, &twelve);
    // It is killed after its first steps, or is already complete on a fast machine.
    wait_for(&workspace, "summaries/retrain.state");
    child.kill().unwrap();
    child.wait().unwrap();
    let outcome = workspace.retrain(&[&twelve[..], &["--resume"]].concat()).expect_code(0);
    outcome.says("Resuming after ");
    let graph = |w: &Workspace| fs::read(w.path("graph.pb")).unwrap();
    assert!(graph(&clean) == graph(&workspace));
}

#[test]
fn two_runs_on_one_cache_do_each_other_no_harm() {
    let workspace = Workspace::with_photos(60);
    let other =
        |n: u32| [format!("--output_graph=graph{n}.pb"), format!("--summaries_dir=summaries{n}")];
    for text in ["--bottleneck_text=on", "--bottleneck_text=off"] {
        let children: Vec<Child> = (1..=3)
            .map(|n| {
                let args = other(n);
                start(&workspace, &[text, &args[0], &args[1]])
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let graph = |n: u32| fs::read(workspace.path(&format!("graph{n}.pb"))).unwrap();
        assert!(graph(1) == graph(2) && graph(2) == graph(3), "{text}");
        let alone = workspace.retrain(&[text]).expect_code(0);
        assert!(!alone.stderr.contains("bottlenecks computed"), "{}", alone.stderr);
        assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph(1), "{text}");
        fs::remove_dir_all(workspace.path("bottlenecks")).unwrap();
    }
}

/// A kill may also come while the report is written.
#[test]
fn what_a_killed_report_left_is_removed() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--report_dir=elsewhere"]).expect_code(0);
    let left = ["summaries/projector", "elsewhere"].map(|dir| format!("{dir}/.retrain-left.tmp"));
    left.iter().for_each(|file| drop(workspace.write(file, "half")));
    workspace.retrain(&["--report_dir=elsewhere", "--resume"]).expect_code(0);
    left.iter().for_each(|file| assert!(!workspace.path(file).exists(), "{file}"));
}
