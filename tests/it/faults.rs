//! Bad inputs, each with its exit code and the exact last line. None may leave any file behind.

use super::support::{LABEL_IMAGE, RETRAIN, Workspace, files_under, run};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;

/// Arguments appended to valid ones, exit code, and the last line after `ERROR:tensorflow:`, if the
/// scripts log it, or else `ERROR:retrain:`.
const RETRAIN_CASES: &[(&[&str], i32, &str)] = &[
    // Photographs.
    (
        &["--image_dir="],
        2,
        "--image_dir: must be given: a directory that holds one directory per class",
    ),
    (
        &["--image_dir=nowhere"],
        255,
        "nowhere: Image directory not found; give a directory of class directories",
    ),
    (
        &["--image_dir=a_file"],
        255,
        "a_file: Image directory not found; give a directory of class directories",
    ),
    (
        &["--image_dir=loop"],
        255,
        "loop: Image directory not found; give a directory of class directories",
    ),
    (
        &["--image_dir=new\nline"],
        255,
        "new\\nline: Image directory not found; give a directory of class directories",
    ),
    (
        &["--image_dir=empty"],
        255,
        "empty: No valid folders of images found at empty\n\
         It holds no directories; each class needs one",
    ),
    (
        &["--image_dir=no_images"],
        255,
        "no_images: No valid folders of images found at no_images\n\
         Its 2 directories hold no files",
    ),
    (
        &["--image_dir=one"],
        255,
        "one: Only one valid folder of images found at one - multiple classes are needed for \
            classification.",
    ),
    (
        &["--image_dir=collide"],
        255,
        "collide: 'M 13' and 'm-13' both make the label 'm 13'; rename one of them",
    ),
    (&["--image_dir=greek"], 255, "greek: 'Ω' makes an empty label; rename it: a-z and 0-9 count"),
    // Numbers.
    (&["--testing_percentage=-1"], 2, "--testing_percentage: must be between 0 and 100, not -1"),
    (&["--testing_percentage=101"], 2, "--testing_percentage: must be between 0 and 100, not 101"),
    (
        &["--validation_percentage=-5"],
        2,
        "--validation_percentage: must be between 0 and 100, not -5",
    ),
    (&["--testing_percentage="], 2, "--testing_percentage: invalid int value: ''"),
    (
        &["--testing_percentage=60", "--validation_percentage=60"],
        2,
        "--testing_percentage: and --validation_percentage add up to more than 100",
    ),
    (
        &["--testing_percentage=100", "--validation_percentage=0"],
        2,
        "--testing_percentage: leaves no image to train on; lower it, or --validation_percentage",
    ),
    (&["--learning_rate=-1"], 2, "--learning_rate: must be a finite number from 0 on, not -1"),
    (&["--learning_rate=nan"], 2, "--learning_rate: must be a finite number from 0 on, not NaN"),
    (&["--learning_rate=inf"], 2, "--learning_rate: must be a finite number from 0 on, not inf"),
    (
        &["--learning_rate=1e300"],
        2,
        "--learning_rate: must be a finite number from 0 on, not 1e300",
    ),
    (&["--learning_rate=0.1", "--learning_rate=x"], 2, "--learning_rate: invalid float value: 'x'"),
    (&["--train_batch_size=0"], 2, "--train_batch_size: must be at least 1, or -1 for all images"),
    (
        &["--train_batch_size=1000000000000000000"],
        2,
        "--train_batch_size: must be at most 100000, or -1 for all images, not 1000000000000000000",
    ),
    (
        &["--validation_batch_size=100001"],
        2,
        "--validation_batch_size: must be at most 100000, or -1 for all images, not 100001",
    ),
    (
        &["--test_batch_size=1000000000000000000"],
        2,
        "--test_batch_size: must be at most 100000, or -1 for all images, not 1000000000000000000",
    ),
    (&["--how_many_training_steps=-1"], 2, "--how_many_training_steps: must be at least 0, not -1"),
    (
        &["--how_many_training_steps=1e30"],
        2,
        "--how_many_training_steps: invalid int value: '1e30'",
    ),
    (&["--eval_step_interval=0"], 2, "--eval_step_interval: must be at least 1, not 0"),
    (&["--checkpoint_frequency=-1"], 2, "--checkpoint_frequency: must be at least 0, not -1"),
    (&["--random_crop=-5"], 2, "--random_crop: must be at least 0 per cent, not -5"),
    (&["--random_seed="], 2, "--random_seed: invalid int value: ''"),
    // Words.
    (
        &["--on_bad_image=maybe"],
        2,
        "--on_bad_image: invalid choice: 'maybe' (choose from fail, skip)",
    ),
    (
        &["--flip_left_right=1"],
        2,
        "--flip_left_right: is a switch and takes no value: give it or leave it out",
    ),
    (
        &["--final_tensor_name="],
        2,
        "--final_tensor_name: '' cannot name a node: use letters, digits and _ . - / only, a \
            letter or digit first",
    ),
    (
        &["--final_tensor_name=x/"],
        2,
        "--final_tensor_name: 'x/' cannot name a node: use letters, digits and _ . - / only, a \
            letter or digit first",
    ),
    // Models.
    (
        &["--architecture=mobilnet_1.0_224"],
        255,
        "model mobilnet_1.0_224: Couldn't understand architecture name 'mobilnet_1.0_224'; did \
            you mean 'mobilenet_1.0_224'?",
    ),
    (
        &["--architecture=mobilenet_1.0_224_float"],
        255,
        "model mobilenet_1.0_224_float: Couldn't understand architecture suffix 'float'; choose \
            inception_v3, mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], \
            efficientnet_lite0, efficientnet_lite1, efficientnet_lite2, mobilenet_v2_1.0_224, \
            miniature, or the path of a frozen graph (.pb)",
    ),
    (
        &["--architecture=none.pb"],
        2,
        "--architecture: none.pb: there is no such file; give the path of a frozen GraphDef or \
            of a SavedModel's directory, or a model's name",
    ),
    (
        &["--architecture=photos/"],
        2,
        "--architecture: photos/: is a directory without saved_model.pb; give a SavedModel's \
            directory, the path of a frozen GraphDef, or a model's name",
    ),
    (&["--architecture=junk.pb"], 1, "junk.pb: is not a valid GraphDef (Incorrect tag)"),
    (
        &["--tfhub_module=nowhere"],
        2,
        "--tfhub_module: cannot be combined with --architecture: give only one of them",
    ),
    // Places.
    (&["--output_graph="], 2, "--output_graph: must not be empty: give a path, or leave it out"),
    (&["--output_labels="], 2, "--output_labels: must not be empty: give a path, or leave it out"),
    (&["--summaries_dir="], 2, "--summaries_dir: must not be empty: give a path, or leave it out"),
    (
        &["--bottleneck_dir="],
        2,
        "--bottleneck_dir: must not be empty: give a path, or leave it out",
    ),
    (&["--model_dir="], 2, "--model_dir: must not be empty: give a path, or leave it out"),
    (
        &["--intermediate_output_graphs_dir=", "--intermediate_store_frequency=5"],
        2,
        "--intermediate_output_graphs_dir: must not be empty: give a path, or leave it out",
    ),
    (&["--output_graph=empty"], 2, "--output_graph: empty: is a directory; a file name is needed"),
    (
        &["--output_graph=loop"],
        2,
        "--output_graph: loop: is a loop of symbolic links; give another path",
    ),
    (
        &["--output_graph=pipe"],
        2,
        "--output_graph: pipe: is neither a file nor a character device; give another path",
    ),
    (
        &["--output_labels=graph.pb"],
        2,
        "--output_labels: graph.pb is also --output_graph; name another file",
    ),
    (
        &["--output_labels=empty/../graph.pb"],
        2,
        "--output_labels: empty/../graph.pb is also --output_graph; name another file",
    ),
    (
        &["--output_graph=photos/open cluster/o00000.jpg"],
        2,
        "--output_graph: photos/open cluster/o00000.jpg would be one of the photographs in \
            --image_dir; name another",
    ),
    (&["--summaries_dir=a_file"], 2, "--summaries_dir: a_file is not a directory"),
    (&["--summaries_dir=a_file/x/y"], 2, "--summaries_dir: a_file is not a directory"),
    (&["--summaries_dir=loop"], 2, "--summaries_dir: loop is not a directory"),
    (&["--bottleneck_dir=a_file/x"], 2, "--bottleneck_dir: a_file is not a directory"),
    (&["--bottleneck_dir=loop"], 2, "--bottleneck_dir: loop is not a directory"),
    (&["--model_dir=a_file/x"], 2, "--model_dir: a_file is not a directory"),
    (
        &["--intermediate_output_graphs_dir=a_file/x", "--intermediate_store_frequency=5"],
        2,
        "--intermediate_output_graphs_dir: a_file is not a directory",
    ),
    (
        &["--summaries_dir=photos/summaries"],
        2,
        "--summaries_dir: photos/summaries is in --image_dir, whose directories are classes; \
            give another",
    ),
    (
        &["--bottleneck_dir=./photos/../photos"],
        2,
        "--bottleneck_dir: ./photos/../photos is in --image_dir, whose directories are classes; \
            give another",
    ),
    (
        &["--resume", "--summaries_dir=bad_state"],
        1,
        "bad_state/retrain.state: is not the state of a run; without --resume the run starts anew",
    ),
];

