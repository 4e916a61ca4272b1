//! The program `retrain`: its flags, and the [`Config`] they make.

use super::argparse::{self, Parsed};
use super::exit_code;
use super::flag::{Flag, Kind, Script};
use super::own_graph::own_graph;
use crate::error::{Error, Result};
use crate::layers::Distortions;
use crate::logging;
use crate::model::create_model_info;
use crate::retrain::{Config, Percentages, Pretrained, run};
use crate::tf::Chatter;
use log::LevelFilter;
use std::process::ExitCode;

const LEVELS: &[&str] = &["DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

const ABOUT: &str = "Retrains the last layer of a pretrained image network on your own photographs. \
                     --image_dir holds one directory per class.";

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
         mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], miniature (built in), or \
         the path of a frozen graph of your own",
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
    flag("saved_model_dir", Kind::Str, "", "Where to save a SavedModel (with --tfhub_module)")
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
];

/// The program: reads its command line, runs, reports.
#[must_use]
pub fn retrain() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = match argparse::parse("retrain", ABOUT, RETRAIN_FLAGS, &args) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            logging::init(LevelFilter::Info);
            return exit_code(Err(error), None);
        }
    };
    let verbosity = verbosity(&parsed);
    logging::init(*verbosity.as_ref().unwrap_or(&LevelFilter::Info));
    for warning in &parsed.warnings {
        log::warn!(target: "retrain", "{warning}");
    }
    crate::stop::install();
    exit_code(verbosity.and_then(|_| run(&config_from(&parsed)?)), Some(&parsed.path("image_dir")))
}

fn verbosity(parsed: &Parsed) -> Result<LevelFilter> {
    Ok(match parsed.choice("logging_verbosity", LEVELS)?.as_str() {
        "DEBUG" => LevelFilter::Debug,
        "INFO" => LevelFilter::Info,
        "WARN" => LevelFilter::Warn,
        // FATAL: what ends the run is still said.
        _ => LevelFilter::Error,
    })
}

/// What the flags ask for.
///
/// # Errors
/// Each names the flag at fault.
pub fn config_from(parsed: &Parsed) -> Result<Config> {
    let percentages = Percentages {
        testing: percentage(parsed, "testing_percentage")?,
        validation: percentage(parsed, "validation_percentage")?,
    };
    if percentages.testing + percentages.validation > 100 {
        let message = "and --validation_percentage add up to more than 100";
        return Err(Error::usage("testing_percentage", message));
    }
    let learning_rate = parsed.float("learning_rate")?;
    // As a float32, the number it is multiplied as.
    if !(learning_rate as f32).is_finite() || learning_rate < 0.0 {
        return Err(Error::usage(
            "learning_rate",
            format!("must be a finite number from 0 on, not {}", short(learning_rate)),
        ));
    }
    let random_seed =
        if parsed.given("random_seed") { at_least(parsed, "random_seed", 0)? } else { draw_seed() };
    let final_tensor_name = parsed.text("final_tensor_name")?;
    check_node_name(&final_tensor_name)?;
    Ok(Config {
        image_dir: parsed.path("image_dir"),
        output_graph: parsed.path("output_graph"),
        intermediate_output_graphs_dir: parsed.text("intermediate_output_graphs_dir")?,
        intermediate_store_frequency: at_least(parsed, "intermediate_store_frequency", 0)?,
        output_labels: parsed.path("output_labels"),
        summaries_dir: parsed.path("summaries_dir"),
        how_many_training_steps: at_least(parsed, "how_many_training_steps", 0)?,
        learning_rate: learning_rate as f32,
        percentages,
        eval_step_interval: at_least(parsed, "eval_step_interval", 1)?,
        train_batch_size: batch_size(parsed, "train_batch_size")?,
        test_batch_size: batch_size(parsed, "test_batch_size")?,
        validation_batch_size: batch_size(parsed, "validation_batch_size")?,
        distortions: distortions(parsed, random_seed)?,
        print_misclassified_test_images: parsed.switch("print_misclassified_test_images"),
        model_dir: parsed.path("model_dir"),
        bottleneck_dir: parsed.path("bottleneck_dir"),
        bottleneck_text: parsed.choice("bottleneck_text", &["on", "off"])? == "on",
        bottleneck_check_mtime: parsed.choice("bottleneck_check", &["none", "mtime"])? == "mtime",
        skip_bad_images: parsed.choice("on_bad_image", &["fail", "skip"])? == "skip",
        final_tensor_name,
        pretrained: pretrained(parsed)?,
        checkpoint_path: parsed.path("checkpoint_path"),
        saved_model_dir: Some(parsed.path("saved_model_dir")).filter(|d| !d.as_os_str().is_empty()),
        resume: parsed.switch("resume"),
        checkpoint_frequency: at_least(parsed, "checkpoint_frequency", 0)?,
        summaries_keep: parsed.switch("summaries_keep"),
        random_seed,
        random_seed_given: parsed.given("random_seed"),
        chatter: if verbosity(parsed)? == LevelFilter::Debug {
            Chatter::All
        } else {
            Chatter::Quiet
        },
    })
}

