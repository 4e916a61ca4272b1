//! The program `download_images`: from a list of addresses to directories of photographs.

use super::argparse::{self, Parsed, Paths};
use super::bars::{self, Downloading};
use super::download_images_flags::DOWNLOAD_IMAGES_FLAGS;
use super::help::Program;
use super::logging::{self, LogFile};
use super::{exit_code, offline, signals, stopped};
use crate::CancelToken;
use crate::download::{
    Columns, DownloadConfig, FailedBefore, Limits, ListFormat, ListSource, Manners, Summary, Waits,
    run,
};
use crate::error::{Error, Result};
use crate::net::{Proxies, Reach};
use crate::text::{counted, one_line, shown};
use log::{LevelFilter, info, warn};
use std::process::ExitCode;
use std::time::Duration;

const PROGRAM: Program = Program {
    name: "download_images",
    about: "Downloads a list of photographs into a directory for each class.",
    usage: "download_images --urls=<list> --image_dir=<directory> [flags]",
    example: "    download_images --urls=flowers.csv --image_dir=flower_photos",
    exit_codes: "    \
    0    done: each photograph is there
    1    failure, or a photograph that could not be downloaded
    2    a wrong command line
    130  stopped by Ctrl-C, and 143 by SIGTERM: 128 + the signal's number",
};

pub(super) const PATHS: Paths =
    Paths { flag: "urls", help: "More lists, or - to read one from standard input" };

/// The longest time that a flag can set, a year; longer ones overflow clocks.
const MOST_SECONDS: f64 = 365.0 * 24.0 * 3600.0;
/// The most threads.
const MOST_PARALLEL: u64 = 256;

/// Runs the program and returns its exit code.
#[must_use]
pub fn download_images() -> ExitCode {
    logging::init(LevelFilter::Info, LogFile::None);
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = match argparse::parse_with_paths(&PROGRAM, DOWNLOAD_IMAGES_FLAGS, PATHS, &args) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return exit_code(error, None),
    };
    parsed.warnings.iter().for_each(|warning| warn!(target: "retrain", "{warning}"));
    match offline::refuse("urls").and_then(|()| config(&parsed)) {
        Ok(config) => download(&config),
        Err(error) => exit_code(error, None),
    }
}