/// A message's line, by what retrain.py passes to `tf.logging.error`.
fn line(message: &str) -> String {
    let scripts = [
        "Image directory ",
        "No valid folders of images found at ",
        "Only one valid folder of images found at ",
        "Couldn't understand architecture ",
    ];
    let of_the_scripts = scripts.iter().any(|start| message.contains(&format!(": {start}")));
    let logger = if of_the_scripts { "tensorflow" } else { "retrain" };
    format!("ERROR:{logger}:{message}")
}

/// The last message: all after the last prefix.
fn last(stderr: &str) -> &str {
    let start = stderr.rfind("\nERROR:").map_or(0, |end| end + 1);
    stderr[start..].trim_end()
}

/// A workspace with everything the cases mention.
fn workspace() -> Workspace {
    let workspace = Workspace::with_photos(2);
    for dir in ["empty", "no_images/a", "no_images/b"] {
        fs::create_dir_all(workspace.path(dir)).unwrap();
    }
    for file in [
        "one/a/1.jpg",
        "collide/M 13/1.jpg",
        "collide/m-13/1.jpg",
        "greek/Ω/1.jpg",
        "greek/b/1.jpg",
        "a_file",
    ] {
        workspace.write(file, "x");
    }
    workspace.write("junk.pb", "\u{7f}junk");
    workspace.write("bad_state/retrain.state", "nonsense");
    symlink("pool", workspace.path("loop")).unwrap();
    symlink("loop", workspace.path("pool")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(workspace.path("pipe")).status().unwrap();
    assert!(made.success());
    workspace
}

#[test]
fn each_bad_input_of_retrain_has_its_message_and_leaves_nothing() {
    assert!(RETRAIN_CASES.len() >= 40);
    let workspace = workspace();
    let before = files_under(workspace.root());
    let mut wrong = Vec::new();
    for (args, code, message) in RETRAIN_CASES {
        let outcome = workspace.retrain(args);
        let expected = line(message);
        if outcome.code != *code || last(&outcome.stderr) != expected || !outcome.stdout.is_empty()
        {
            wrong.push(format!(
                "{args:?}\n  {} {}\n  {code} {expected}",
                outcome.code,
                last(&outcome.stderr)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(files_under(workspace.root()), before);
}

#[test]
fn outputs_may_be_among_the_photographs_or_be_named_like_them() {
    let workspace = Workspace::with_photos(20);
    let both = ["--output_graph=photos/open cluster/graph.pb", "--output_labels=labels.png"];
    workspace.retrain(&both).expect_code(0);
    workspace.retrain(&both).expect_code(0);
}

#[test]
fn arguments_that_are_no_text_are_paths_or_refused() {
    let workspace = Workspace::with_photos(2);
    let bytes = |flag: &str| OsString::from_vec([flag.as_bytes(), b"\xff"].concat());
    let retrain = |arg: &str| {
        run(RETRAIN, workspace.root(), &[OsString::from("--image_dir=photos"), bytes(arg)])
    };
    for flag in ["--final_tensor_name", "--architecture", "--learning_rate"] {
        let outcome = retrain(&format!("{flag}=")).expect_code(2);
        assert_eq!(last(&outcome.stderr), format!("ERROR:retrain:{flag}: is not valid UTF-8"));
    }
    let outcome = retrain("--image_dir=").expect_code(255);
    assert!(
        last(&outcome.stderr)
            .ends_with(": Image directory not found; give a directory of class directories")
    );
}

#[test]
fn each_bad_input_of_label_image_is_named() {
    let workspace = workspace();
    for (args, code, message) in [
        (
            &[][..],
            2,
            "--image: must be given: the photograph to label (or list several without a flag)",
        ),
        (
            &["--image=x", "--input_std=0"],
            2,
            "--input_std: must not be 0: pixel values are divided by it",
        ),
        (&["--image=x", "--input_std="], 2, "--input_std: invalid float value: ''"),
        (&["--image=x", "--input_mean=nan"], 2, "--input_mean: must be a finite number, not NaN"),
        (
            &["--image=x", "--input_width=0"],
            2,
            "--input_width: must be between 1 and 16384 pixels, not 0",
        ),
        (
            &["--image=x", "--input_height=99999999999"],
            2,
            "--input_height: must be between 1 and 16384 pixels, not 99999999999",
        ),
        (&["--image"], 2, "--image: expected one argument"),
    ] {
        let outcome = run(LABEL_IMAGE, workspace.root(), args).expect_code(code);
        assert_eq!(last(&outcome.stderr), line(message), "{args:?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_rate_that_is_too_large_is_the_reason_that_is_given() {
    let workspace = Workspace::with_photos(20);
    let args = ["--learning_rate=3e38", "--train_batch_size=3", "--how_many_training_steps=50"];
    let outcome = workspace.retrain(&args).expect_code(2);
    let said = last(&outcome.stderr);
    assert!(
        said.starts_with("ERROR:retrain:--learning_rate: 3e38 is too large: by step "),
        "{said}"
    );
    assert!(!workspace.path("graph.pb").exists());
}
