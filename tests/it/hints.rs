//! Suggestions for unknown names and mistyped flags: the likely meaning, and nothing far-fetched.

use super::support::{LABEL_IMAGE, Outcome, RETRAIN, Workspace, files_under, run};
use retrain::cli::{Flag, Kind, LABEL_IMAGE_FLAGS, RETRAIN_FLAGS, full_names};

/// Runs `retrain` in an empty directory.
fn retrain(args: &[&str]) -> Outcome {
    run(RETRAIN, Workspace::new().root(), args)
}

/// How the message ends when no name is close.
const FAMILIES: &str = "; choose inception_v3, \
    mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], efficientnet_lite0, \
    efficientnet_lite1, efficientnet_lite2, mobilenet_v2_1.0_224, miniature, or the path of a \
    frozen graph (.pb)\n";

#[test]
fn typing_errors_in_an_architectures_name_are_mended() {
    for (typed, meant) in [
        ("mobilnet_0.25_224", "mobilenet_0.25_224"),
        ("inceptoin_v3", "inception_v3"),
        ("InceptionV3", "inception_v3"),
        ("inception-v3", "inception_v3"),
        ("mobilenet-1.0-224", "mobilenet_1.0_224"),
        ("mobilenet_1.0_244", "mobilenet_1.0_224"),
        ("mobilenet_0.25_224_quantised", "mobilenet_0.25_224_quantized"),
        ("minature", "miniature"),
        // The names that archives, modules and TensorFlow 1.7's script use.
        ("mobilenet_v1_1.0_224", "mobilenet_1.0_224"),
        ("mobilenet_v1_0.50_160_frozen.tgz", "mobilenet_0.50_160"),
        ("mobilenet_v1_0.25_128_quantized", "mobilenet_0.25_128_quantized"),
        ("mobilenet_v1_050_192", "mobilenet_0.50_192"),
        ("mobilenet_0.5_224", "mobilenet_0.50_224"),
        ("mobilenet_1.0_128_quant", "mobilenet_1.0_128_quantized"),
        ("mobilenet_v2_100_224", "mobilenet_v2_1.0_224"),
        ("efficientnet-lite1", "efficientnet_lite1"),
    ] {
        let outcome = retrain(&[&format!("--architecture={typed}")]).expect_code(255);
        outcome.says(&format!("; did you mean '{meant}'?\n"));
    }
}

#[test]
fn networks_that_are_not_there_are_answered_with_those_that_are() {
    for typed in [
        "resnet50",
        "mobilenet_v2",
        "mobilenet_v3_1.0_224",
        "efficientnet",
        "efficientnet_b0",
        "inception_v4",
        "inception_resnet_v2",
        "nasnet_mobile",
        "vgg16",
        "",
    ] {
        retrain(&[&format!("--architecture={typed}")]).expect_code(255).says(FAMILIES);
    }
    // The script's wording comes first.
    for (typed, message) in [
        ("resnet50", "Couldn't understand architecture name 'resnet50'"),
        (
            "mobilenet_0.3_224",
            "The Mobilenet version should be '1.0', '0.75', '0.50', or '0.25', but found '0.3'",
        ),
        (
            "mobilenet_1.0_64",
            "The Mobilenet input size should be '224', '192', '160', or '128', but found '64'",
        ),
        ("mobilenet_0.25_224_float", "Couldn't understand architecture suffix 'float'"),
    ] {
        let outcome = retrain(&[&format!("--architecture={typed}")]).expect_code(255);
        outcome.says(&format!("model {typed}: {message}{FAMILIES}"));
    }
}

/// Runs `retrain` with two photographs' worth of valid flags; none of its outputs may come to be.
fn refused(typed: &str) -> Outcome {
    let workspace = Workspace::with_photos(2);
    let before = files_under(workspace.root());
    let outcome = workspace.retrain(&[typed]).expect_code(2);
    assert_eq!(files_under(workspace.root()), before);
    outcome
}