fn download(config: &DownloadConfig) -> ExitCode {
    signals::install(&config.cancel);
    let mut bar: Option<Downloading> = None;
    let outcome = run(config, &mut |summary| {
        let bar = bar.get_or_insert_with(|| bars::downloading(summary.total));
        bar.set(summary.settled(), summary.before);
    });
    drop(bar);
    match outcome {
        Ok(summary) => {
            say(&summary, config);
            if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(Error::Cancelled { kept }) => stopped(&config.cancel, &kept),
        Err(error) => exit_code(error, None),
    }
}

/// What a run came to: the counts, why some failed, and what to do next.
fn say(summary: &Summary, config: &DownloadConfig) {
    let Summary { ok, before, duplicates, failed, skipped, repeated, .. } = *summary;
    let count = |count: u64, what: &str| (count > 0).then(|| format!(", {count} {what}"));
    let rest = [
        count(before, "done before"),
        count(duplicates, "with the content of others"),
        count(failed, "failed"),
        count(skipped, "left out"),
    ];
    let rest: String = rest.into_iter().flatten().collect();
    let megabytes = summary.bytes as f64 / 1e6;
    let stored = counted(ok, "photograph");
    info!(target: "retrain", "{stored} downloaded ({megabytes:.1} MB){rest}");
    if repeated > 0 {
        let lines = counted(repeated, "line");
        info!(target: "retrain", "{lines} repeating an earlier address and class were ignored");
    }
    let mut reasons: Vec<(&String, &u64)> = summary.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (reason, count) in reasons {
        info!(target: "retrain", "{count:>6}  {}", one_line(reason));
    }
    let classes = summary.classes.iter().map(|(dir, count)| format!("{dir} {count}"));
    let classes: Vec<String> = classes.collect();
    if !classes.is_empty() {
        info!(target: "retrain", "Photographs: {}", classes.join(", "));
    }
    info!(target: "retrain", "Report: {}", shown(&config.report_path()));
    if classes.len() > 1 {
        let dir = shown(&config.image_dir);
        info!(target: "retrain", "To train on them: retrain --image_dir={dir}");
    }
}

/// The settings that the flags ask for.
pub(super) fn config(parsed: &Parsed) -> Result<DownloadConfig> {
    let image_dir = parsed.path("image_dir");
    if image_dir.as_os_str().is_empty() {
        let message = "must be given: where to create the class directories";
        return Err(Error::usage("image_dir", message));
    }
    let text = |name: &str| optional_text(parsed, name);
    let format =
        text("format")?.map(|_| parsed.choice("format", &ListFormat::NAMES)).transpose()?;
    Ok(DownloadConfig {
        lists: lists(parsed)?,
        format: format.as_deref().and_then(ListFormat::named),
        columns: Columns {
            url: text("url_column")?,
            class: text("class_column")?,
            name: text("name_column")?,
        },
        class: text("class")?,
        image_dir,
        report: text("report")?.map(|_| parsed.path("report")),
        limits: limits(parsed)?,
        manners: manners(parsed)?,
        waits: waits(parsed)?,
        failed_before: match parsed.switch("skip_failed") {
            true => FailedBefore::Keep,
            false => FailedBefore::Retry,
        },
        reach: match parsed.switch("allow_private") {
            true => Reach::Anywhere,
            false => Reach::PublicOnly,
        },
        user_agent: user_agent(parsed)?,
        proxies: Proxies::from_env(),
        cancel: CancelToken::new(),
    })
}

/// A text that may be left out but not empty.
fn optional_text(parsed: &Parsed, name: &str) -> Result<Option<String>> {
    let value = parsed.text(name)?;
    if parsed.given(name) && value.trim().is_empty() {
        return Err(Error::usage(name, "must not be empty: give a value, or leave it out"));
    }
    Ok(Some(value).filter(|value| !value.is_empty()))
}

fn lists(parsed: &Parsed) -> Result<Vec<ListSource>> {
    let given = parsed.given("urls").then(|| parsed.os("urls"));
    let source = |word: std::ffi::OsString| match word.to_str() {
        Some("-") => ListSource::Stdin,
        _ => ListSource::File(word.into()),
    };
    let lists: Vec<ListSource> =
        given.into_iter().chain(parsed.paths.iter().cloned()).map(source).collect();
    if lists.is_empty() || lists.contains(&ListSource::File("".into())) {
        let message = "must be given: a list of addresses, or - for standard input";
        return Err(Error::usage("urls", message));
    }
    Ok(lists)
}

fn limits(parsed: &Parsed) -> Result<Limits> {
    let optional =
        |name: &str| parsed.given(name).then(|| at_least_1(parsed, name, u64::MAX)).transpose();
    Ok(Limits {
        max_images: optional("max_images")?,
        max_per_class: optional("max_per_class")?,
        max_bytes: at_least_1(parsed, "max_bytes", 1 << 30)?,
        max_total_bytes: optional("max_total_bytes")?,
    })
}

fn manners(parsed: &Parsed) -> Result<Manners> {
    let number = |name: &str, most: u64| at_least_1(parsed, name, most);
    Ok(Manners {
        parallel: number("parallel", MOST_PARALLEL)? as usize,
        per_host: number("per_host", MOST_PARALLEL)? as usize,
        delay: seconds(parsed, "delay")?,
        tries: number("tries", 100)? as u32,
        retry_pause: seconds(parsed, "retry_pause")?,
        max_wait: seconds(parsed, "max_wait")?,
    })
}

fn waits(parsed: &Parsed) -> Result<Waits> {
    let above_0 = |name: &str| match seconds(parsed, name)? {
        Duration::ZERO => Err(Error::usage(name, "must be above 0 seconds")),
        seconds => Ok(seconds),
    };
    Ok(Waits {
        connect: above_0("connect_timeout")?,
        stall: above_0("stall_timeout")?,
        whole: above_0("timeout")?,
        min_rate: parsed.at_least_0("min_rate")?,
    })
}

fn at_least_1(parsed: &Parsed, name: &str, most: u64) -> Result<u64> {
    let value = parsed.int(name)?;
    let number = u64::try_from(value).ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| {
        let most = if most == u64::MAX { " or more".into() } else { format!(" to {most}") };
        Error::usage(name, format!("must be 1{most}, not {value}"))
    })
}

fn seconds(parsed: &Parsed, name: &str) -> Result<Duration> {
    let value = parsed.float(name)?;
    if (0.0..=MOST_SECONDS).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    Err(Error::usage(name, format!("must be from 0 to {MOST_SECONDS} seconds, not {value}")))
}

/// The name as an HTTP header can carry it.
fn user_agent(parsed: &Parsed) -> Result<String> {
    let name = parsed.text("user_agent")?;
    let fits = name.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if fits && !name.trim().is_empty() {
        return Ok(name);
    }
    Err(Error::usage("user_agent", "must be printable ASCII text, and not empty"))
}
