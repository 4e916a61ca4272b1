//! The flags of `retrain`.

use super::flag::{Flag, Group, Kind, Script};
use super::offline::OFFLINE;
use super::photographs::CUTOUTS;
use super::reading::{EXIF_ORIENTATION, FAST_DECODE, FITS};
use super::workers::{WORKERS, WORKERS_ONLY};
use crate::dataset::SplitKey;
use crate::retrain::BatchOrder;

pub(super) const LEVELS: &[&str] = &["DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

pub(super) const SYMMETRIES: &[&str] = &["none", "flip", "dihedral"];

pub(super) const FEATURES: &[&str] = &["logits", "pooled"];

/// A flag of all three scripts.
const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &Script::ALL, group: Group::Running }
}

const fn ours(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    flag(name, kind, default, help).of(&[])
}

const fn of_both(
    (name, kind, default, help): (&'static str, Kind, &'static str, &'static str),
) -> Flag {
    ours(name, kind, default, help)
}

/// The scripts with `--architecture`.
const ARCHITECTURE: &[Script] = &[Script::Poets, Script::Examples];
/// The script with `--tfhub_module`.
const HUB: &[Script] = &[Script::Hub];

/// All flags: those of the three generations of the script, and ours.
pub const RETRAIN_FLAGS: &[Flag] = &[
    flag("image_dir", Kind::Str, "", "Path to folders of labeled images").group(Group::Start),
    flag("output_graph", Kind::Str, "/tmp/output_graph.pb", "Where to save the trained graph")
        .group(Group::Outputs),
    flag(
        "intermediate_output_graphs_dir",
        Kind::Str,
        "/tmp/intermediate_graph/",
        "Prefix of the paths of intermediate graphs",
    )
    .group(Group::Outputs),
    flag(
        "intermediate_store_frequency",
        Kind::Int,
        "0",
        "Steps between intermediate graphs; 0 for none",
    )
    .group(Group::Outputs),
    flag(
        "output_labels",
        Kind::Str,
        "/tmp/output_labels.txt",
        "Where to save the trained graph's labels",
    )
    .group(Group::Outputs),
    flag(
        "summaries_dir",
        Kind::Str,
        "/tmp/retrain_logs",
        "Where to save summaries for TensorBoard; emptied first",
    )
    .group(Group::Outputs),
    flag("how_many_training_steps", Kind::Int, "4000", "How many training steps to run")
        .group(Group::Start),
    flag("learning_rate", Kind::Float, "0.01", "The step size of gradient descent")
        .group(Group::Training),
    flag(
        "testing_percentage",
        Kind::Int,
        "10",
        "Percentage of images to hold out for the final test",
    )
    .group(Group::Images),
    flag(
        "validation_percentage",
        Kind::Int,
        "10",
        "Percentage of images to hold out for validation",
    )
    .group(Group::Images),
    flag("eval_step_interval", Kind::Int, "10", "Steps between evaluations").group(Group::Training),
    flag("train_batch_size", Kind::Int, "100", "How many images a training step sees; -1 for all")
        .group(Group::Training),
    flag("test_batch_size", Kind::Int, "-1", "How many images the final test sees; -1 for all")
        .group(Group::Training),
    flag(
        "validation_batch_size",
        Kind::Int,
        "100",
        "How many images an evaluation sees; -1 for all",
    )
    .group(Group::Training),
    flag("print_misclassified_test_images", Kind::Switch, "", "List the misclassified test images")
        .group(Group::Outputs),
    flag(
        "model_dir",
        Kind::Str,
        "/tmp/imagenet",
        "Where pretrained models are kept; missing ones are downloaded there",
    )
    .of(ARCHITECTURE)
    .group(Group::Model),
    flag("bottleneck_dir", Kind::Str, "/tmp/bottleneck", "Where to cache bottlenecks"),
    flag(
        "final_tensor_name",
        Kind::Str,
        "final_result",
        "The name of the output node of the trained graph",
    )
    .group(Group::Outputs),
    flag("flip_left_right", Kind::Switch, "", "Randomly mirror half of the training images")
        .group(Group::Distortions),
    flag(
        "random_crop",
        Kind::Int,
        "0",
        "Percentage of margin to crop off training images at random",
    )
    .group(Group::Distortions),
    flag("random_scale", Kind::Int, "0", "Percentage to scale training images up by at random")
        .group(Group::Distortions),
    flag(
        "random_brightness",
        Kind::Int,
        "0",
        "Percentage to change the brightness of training images by at random",
    )
    .group(Group::Distortions),
    flag(
        "architecture",
        Kind::Str,
        "inception_v3",
        "The pretrained model: inception_v3, \
         mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], efficientnet_lite<0|1|2>, \
         mobilenet_v2_1.0_224, miniature (built in), or the path of a network of your own: a frozen \
         graph (.pb), or a SavedModel as Keras exports it (directory, .tar.gz or address)",
    )
    .of(ARCHITECTURE)
    .group(Group::Start),
    ours(
        "signature",
        Kind::Str,
        "",
        "For a SavedModel of your own: the signature to use [default: serving_default]",
    )
    .group(Group::Model),
    ours(
        "bottleneck_tensor",
        Kind::Str,
        "",
        "For a network of your own: the tensor to train on [default: guessed]",
    )
    .group(Group::Model),
    ours(
        "input_tensor",
        Kind::Str,
        "",
        "For a network of your own: the tensor that takes the pixels [default: guessed]",
    )
    .group(Group::Model),
    ours(
        "input_width",
        Kind::Int,
        "",
        "For a network of your own: width of its images [default: as the graph says]",
    )
    .group(Group::Model),
    ours(
        "input_height",
        Kind::Int,
        "",
        "For a network of your own: height of its images [default: as the graph says]",
    )
    .group(Group::Model),
    ours(
        "input_mean",
        Kind::Float,
        "",
        "For a network of your own: subtracted from each pixel value (0 to 255) [default: guessed]",
    )
    .group(Group::Model),
    ours(
        "input_std",
        Kind::Float,
        "",
        "For a network of your own: divides pixel values after the subtraction [default: guessed]",
    )
    .group(Group::Model),
    flag("tfhub_module", Kind::Str, "", "A TF-Hub module to retrain").of(HUB).group(Group::Model),
    flag("saved_model_dir", Kind::Str, "", "Where to save a SavedModel")
        .of(&[Script::Examples, Script::Hub])
        .group(Group::Outputs),
    flag("logging_verbosity", Kind::Choice(LEVELS), "INFO", "DEBUG, INFO, WARN, ERROR or FATAL")
        .of(HUB),
    flag(
        "checkpoint_path",
        Kind::Str,
        "/tmp/_retrain_checkpoint",
        "Where to save checkpoints (with --tfhub_module)",
    )
    .of(HUB)
    .group(Group::Outputs),
    ours(
        "bottleneck_text",
        Kind::Choice(&["on", "off"]),
        "on",
        "Whether to also cache each bottleneck as a text file, which the scripts can read",
    ),
    ours(
        "bottleneck_check",
        Kind::Choice(&["none", "mtime"]),
        "none",
        "mtime: recompute a bottleneck whose text file is older than its image",
    ),
    EXIF_ORIENTATION,
    FAST_DECODE,
    FITS[0],
    FITS[1],
    FITS[2],
    FITS[3],
    ours(
        "on_bad_image",
        Kind::Choice(&["fail", "skip"]),
        "fail",
        "If images cannot be decoded: list them all and end the run (fail), or go on without them \
         (skip)",
    )
    .group(Group::Images),
    ours(
        "formats",
        Kind::Str,
        "all",
        "Which files of image_dir are used: all that can be decoded, script for exactly the \
         script's extensions, or formats separated by commas, such as jpeg,png",
    )
    .group(Group::Images),
    ours("recursive", Kind::Switch, "", "A class's directories below its own belong to it")
        .group(Group::Images),
    ours(
        "split_key",
        Kind::Choice(&SplitKey::NAMES),
        "path",
        "What of a photograph decides its set: path, as typed, as in the script; relative: its \
         path from image_dir on, wherever that is; name: its file's name; content: its bytes, so \
         that copies stay together",
    )
    .group(Group::Images),
    ours(
        "split_file",
        Kind::Str,
        "",
        "A CSV table with the columns path and set, which decides the sets; it is written if it is \
         not there",
    )
    .group(Group::Images),
    ours(
        "image_list",
        Kind::Str,
        "",
        "A catalogue in place of image_dir: CSV, TSV or JSON with the columns path, label and, if \
         there are any, set, group and weight",
    )
    .group(Group::Images),
    CUTOUTS[0],
    CUTOUTS[1],
    CUTOUTS[2],
    ours(
        "image_list_columns",
        Kind::Str,
        "",
        "Which columns of the catalogue are used, such as path=file_loc,label=summary,weight=; an \
         empty one is ignored",
    )
    .group(Group::Images),
    ours(
        "resume",
        Kind::Switch,
        "",
        "Continue the run with the same --summaries_dir that was stopped or killed",
    ),
    ours(
        "checkpoint_frequency",
        Kind::Int,
        "0",
        "Steps between saves of the state that --resume continues from; 0 for once a minute",
    ),
    ours(
        "summaries_keep",
        Kind::Switch,
        "",
        "Keep earlier runs in --summaries_dir: each run gets its own subdirectory",
    )
    .group(Group::Outputs),
    ours(
        "random_seed",
        Kind::Int,
        "",
        "Seed of the initial weights and the batches; without it a seed is drawn and printed",
    )
    .group(Group::Training),
    ours(
        "fine_tune",
        Kind::Str,
        "",
        "After the new layer, also train the network: all, the number of its last layers, or a \
         regular expression that matches names of its nodes",
    )
    .group(Group::Training),
    ours(
        "fine_tune_learning_rate",
        Kind::Float,
        "0.0001",
        "The highest learning rate of fine-tuning; the new layer's is ten times as high",
    )
    .group(Group::Training),
    ours("fine_tune_epochs", Kind::Int, "30", "How often fine-tuning shows each photograph")
        .group(Group::Training),
    ours(
        "report_dir",
        Kind::Str,
        "",
        "Where to write the report [default: report/ in --summaries_dir]",
    )
    .group(Group::Outputs),
    ours("noreport", Kind::Switch, "", "Write no report, and only the script's summaries")
        .group(Group::Outputs),
    ours(
        "print_commands",
        Kind::Switch,
        "",
        "At the end, print commands that take the graph to TensorFlow Lite, ONNX, OpenCV, \
         TensorFlow.js, tract and TensorFlow Serving (--json has them too)",
    )
    .group(Group::Outputs),
    ours("json", Kind::Switch, "", "Print the result as one JSON object on standard output")
        .group(Group::Outputs),
    ours(
        "optimizer",
        Kind::Choice(&["sgd", "adam", "lbfgs"]),
        "sgd",
        "How the new layer learns: sgd, as the script; adam; lbfgs: to convergence, in one step",
    )
    .group(Group::Training),
    ours(
        "weight_decay",
        Kind::Str,
        "0",
        "Strength of the penalty on large weights, or auto: the one that predicts best",
    )
    .group(Group::Training),
    ours(
        "feature_scaling",
        Kind::Choice(&["none", "standard"]),
        "none",
        "standard: scale features to mean 0 and standard deviation 1",
    )
    .group(Group::Training),
    ours(
        "class_weights",
        Kind::Str,
        "none",
        "balanced: each class counts the same; or a JSON file of weights by label",
    )
    .group(Group::Training),
    ours(
        "label_smoothing",
        Kind::Float,
        "0",
        "Share of each label that is spread over all classes",
    )
    .group(Group::Training),
    ours(
        "early_stopping",
        Kind::Int,
        "0",
        "Stop after so many evaluations without a better one, and keep the best; 0 for never",
    )
    .group(Group::Training),
    ours(
        "batch_order",
        Kind::Choice(&BatchOrder::NAMES),
        "random",
        "random: for each image of a batch a random class, then one of its images, as the script; \
         epochs: each image once an epoch, in an order for disks that are slow at random reads; \
         classes are not balanced",
    )
    .group(Group::Training),
    ours(
        "cross_validate",
        Kind::Int,
        "0",
        "Folds of a cross-validation on the cached bottlenecks; 0 for none",
    )
    .group(Group::Training),
    ours("cross_validate_repeats", Kind::Int, "1", "How often to cross-validate, with other folds")
        .group(Group::Training),
    ours(
        "features",
        Kind::Choice(FEATURES),
        "",
        "The layer to train on: a named network's logits, or pooled, the layer before them \
         [default: logits of a mobilenet_<width>_<size>, as the script; else pooled]",
    ),
    ours(
        "preset",
        Kind::Choice(super::presets::NAMES),
        "script",
        "script: as the original; frozen: the best on a network's own features, in seconds; \
         tuned: with fine-tuning, in minutes",
    )
    .group(Group::Training),
    ours(
        "symmetry",
        Kind::Choice(SYMMETRIES),
        "none",
        "flip: a photograph's features are the mean over it and its mirror image; dihedral: over \
         its 8 mirror images and quarter turns",
    )
    .group(Group::Model),
    ours(
        "flip_up_down",
        Kind::Switch,
        "",
        "Randomly mirror half of the training images up to down",
    )
    .group(Group::Distortions),
    ours(
        "rotate_right_angles",
        Kind::Switch,
        "",
        "Turn training images by a random number of right angles",
    )
    .group(Group::Distortions),
    ours(
        "rotate_degrees",
        Kind::Int,
        "0",
        "The largest angle to turn training images by at random, to either side",
    )
    .group(Group::Distortions),
    of_both(WORKERS).group(Group::Running),
    of_both(WORKERS_ONLY).group(Group::Running),
    ours(
        "fetch",
        Kind::Str,
        "",
        "Bring what a machine without a network needs into --model_dir, and do nothing else: all, \
         or names separated by commas: of networks, library (TensorFlow's), addresses of modules",
    ),
    of_both(OFFLINE),
];