#[test]
fn a_mistyped_flag_ends_the_run_before_any_work() {
    for (typed, meant) in [
        ("image_dirr", "--image_dir"),
        ("lerning_rate", "--learning_rate"),
        ("OUTPUT_GRAPH", "--output_graph"),
        ("test_percentage", "--testing_percentage"),
        ("bottlenecks_dir", "--bottleneck_dir"),
        ("how-many-trainig-steps", "--how_many_training_steps"),
        ("-image_dir", "--image_dir"),
        // Equally near to two.
        ("tesin_batch_size", "--train_batch_size or --test_batch_size"),
    ] {
        let message = format!("ERROR:retrain:--{typed}: is not a flag; did you mean {meant}?\n");
        refused(&format!("--{typed}=1")).says(&message);
    }
    let label = |args: &[&str]| run(LABEL_IMAGE, Workspace::new().root(), args);
    label(&["--image=x", "--inpt_layer=y"])
        .expect_code(2)
        .says("ERROR:retrain:--inpt_layer: is not a flag; did you mean --input_layer?\n");
}

#[test]
fn a_flag_that_is_not_near_is_ignored_and_none_is_proposed() {
    for typed in ["train_steps", "input_layer", "image_height", "model_file", "random_flip", "lr"] {
        retrain(&[&format!("--{typed}=1"), "--architecture=none"])
            .expect_code(255)
            .says(&format!("WARNING:retrain:unknown flag --{typed} is ignored\n"));
    }
    run(LABEL_IMAGE, Workspace::new().root(), &["--image=x", "--input_size=224"])
        .says("unknown flag --input_size is ignored\n");
}

#[test]
fn dashes_may_stand_for_underscores_in_every_flag_and_abbreviation() {
    let full = |flags: &[Flag], word: &str| full_names(flags, &[word.into()]).unwrap();
    for flags in [RETRAIN_FLAGS, LABEL_IMAGE_FLAGS] {
        for flag in flags.iter().filter(|flag| flag.kind != Kind::Switch) {
            let meant = full(flags, &format!("--{}=a-b_c", flag.name));
            assert_eq!(full(flags, &format!("--{}=a-b_c", flag.name.replace('_', "-"))), meant);
        }
    }
    assert_eq!(full(RETRAIN_FLAGS, "--flip-left-right"), ["--flip_left_right"]);
    assert_eq!(full(RETRAIN_FLAGS, "--flip-l"), ["--flip_left_right"]);
    assert_eq!(full(RETRAIN_FLAGS, "--how-m=3"), ["--how_many_training_steps=3"]);
    assert_eq!(full(RETRAIN_FLAGS, "--random_s=1"), full(RETRAIN_FLAGS, "--random-s=1"));
    let program = env!("CARGO_BIN_EXE_simulate_clusters");
    let args = ["--out=clusters", "--per-class=1", "--test-o=tests", "--test-per-class=0"];
    run(program, Workspace::new().root(), &args).expect_code(0);
}

#[test]
fn words_that_were_meant_as_flags_are_refused() {
    for (typed, flag, meant) in [
        ("-image_dir=x", "image_dir", "image_dir=x"),
        ("\u{2013}-image_d=x", "image_dir", "image_dir=x"),
        ("\u{2014}image_dir", "image_dir", "image_dir"),
        ("\\--image_dir=x", "image_dir", "image_dir=x"),
        (" --image_dir=x y", "image_dir", "image_dir=x y"),
        ("image_dir=x", "image_dir", "image_dir=x"),
    ] {
        let said =
            format!("ERROR:retrain:--{flag}: '{typed}' is not a flag; did you mean --{meant}?\n");
        refused(typed).says(&said);
    }
}

#[test]
fn other_words_are_ignored() {
    for (typed, end) in [
        (" ", "; a backslash that continues a line must be the last character on it\n"),
        ("image_di=x", "\n"),
        ("../-image", "\n"),
        ("-x", "\n"),
    ] {
        retrain(&[typed, "--architecture=none"])
            .expect_code(255)
            .says(&format!("WARNING:retrain:'{typed}' is not a flag and is ignored{end}"));
    }
    retrain(&["\r", "--architecture=none"]).says("'\\r' is not a flag and is ignored; a backslash");
    retrain(&["\\", "--architecture=none"]).says("'\\' is not a flag and is ignored; a backslash");
}
