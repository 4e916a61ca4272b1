//! Whole runs on simulated photographs with the built-in backbone: all that a fresh clone can test.

use super::events;
use super::support::{Workspace, files_under, miniature_dir, scores};
use retrain::proto::{self, GraphDef};
use std::fs;

fn graph(workspace: &Workspace, name: &str) -> GraphDef {
    let path = workspace.path(name);
    proto::parse(&path, &fs::read(&path).unwrap()).unwrap()
}

#[test]
fn a_run_learns_and_leaves_graph_labels_and_summaries() {
    let workspace = Workspace::with_photos(40);
    let outcome = workspace
        .retrain(&["--how_many_training_steps=60", "--train_batch_size=-1"])
        .expect_code(0);
    let events = events::read(&workspace.path("summaries/train"));
    let cross_entropy = &events.scalars["cross_entropy_1"];
    assert_eq!(cross_entropy.len(), 60);
    // It starts at ln 2, for two classes before any training; whole batches then lower it steadily.
    assert!((cross_entropy[0].1 - 2f32.ln()).abs() < 0.05, "{:?}", cross_entropy[0]);
    assert!(cross_entropy[59].1 < 0.5 * cross_entropy[0].1, "{:?}", cross_entropy[59]);
    let steps: Vec<i64> =
        events::read(&workspace.path("summaries/validation")).scalars["accuracy_1"]
            .iter()
            .map(|p| p.0)
            .collect();
    assert_eq!(steps, [0, 10, 20, 30, 40, 50, 59]);
    assert_eq!(
        fs::read_to_string(workspace.path("labels.txt")).unwrap(),
        "globular cluster\nopen cluster\n"
    );
    assert_eq!(graph(&workspace, "graph.pb").node.last().unwrap().name, "final_result");
    assert!(
        outcome.stderr.contains("INFO:tensorflow:Final test accuracy = "),
        "{}",
        outcome.stderr
    );
    assert!(files_under(workspace.root()).iter().all(|f| !f.ends_with(".tmp")));

    let labelled =
        workspace.label_image(&["--image=photos/open cluster/o00000.jpg"]).expect_code(0);
    let scores = scores(&labelled.stdout);
    assert_eq!(scores[0].0, "open cluster", "a photograph it was trained on: {scores:?}");
    assert!((scores[0].1 + scores[1].1 - 1.0).abs() < 2e-5, "{scores:?}");
}

#[test]
fn intermediate_graphs_are_at_multiples_of_the_frequency_but_not_at_0() {
    let workspace = Workspace::with_photos(20);
    let args = ["--intermediate_store_frequency=5", "--how_many_training_steps=16"];
    let outcome = workspace.retrain(&args).expect_code(0);
    let expected = ["intermediate_10.pb", "intermediate_15.pb", "intermediate_5.pb"];
    assert_eq!(files_under(&workspace.path("intermediate")), expected);
    outcome.says("INFO:tensorflow:Save intermediate result to : intermediate/intermediate_5.pb\n");
    let weights = |name: &str| {
        let graph = graph(&workspace, name);
        graph
            .require("final_training_ops/weights/final_weights")
            .unwrap()
            .tensor_attr("value")
            .unwrap()
            .clone()
    };
    assert!(
        weights("intermediate/intermediate_5.pb") != weights("intermediate/intermediate_10.pb")
    );
    // Step 15 was the last.
    assert!(weights("intermediate/intermediate_15.pb") == weights("graph.pb"));
    let labelled = workspace
        .label_image(&[
            "--graph=intermediate/intermediate_5.pb",
            "--image=photos/open cluster/o00000.jpg",
        ])
        .expect_code(0);
    assert_eq!(scores(&labelled.stdout).len(), 2);
}

#[test]
fn the_paths_of_intermediate_graphs_are_a_plain_concatenation() {
    let workspace = Workspace::with_photos(20);
    let args = ["--intermediate_output_graphs_dir=mid", "--intermediate_store_frequency=2"];
    workspace.retrain(&[&args[..], &["--how_many_training_steps=4"]].concat()).expect_code(0);
    assert!(workspace.path("midintermediate_2.pb").is_file());
    assert!(workspace.path("mid").is_dir(), "the script makes the directory, whatever it is worth");
    // None are requested, so none are written.
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    assert!(!workspace.path("intermediate").exists());
}

