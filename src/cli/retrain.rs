//! The program `retrain`: turns its flags into a [`Config`], runs it, and reports the outcome.

use super::argparse::Parsed;
use super::closing::closing_word;
use super::fetch::{FETCH, fetch};
use super::head;
use super::help::Program;
use super::logging::LogFile;
use super::own_graph::own_graph;
use super::retrain_flags::{FEATURES, RETRAIN_FLAGS, SYMMETRIES};
use super::shard::flags_of_cache;
use super::terminal::Terminal;
use super::workers::workers;
use super::{bars, begin, command_line, exit_code, photographs, reading, signals, stopped};
use crate::error::{Error, Result};
use crate::layers::Distortions;
use crate::model::{Features, Symmetry, create_model_info};
use crate::report;
use crate::retrain::{
    BatchOrder, Cache, Config, FineTune, OnBadImage, Outputs, Pretrained, ReportDir, Selection,
    Training, run,
};
use log::warn;
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "retrain",
    about: "Retrains the last layer of a pretrained image network on your own photographs.",
    usage: "retrain --image_dir=<directory> [flags]",
    example: "    \
    retrain --image_dir=flower_photos --architecture=mobilenet_0.50_224 \\
        --how_many_training_steps=500",
    exit_codes: "    \
    0    done
    1    failure
    2    a wrong command line
    255  photographs or a model that cannot be used (the script's -1)
    130  stopped by Ctrl-C, and 143 by SIGTERM: 128 + the signal's number",
};

/// Runs the program and returns its exit code.
#[must_use]
pub fn retrain() -> ExitCode {
    let parsed = match command_line(&PROGRAM, RETRAIN_FLAGS) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let outcome = match parsed.given(FETCH) {
        true => begin(&parsed, LogFile::None).and_then(|()| fetch(&parsed)),
        false => begin(&parsed, LogFile::Later)
            .and_then(|()| config_from(&parsed))
            .map(|config| run_and_report(&config, &parsed)),
    };
    outcome.unwrap_or_else(|error| exit_code(error, None))
}

fn run_and_report(config: &Config, parsed: &Parsed) -> ExitCode {
    signals::install(&config.cancel);
    crate::net::set_progress(bars::download);
    let outcome = run(config, &mut Terminal::new(flags_of_cache(parsed)));
    match outcome {
        Ok(outcome) => {
            closing_word(&outcome, parsed);
            if parsed.switch("json") {
                println!("{:#}", report::summary(&outcome));
            } else if parsed.switch("print_commands") {
                print!("{}", report::script(&report::commands(&outcome)));
            }
            ExitCode::SUCCESS
        }
        Err(Error::Cancelled { kept }) => stopped(&config.cancel, &kept),
        Err(error) => exit_code(error, Some(config.photographs.place())),
    }
}

/// The configuration that the flags ask for.
///
/// # Errors
/// If a value is wrong, or two flags contradict each other; the error names the flag.
pub fn config_from(parsed: &Parsed) -> Result<Config> {
    let config = Config {
        split: photographs::split(parsed)?,
        training: training(parsed)?,
        head: head::head(parsed)?,
        cross_validate: head::cross_validate(parsed)?,
        workers: workers(parsed)?,
        outputs: outputs(parsed)?,
        ..config_of_cache(parsed)?
    };
    config.check_values()?;
    Ok(config)
}

/// The settings that decide which bottlenecks there are; the others as by default.
pub(super) fn config_of_cache(parsed: &Parsed) -> Result<Config> {
    Ok(Config {
        symmetry: match parsed.choice("symmetry", SYMMETRIES)?.as_str() {
            "dihedral" => Symmetry::Dihedral,
            "flip" => Symmetry::Flip,
            _ => Symmetry::None,
        },
        reading: reading::reading(parsed)?,
        model_dir: parsed.path("model_dir"),
        photographs: photographs::source(parsed)?,
        on_bad_image: match parsed.choice("on_bad_image", &["fail", "skip"])?.as_str() {
            "skip" => OnBadImage::Skip,
            _ => OnBadImage::Fail,
        },
        cache: Cache {
            bottleneck_dir: parsed.path("bottleneck_dir"),
            bottleneck_text: parsed.choice("bottleneck_text", &["on", "off"])? == "on",
            check_mtime: parsed.choice("bottleneck_check", &["none", "mtime"])? == "mtime",
        },
        ..Config::new("", pretrained(parsed)?)
    })
}

