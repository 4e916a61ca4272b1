//! Suggestions for unknown names and mistyped flags: the likely meaning, and nothing far-fetched.

use super::support::{LABEL_IMAGE, Outcome, RETRAIN, Workspace, run};

/// Runs `retrain` in an empty directory.
fn retrain(args: &[&str]) -> Outcome {
    run(RETRAIN, Workspace::new().root(), args)
}

/// How the message ends when no name is close.
const FAMILIES: &str = "; there are inception_v3, \
    mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], efficientnet_lite0, \
    efficientnet_lite1, efficientnet_lite2, mobilenet_v2_1.0_224, miniature, and paths of frozen \
    graphs (.pb)\n";

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

#[test]
fn a_flag_that_is_not_near_is_not_proposed() {
    for (typed, nearest) in [
        ("image-dir", "image_dir"),
        ("how-many-training-steps", "how_many_training_steps"),
        ("OUTPUT_GRAPH", "output_graph"),
        ("test_percentage", "testing_percentage"),
        ("bottlenecks_dir", "bottleneck_dir"),
    ] {
        retrain(&[&format!("--{typed}=1"), "--architecture=none"])
            .says(&format!("--{typed} is ignored; did you mean --{nearest}?\n"));
    }
    for typed in ["train_steps", "input_layer", "image_height", "model_file", "random_flip", "lr"] {
        retrain(&[&format!("--{typed}=1"), "--architecture=none"])
            .says(&format!("unknown flag --{typed} is ignored\n"));
    }
    run(LABEL_IMAGE, Workspace::new().root(), &["--image=x", "--input_size=224"])
        .says("unknown flag --input_size is ignored\n");
}

#[test]
fn words_that_were_meant_as_flags_are_told_apart() {
    for (typed, end) in [
        ("-image_dir=x", "; did you mean --image_dir=x?\n"),
        ("\u{2013}-image_d=x", "; did you mean --image_dir=x?\n"),
        ("\u{2014}image_dir", "; did you mean --image_dir?\n"),
        ("\\--image_dir=x", "; did you mean --image_dir=x?\n"),
        (" --image_dir=x y", "; did you mean --image_dir=x y?\n"),
        ("image_dir=x", "; did you mean --image_dir=x?\n"),
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
