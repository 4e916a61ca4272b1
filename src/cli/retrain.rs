//! The program `retrain`: its flags, and the [`Config`] they make.

use super::argparse::{self, Parsed};
use super::logging::{self, LogFile};
use super::own_graph::own_graph;
use super::retrain_flags::{FEATURES, LEVELS, RETRAIN_FLAGS};
use super::terminal::Terminal;
use super::{bars, environment, exit_code, signals};
use crate::error::{Error, Result};
use crate::images::PixelRange;
use crate::layers::Distortions;
use crate::model::{Features, create_model_info};
use crate::retrain::{
    Cache, Config, OnBadImage, Outcome, Outputs, Pretrained, Split, Training, run,
};
use log::{LevelFilter, info, warn};
use signal_hook::consts::SIGINT;
use std::process::ExitCode;

const ABOUT: &str = "Retrains the last layer of a pretrained image network on your own photographs. \
                     --image_dir holds one directory per class.";

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
    let level = *verbosity.as_ref().unwrap_or(&LevelFilter::Info);
    environment::prepare(level);
    logging::init(level, LogFile::Later);
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
    crate::net::set_progress(bars::download);
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
    if parsed.given("features") && (own_graph.is_some() || parsed.given("tfhub_module")) {
        return Err(Error::usage(
            "features",
            "goes with a network that `architecture` names; of a graph of your own, name \
             `bottleneck_tensor`, and a TF-Hub module has one kind only",
        ));
    }
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
    let info = create_model_info(&parsed.text("architecture")?)?;
    Ok(Pretrained::Architecture(match features(parsed)? {
        Some(features) => info.with_features(features),
        None => info,
    }))
}

/// The layer to train on, where the command line names one.
fn features(parsed: &Parsed) -> Result<Option<Features>> {
    if !parsed.given("features") {
        return Ok(None);
    }
    Ok(Some(match parsed.choice("features", FEATURES)?.as_str() {
        "logits" => Features::Logits,
        _ => Features::Pooled,
    }))
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