fn training(parsed: &Parsed) -> Result<Training> {
    let seed = parsed.given("random_seed").then(|| parsed.at_least_0("random_seed"));
    let interval = parsed.int("eval_step_interval")?;
    Ok(Training {
        how_many_training_steps: parsed.at_least_0("how_many_training_steps")?,
        learning_rate: learning_rate(parsed)?,
        // Negative numbers become 0, which `check_values` refuses.
        eval_step_interval: u64::try_from(interval).unwrap_or(0),
        train_batch_size: batch_size(parsed, "train_batch_size")?,
        batch_order: match parsed.choice("batch_order", &BatchOrder::NAMES)?.as_str() {
            "epochs" => BatchOrder::Epochs,
            _ => BatchOrder::Random,
        },
        test_batch_size: batch_size(parsed, "test_batch_size")?,
        validation_batch_size: batch_size(parsed, "validation_batch_size")?,
        distortions: distortions(parsed)?,
        random_seed: seed.transpose()?,
        resume: parsed.switch("resume"),
        checkpoint_frequency: parsed.at_least_0("checkpoint_frequency")?,
        print_misclassified_test_images: parsed.switch("print_misclassified_test_images"),
        fine_tune: fine_tune(parsed)?,
    })
}

fn fine_tune(parsed: &Parsed) -> Result<Option<FineTune>> {
    if !parsed.given("fine_tune") {
        for name in ["fine_tune_learning_rate", "fine_tune_epochs"] {
            if parsed.given(name) {
                warn!(target: "retrain", "`{name}` is ignored without `fine_tune`");
            }
        }
        return Ok(None);
    }
    Ok(Some(FineTune {
        layers: Selection::parse(&parsed.text("fine_tune")?)?,
        learning_rate: parsed.float("fine_tune_learning_rate")? as f32,
        epochs: parsed.at_least_0("fine_tune_epochs")?,
    }))
}

/// The rate as a float32, the type that training uses.
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
        intermediate_store_frequency: parsed.at_least_0(frequency)?,
        checkpoint_path: parsed.path("checkpoint_path"),
        saved_model_dir: Some(parsed.path("saved_model_dir")).filter(|d| !d.as_os_str().is_empty()),
        report: report_dir(parsed)?,
    })
}

fn report_dir(parsed: &Parsed) -> Result<ReportDir> {
    match (parsed.given("report_dir"), parsed.switch("noreport")) {
        (true, true) => {
            Err(Error::usage("noreport", "and --report_dir exclude each other: give one of them"))
        }
        (true, false) => Ok(ReportDir::At(parsed.path("report_dir"))),
        (false, true) => Ok(ReportDir::Off),
        (false, false) => Ok(ReportDir::InSummaries),
    }
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
                "cannot be combined with --architecture: give only one of them",
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

/// The distortions asked for; `None` if there are none (the script's `should_distort_images`).
fn distortions(parsed: &Parsed) -> Result<Option<Distortions>> {
    let percent = |name: &str| {
        let value = parsed.int(name)?;
        u32::try_from(value)
            .map_err(|_| Error::usage(name, format!("must be at least 0 per cent, not {value}")))
    };
    let distortions = Distortions {
        flip_left_right: parsed.switch("flip_left_right"),
        random_crop: percent("random_crop")?,
        random_scale: percent("random_scale")?,
        random_brightness: percent("random_brightness")?,
        flip_up_down: parsed.switch("flip_up_down"),
        rotate_right_angles: parsed.switch("rotate_right_angles"),
        rotate_degrees: angle(parsed)?,
        seed: 0,
    };
    Ok((!distortions.is_none()).then_some(distortions))
}

fn angle(parsed: &Parsed) -> Result<u32> {
    const NAME: &str = "rotate_degrees";
    let value = parsed.int(NAME)?;
    u32::try_from(value)
        .map_err(|_| Error::usage(NAME, format!("must be an angle from 0 to 180°, not {value}")))
}

/// A batch size; `None`, from any negative number, means all images.
fn batch_size(parsed: &Parsed, name: &str) -> Result<Option<usize>> {
    Ok(usize::try_from(parsed.int(name)?).ok())
}
