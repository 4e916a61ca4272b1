//! The flags of `retrain`: those of all generations of the script, and ours.

use super::flag::{Flag, Kind, Script};

pub(super) const LEVELS: &[&str] = &["DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

pub(super) const FEATURES: &[&str] = &["logits", "pooled"];

/// A flag of all three scripts.
const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &Script::ALL }
}

const fn ours(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    flag(name, kind, default, help).of(&[])
}

/// The scripts with `--architecture`.
const ARCHITECTURE: &[Script] = &[Script::Poets, Script::Examples];
/// The script with `--tfhub_module`.
const HUB: &[Script] = &[Script::Hub];

/// All flags: those of the three generations of the script, and ours.
pub const RETRAIN_FLAGS: &[Flag] = &[
    flag("image_dir", Kind::Str, "", "Path to folders of labeled images"),
    flag("output_graph", Kind::Str, "/tmp/output_graph.pb", "Where to save the trained graph"),
    flag(
        "intermediate_output_graphs_dir",
        Kind::Str,
        "/tmp/intermediate_graph/",
        "What the paths of intermediate graphs begin with",
    ),
    flag(
        "intermediate_store_frequency",
        Kind::Int,
        "0",
        "Store an intermediate graph every so many steps; 0 for never",
    ),
    flag(
        "output_labels",
        Kind::Str,
        "/tmp/output_labels.txt",
        "Where to save the trained graph's labels",
    ),
    flag(
        "summaries_dir",
        Kind::Str,
        "/tmp/retrain_logs",
        "Where to save summaries for TensorBoard; emptied first",
    ),
    flag("how_many_training_steps", Kind::Int, "4000", "How many training steps to run"),
    flag("learning_rate", Kind::Float, "0.01", "The step size of gradient descent"),
    flag(
        "testing_percentage",
        Kind::Int,
        "10",
        "What percentage of images to keep for the final test",
    ),
    flag(
        "validation_percentage",
        Kind::Int,
        "10",
        "What percentage of images to keep for validation",
    ),
    flag("eval_step_interval", Kind::Int, "10", "Evaluate every so many steps"),
    flag("train_batch_size", Kind::Int, "100", "How many images a training step sees; -1 for all"),
    flag("test_batch_size", Kind::Int, "-1", "How many images the final test sees; -1 for all"),
    flag(
        "validation_batch_size",
        Kind::Int,
        "100",
        "How many images an evaluation sees; -1 for all",
    ),
    flag(
        "print_misclassified_test_images",
        Kind::Switch,
        "",
        "List the test images whose class was not found",
    ),
    flag(
        "model_dir",
        Kind::Str,
        "/tmp/imagenet",
        "Where pretrained models are, or are downloaded to",
    )
    .of(ARCHITECTURE),
    flag("bottleneck_dir", Kind::Str, "/tmp/bottleneck", "Where to cache bottlenecks"),
    flag(
        "final_tensor_name",
        Kind::Str,
        "final_result",
        "The name of the output node of the trained graph",
    ),
    flag("flip_left_right", Kind::Switch, "", "Randomly mirror half of the training images"),
    flag(
        "random_crop",
        Kind::Int,
        "0",
        "Percentage of margin to crop off training images at random",
    ),
    flag("random_scale", Kind::Int, "0", "Percentage to scale training images up by at random"),
    flag(
        "random_brightness",
        Kind::Int,
        "0",
        "Percentage to change the brightness of training images by at random",
    ),
    flag(
        "architecture",
        Kind::Str,
        "inception_v3",
        "The pretrained model: inception_v3, \
         mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], efficientnet_lite<0|1|2>, \
         mobilenet_v2_1.0_224, miniature (built in), or the path of a frozen graph of your own",
    )
    .of(ARCHITECTURE),
    ours(
        "bottleneck_tensor",
        Kind::Str,
        "",
        "Of a graph of your own: the tensor to train on [default: guessed]",
    ),
    ours(
        "input_tensor",
        Kind::Str,
        "",
        "Of a graph of your own: the tensor fed with pixels [default: guessed]",
    ),
    ours(
        "input_width",
        Kind::Int,
        "",
        "Of a graph of your own: width of its images [default: as the graph says]",
    ),
    ours(
        "input_height",
        Kind::Int,
        "",
        "Of a graph of your own: height of its images [default: as the graph says]",
    ),
    ours(
        "input_mean",
        Kind::Float,
        "",
        "Of a graph of your own: subtracted from pixel values of 0 to 255 [default: guessed]",
    ),
    ours(
        "input_std",
        Kind::Float,
        "",
        "Of a graph of your own: what the difference is divided by [default: guessed]",
    ),
    flag("tfhub_module", Kind::Str, "", "A TF-Hub module to retrain").of(HUB),
    flag("saved_model_dir", Kind::Str, "", "Where to save a SavedModel")
        .of(&[Script::Examples, Script::Hub]),
    flag("logging_verbosity", Kind::Choice(LEVELS), "INFO", "DEBUG, INFO, WARN, ERROR or FATAL")
        .of(HUB),
    flag(
        "checkpoint_path",
        Kind::Str,
        "/tmp/_retrain_checkpoint",
        "Where to save checkpoints (with --tfhub_module)",
    )
    .of(HUB),
    ours(
        "bottleneck_text",
        Kind::Choice(&["on", "off"]),
        "on",
        "Whether bottlenecks are cached as text files, too, one an image, which the scripts read",
    ),
    ours(
        "bottleneck_check",
        Kind::Choice(&["none", "mtime"]),
        "none",
        "mtime: a cached text file that is older than its image is made again",
    ),
    ours(
        "on_bad_image",
        Kind::Choice(&["fail", "skip"]),
        "fail",
        "What to do about images that cannot be decoded: end the run and list them all, or go on without them",
    ),
    ours(
        "resume",
        Kind::Switch,
        "",
        "Go on from where an earlier run with this --summaries_dir was stopped or killed",
    ),
    ours(
        "checkpoint_frequency",
        Kind::Int,
        "0",
        "Every how many steps to keep what --resume goes on from; 0 for once a minute",
    ),
    ours(
        "summaries_keep",
        Kind::Switch,
        "",
        "Leave earlier runs in --summaries_dir: each run gets a directory in it",
    ),
    ours(
        "random_seed",
        Kind::Int,
        "",
        "Fixes initial weights and batches; without it a seed is drawn and printed",
    ),
    ours(
        "features",
        Kind::Choice(FEATURES),
        "",
        "The layer to train on: a named network's logits, or pooled, the layer before them \
         [default: logits of a mobilenet_<width>_<size>, as the script; else pooled]",
    ),
];