#[test]
fn misclassified_test_images_are_listed_as_the_script_lists_them() {
    let workspace = Workspace::with_photos(30);
    // Nothing is learnt, so about half of the test images are wrong.
    let args = ["--testing_percentage=50", "--learning_rate=0", "--how_many_training_steps=1"];
    let outcome = workspace.retrain(&[&args[..], &["--print_mis"]].concat()).expect_code(0);
    let (before, list) = outcome
        .stderr
        .split_once("INFO:tensorflow:=== MISCLASSIFIED TEST IMAGES ===\n")
        .expect("the heading");
    let list: Vec<&str> = list.lines().filter(|l| l.ends_with(" cluster")).collect();
    let (_, accuracy) = before.split_once("Final test accuracy = ").unwrap();
    let (percent, n) = accuracy.trim_end().strip_suffix(')').unwrap().split_once("% (N=").unwrap();
    let (percent, n): (f64, usize) = (percent.parse().unwrap(), n.parse().unwrap());
    assert!(!list.is_empty() && n >= 20, "{list:?} {n}");
    assert!(
        (100.0 * (n - list.len()) as f64 / n as f64 - percent).abs() <= 0.05,
        "{} of {n}, {percent}",
        list.len()
    );
    for line in &list {
        let text = line.strip_prefix("INFO:tensorflow:").unwrap();
        let path = text[..70].trim_start();
        assert!(workspace.path(path).is_file(), "{text}");
        let other =
            if path.contains("globular cluster") { "open cluster" } else { "globular cluster" };
        assert_eq!(*text, format!("{path:>70}  {other}"));
    }
    let quiet = workspace.retrain(&args).expect_code(0);
    assert!(!quiet.stderr.contains("MISCLASSIFIED"));
}

#[test]
fn a_directory_that_is_missing_empty_or_of_one_class_ends_the_run_with_255() {
    let workspace = Workspace::with_photos(20);
    workspace
        .retrain(&["--image_dir=nowhere"])
        .expect_code(255)
        .says("nowhere: Image directory not found");
    fs::create_dir(workspace.path("empty")).unwrap();
    workspace
        .retrain(&["--image_dir=empty"])
        .expect_code(255)
        .says("No valid folders of images found at empty");
    let one = workspace.path("one/open cluster");
    fs::create_dir_all(one.parent().unwrap()).unwrap();
    fs::rename(workspace.path("photos/open cluster"), one).unwrap();
    let message = "Only one valid folder of images found at one - multiple classes are needed \
        for classification.";
    workspace.retrain(&["--image_dir=one"]).expect_code(255).says(message);
    assert!(!workspace.path("bottlenecks").exists());
}

#[test]
fn few_images_and_empty_classes_get_the_scripts_warnings() {
    let workspace = Workspace::with_photos(20);
    fs::remove_file(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    fs::create_dir(workspace.path("photos/dark cloud")).unwrap();
    let few =
        "WARNING:tensorflow:WARNING: Folder has less than 20 images, which may cause issues.\n";
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert_eq!(outcome.stderr.matches(few).count(), 1, "{}", outcome.stderr);
    outcome.says(
        "INFO:tensorflow:Looking for images in 'dark cloud'\nWARNING:tensorflow:No files found\n",
    );
    assert_eq!(
        fs::read_to_string(workspace.path("labels.txt")).unwrap(),
        "globular cluster\nopen cluster\n"
    );
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_work() {
    let workspace = Workspace::with_photos(20);
    workspace.write("a file", "");
    fs::create_dir(workspace.path("a directory")).unwrap();
    for (flag, value) in [
        ("output_graph", "a file/graph.pb"),
        ("output_graph", "a directory"),
        ("output_labels", "a file/labels.txt"),
        ("output_labels", "a directory"),
    ] {
        workspace
            .retrain(&[&format!("--{flag}={value}")])
            .expect_code(2)
            .says(&format!("--{flag}: "))
            .says("a ");
        assert!(!workspace.path("bottlenecks").exists() && !workspace.path("summaries").exists());
    }
    // Missing directories are created.
    workspace.retrain(&["--output_graph=new/dir/graph.pb"]).expect_code(0);
    assert!(workspace.path("new/dir/graph.pb").is_file());
}

#[test]
fn a_summaries_dir_that_holds_what_the_run_reads_is_refused() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    std::os::unix::fs::symlink("photos", workspace.path("link")).unwrap();
    let before = files_under(workspace.root());
    for dir in [".", "photos", "./photos/../photos", "link", "bottlenecks", ".."] {
        let outcome = workspace.retrain(&[&format!("--summaries_dir={dir}")]);
        outcome.expect_code(2).says("--summaries_dir: ").says("would be emptied");
    }
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let outcome =
        workspace.retrain(&[&model_dir, &format!("--summaries_dir={}", miniature_dir().display())]);
    outcome.expect_code(2).says("would be emptied");
    assert_eq!(files_under(workspace.root()), before);
}

#[test]
fn summaries_of_an_earlier_run_are_removed() {
    let workspace = Workspace::with_photos(20);
    let old = workspace.write("summaries/train/events.out.tfevents.1.old", "");
    workspace.retrain(&["--noreport"]).expect_code(0);
    assert!(!old.exists());
    let files = files_under(&workspace.path("summaries"));
    assert_eq!(files.len(), 4, "{files:?}");
}

#[test]
fn empty_sets_are_left_out_and_do_not_end_the_run() {
    let workspace = Workspace::with_photos(20);
    let outcome = workspace.retrain(&["--validation_percentage=0"]).expect_code(0);
    assert!(!outcome.stderr.contains("Validation accuracy"));
    assert!(outcome.stderr.contains("validation images"), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("Train accuracy") && outcome.stderr.contains("Final test accuracy")
    );
    let outcome =
        workspace.retrain(&["--testing_percentage=0", "--validation_percentage=50"]).expect_code(0);
    assert!(!outcome.stderr.contains("Final test accuracy"));
    assert!(
        outcome.stderr.contains("test images") && outcome.stderr.contains("Validation accuracy")
    );
    // Without training images there is nothing to do.
    workspace
        .retrain(&["--testing_percentage=100", "--validation_percentage=0"])
        .expect_code(2)
        .says("to train on");
}

#[test]
fn no_steps_at_all_still_leave_a_graph() {
    let workspace = Workspace::with_photos(20);
    let outcome = workspace.retrain(&["--how_many_training_steps=0"]).expect_code(0);
    assert!(!outcome.stderr.contains("Step ") && outcome.stderr.contains("Final test accuracy"));
    workspace.label_image(&["--image=photos/open cluster/o00000.jpg"]).expect_code(0);
}

#[test]
fn another_final_tensor_name_is_the_graphs() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--final_tensor_name=verdict/cluster"]).expect_code(0);
    assert!(
        graph(&workspace, "graph.pb").find("verdict/cluster").is_some_and(|n| n.op == "Softmax")
    );
    let photo = "--image=photos/open cluster/o00000.jpg";
    workspace.label_image(&["--output_layer=verdict/cluster", photo]).expect_code(0);
    workspace
        .retrain(&["--final_tensor_name=input"])
        .expect_code(2)
        .says("is a node of the pretrained graph");
}

