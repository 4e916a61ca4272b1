//! The program `retrain`: its flags, and the [`Config`] they make.

use super::argparse::{self, Parsed};
use super::flag::{Flag, Kind, Script};
use super::logging::{self, LogFile};
use super::own_graph::own_graph;
use super::terminal::{self, Terminal};
use super::{exit_code, signals};
use crate::error::{Error, Result};
use crate::images::PixelRange;
use crate::layers::Distortions;
use crate::model::create_model_info;
use crate::retrain::{
    Cache, Config, OnBadImage, Outcome, Outputs, Pretrained, Split, Training, run,
};
use log::{LevelFilter, info, warn};
use signal_hook::consts::SIGINT;
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
];

/// The program: reads its command line, runs, reports.
#[must_use]
pub fn retrain() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = match argparse::parse("retrain", ABOUT, RETRAIN_FLAGS, &args) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            logging::init(LevelFilter::Info, LogFile::None);
            return exit_code(error, None);
        }
    };
    let verbosity = verbosity(&parsed);
    logging::init(*verbosity.as_ref().unwrap_or(&LevelFilter::Info), LogFile::Later);
    for warning in &parsed.warnings {
        log::warn!(target: "retrain", "{warning}");
    }
    match verbosity.and_then(|_| config_from(&parsed)) {
        Ok(config) => run_and_report(&config),
        Err(error) => exit_code(error, None),
    }
}

fn run_and_report(config: &Config) -> ExitCode {
    signals::install(&config.cancel);
    crate::net::set_progress(terminal::download);
    let outcome = run(config, &mut Terminal::default());
    match outcome {
        Ok(outcome) => {
            if let Pretrained::OwnGraph(_) = config.pretrained {
                say_how_to_label(&outcome);
            }
            ExitCode::SUCCESS
        }
        Err(Error::Cancelled { kept }) => {
            let (signal, name) = signals::received(&config.cancel).unwrap_or((SIGINT, "SIGINT"));
            log::error!(target: "tensorflow", "stopped by {name}: {kept}");
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
        }
        Err(error) => exit_code(error, Some(&config.image_dir)),
    }
}

/// How to label a photograph with the graph just written: label_image's defaults are those of a
/// MobileNet.
fn say_how_to_label(outcome: &Outcome) {
    let (model, written) = (&outcome.model, &outcome.written);
    let pixels = &model.pixels;
    let (mean, std) = match pixels.range {
        PixelRange::Multiply { mean, std } | PixelRange::Divide { mean, std } => (mean, std),
        PixelRange::Unit => (0.0, 255.0),
    };
    let flags = [
        format!("--graph={}", quoted(&written.output_graph.to_string_lossy())),
        format!("--labels={}", quoted(&written.output_labels.to_string_lossy())),
        format!("--input_layer={}", quoted(&model.input)),
        format!("--output_layer={}", quoted(&model.output)),
        format!("--input_width={} --input_height={}", pixels.width, pixels.height),
        format!("--input_mean={mean} --input_std={std}"),
    ];
    let flags = flags.join(" ");
    info!(target: "retrain", "To label a photograph: label_image {flags} --image=PHOTOGRAPH");
}

/// As a shell reads it as one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=+,@%".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
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
    let config = Config {
        model_dir: parsed.path("model_dir"),
        split: Split {
            testing_percentage: parsed.int("testing_percentage")?,
            validation_percentage: parsed.int("validation_percentage")?,
        },
        on_bad_image: match parsed.choice("on_bad_image", &["fail", "skip"])?.as_str() {
            "skip" => OnBadImage::Skip,
            _ => OnBadImage::Fail,
        },
        cache: Cache {
            bottleneck_dir: parsed.path("bottleneck_dir"),
            bottleneck_text: parsed.choice("bottleneck_text", &["on", "off"])? == "on",
            check_mtime: parsed.choice("bottleneck_check", &["none", "mtime"])? == "mtime",
        },
        training: training(parsed)?,
        outputs: outputs(parsed)?,
        ..Config::new(parsed.path("image_dir"), pretrained(parsed)?)
    };
    config.check_values()?;
    Ok(config)
}