/// The model that `--architecture` or `--tfhub_module` names.
fn pretrained(parsed: &Parsed) -> Result<Pretrained> {
    let own_graph = own_graph(parsed)?;
    if parsed.given("tfhub_module") {
        if parsed.given("architecture") {
            return Err(Error::usage(
                "tfhub_module",
                "and --architecture exclude each other: give one of them",
            ));
        }
        return Ok(Pretrained::HubModule(parsed.text("tfhub_module")?));
    }
    for name in ["saved_model_dir", "checkpoint_path"] {
        if parsed.given(name) {
            return Err(Error::usage(
                name,
                "goes with --tfhub_module; a run with --architecture writes none",
            ));
        }
    }
    if let Some(own_graph) = own_graph {
        return Ok(Pretrained::OwnGraph(own_graph));
    }
    Ok(Pretrained::Architecture(create_model_info(&parsed.text("architecture")?)?))
}

/// An image ten times as wide and high as it must be is all that memory should be asked for, and
/// more than is of use.
const MAX_ENLARGEMENT: i64 = 900;

/// The script's `should_distort_images`, with what to do.
fn distortions(parsed: &Parsed, seed: u64) -> Result<Option<Distortions>> {
    let percent = |name: &str, most: i64, why: &str| {
        let value = parsed.int(name)?;
        match u32::try_from(value) {
            Ok(percent) if value <= most => Ok(percent),
            _ => Err(Error::usage(
                name,
                format!("must be a percentage from 0 to {most}{why}, not {value}"),
            )),
        }
    };
    let distortions = Distortions {
        flip_left_right: parsed.switch("flip_left_right"),
        random_crop: percent("random_crop", MAX_ENLARGEMENT, "")?,
        random_scale: percent("random_scale", MAX_ENLARGEMENT, "")?,
        random_brightness: percent("random_brightness", 100, " (more would make light negative)")?,
        seed,
    };
    let enlarged =
        [distortions.random_crop, distortions.random_scale].map(|p| f64::from(100 + p) / 100.0);
    if enlarged[0] * enlarged[1] > 10.0 {
        let message = "and --random_crop together would enlarge images more than ten times";
        return Err(Error::usage("random_scale", message));
    }
    let any =
        distortions.random_crop + distortions.random_scale + distortions.random_brightness > 0;
    Ok((any || distortions.flip_left_right).then_some(distortions))
}

fn at_least(parsed: &Parsed, name: &str, least: i64) -> Result<u64> {
    let value = parsed.int(name)?;
    if value < least {
        return Err(Error::usage(name, format!("must be at least {least}, not {value}")));
    }
    Ok(value.unsigned_abs())
}

fn percentage(parsed: &Parsed, name: &str) -> Result<i64> {
    let value = parsed.int(name)?;
    if !(0..=100).contains(&value) {
        return Err(Error::usage(name, format!("must be between 0 and 100, not {value}")));
    }
    Ok(value)
}

/// A number in few characters, however large it is.
fn short(number: f64) -> String {
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:e}") }
}

/// Bottlenecks of a batch are copied: this many of 2048 numbers are 800 MB.
const LARGEST_BATCH: i64 = 100_000;

/// A batch's size; any negative number stands for all images.
fn batch_size(parsed: &Parsed, name: &str) -> Result<Option<usize>> {
    match parsed.int(name)? {
        0 => Err(Error::usage(name, "must be at least 1, or -1 for all images")),
        value if value > LARGEST_BATCH => Err(Error::usage(
            name,
            format!("must be at most {LARGEST_BATCH}, or -1 for all images, not {value}"),
        )),
        value => Ok(usize::try_from(value).ok()),
    }
}

/// A name TensorFlow accepts for a node.
fn check_node_name(name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '.');
    if first
        && !name.ends_with('/')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.\\-/".contains(c))
    {
        return Ok(());
    }
    let message = format!(
        "'{name}' is no name for a node: letters, digits and _ . - / only, a letter or digit first"
    );
    Err(Error::usage("final_tensor_name", message))
}

fn draw_seed() -> u64 {
    // Short enough to be typed again.
    rand::random::<u64>() % 1_000_000_000
}