#[test]
fn verbosity_decides_what_is_said() {
    let workspace = Workspace::with_photos(19);
    let said = |level: &str| {
        workspace.retrain(&[&format!("--logging_verbosity={level}")]).expect_code(0).stderr
    };
    let (debug, warn, error) = (said("DEBUG"), said("WARN"), said("ERROR"));
    let times = debug.lines().find(|l| l.starts_with("DEBUG:retrain:Over all threads: ")).unwrap();
    assert!(times.contains(" s of decoding, ") && times.ends_with(" s of the network"), "{times}");
    assert!(warn.contains("less than 20 images") && !warn.contains("INFO:"), "{warn}");
    assert_eq!(error, "");
    let fatal = workspace.retrain(&["--logging_verbosity=FATAL", "--image_dir=nowhere"]);
    fatal.expect_code(255).says("nowhere");
}

/// It holds whether or not TensorFlow itself would use oneDNN's ops on this processor.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_network_is_fused_on_any_processor() {
    let outcome = Workspace::with_photos(20).retrain(&["--logging_verbosity=DEBUG"]).expect_code(0);
    outcome.says("The network with fused convolutions agrees with the published one to ");
}

/// With more test images than are evaluated at once, each is counted once, and the misclassified
/// ones are named.
#[test]
fn a_large_test_set_is_evaluated_piece_by_piece() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let numbers = |class: &str| {
        let text = format!("bottlenecks/{class}/{}00000.jpg_miniature.txt", &class[..1]);
        std::fs::read_to_string(workspace.path(&text)).unwrap()
    };
    let (globular, open) = (numbers("globular cluster"), numbers("open cluster"));
    for (class, own, other) in [("globular", &globular, &open), ("open", &open, &globular)] {
        for i in 0..3000 {
            // In each class, one in a hundred looks like the other class.
            let (name, text) = if i % 100 == 0 { ("odd", other) } else { ("usual", own) };
            workspace.write(&format!("many/{class}/{name}{i}.jpg"), "never read");
            workspace.write(&format!("many_bn/{class}/{name}{i}.jpg_miniature.txt"), text);
        }
    }
    let args = [
        "--image_dir=many",
        "--bottleneck_dir=many_bn",
        "--testing_percentage=90",
        "--validation_percentage=2",
    ];
    let more = [
        "--test_batch_size=-1",
        "--print_misclassified_test_images",
        "--how_many_training_steps=100",
    ];
    let outcome = workspace.retrain(&[&args[..], &more].concat()).expect_code(0);
    // The closing word may name any photograph.
    let script = |line: &&str| line.starts_with("INFO:tensorflow:");
    let lines = || outcome.stderr.lines().filter(script);
    let listed = lines().filter(|line| line.contains("/odd")).count();
    assert!(!lines().any(|line| line.contains("/usual")));
    let (said, n) =
        outcome.stderr.split("Final test accuracy = ").nth(1).unwrap().split_once("% (N=").unwrap();
    let n: usize = n.split(')').next().unwrap().parse().unwrap();
    assert!(n > 5000 && listed > 20, "{n} {listed}");
    assert_eq!(said, format!("{:.1}", 100.0 * (n - listed) as f64 / n as f64));
}