fn training(parsed: &Parsed) -> Result<Training> {
    let seed = parsed.given("random_seed").then(|| at_least_0(parsed, "random_seed"));
    let interval = parsed.int("eval_step_interval")?;
    Ok(Training {
        how_many_training_steps: at_least_0(parsed, "how_many_training_steps")?,
        learning_rate: learning_rate(parsed)?,
        // Below 1 is refused, as 0 is.
        eval_step_interval: u64::try_from(interval).unwrap_or(0),
        train_batch_size: batch_size(parsed, "train_batch_size")?,
        test_batch_size: batch_size(parsed, "test_batch_size")?,
        validation_batch_size: batch_size(parsed, "validation_batch_size")?,
        distortions: distortions(parsed)?,
        random_seed: seed.transpose()?,
        resume: parsed.switch("resume"),
        checkpoint_frequency: at_least_0(parsed, "checkpoint_frequency")?,
        print_misclassified_test_images: parsed.switch("print_misclassified_test_images"),
    })
}

/// The rate as the float32 that it is multiplied as.
fn learning_rate(parsed: &Parsed) -> Result<f32> {
    let rate = parsed.float("learning_rate")?;
    if rate.is_finite() && (rate as f32).is_infinite() {
        let message = format!("must be a finite number from 0 on, not {rate:e}");
        return Err(Error::usage("learning_rate", message));
    }
    Ok(rate as f32)
}

fn outputs(parsed: &Parsed) -> Result<Outputs> {
    let frequency = "intermediate_store_frequency";
    Ok(Outputs {
        output_graph: parsed.path("output_graph"),
        output_labels: parsed.path("output_labels"),
        final_tensor_name: parsed.text("final_tensor_name")?,
        summaries_dir: parsed.path("summaries_dir"),
        summaries_keep: parsed.switch("summaries_keep"),
        intermediate_output_graphs_dir: parsed.text("intermediate_output_graphs_dir")?,
        intermediate_store_frequency: at_least_0(parsed, frequency)?,
        checkpoint_path: parsed.path("checkpoint_path"),
        saved_model_dir: Some(parsed.path("saved_model_dir")).filter(|d| !d.as_os_str().is_empty()),
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
    if parsed.given("checkpoint_path") {
        warn!(
            target: "retrain",
            "`checkpoint_path` is ignored: only a run with `tfhub_module` writes a checkpoint"
        );
    }
    if let Some(own_graph) = own_graph {
        return Ok(Pretrained::OwnGraph(own_graph));
    }
    Ok(Pretrained::Architecture(create_model_info(&parsed.text("architecture")?)?))
}

/// The script's `should_distort_images`, with what to do.
fn distortions(parsed: &Parsed) -> Result<Option<Distortions>> {
    let percent = |name: &str| {
        let value = parsed.int(name)?;
        u32::try_from(value)
            .map_err(|_| Error::usage(name, format!("must be a percentage from 0 on, not {value}")))
    };
    let distortions = Distortions {
        flip_left_right: parsed.switch("flip_left_right"),
        random_crop: percent("random_crop")?,
        random_scale: percent("random_scale")?,
        random_brightness: percent("random_brightness")?,
        seed: 0,
    };
    let Distortions { flip_left_right, random_crop, random_scale, random_brightness, .. } =
        distortions;
    let any = flip_left_right || [random_crop, random_scale, random_brightness] != [0; 3];
    Ok(any.then_some(distortions))
}

fn at_least_0(parsed: &Parsed, name: &str) -> Result<u64> {
    let value = parsed.int(name)?;
    u64::try_from(value).map_err(|_| Error::usage(name, format!("must be at least 0, not {value}")))
}

/// A batch's size; any negative number stands for all images.
fn batch_size(parsed: &Parsed, name: &str) -> Result<Option<usize>> {
    Ok(usize::try_from(parsed.int(name)?).ok())
}
