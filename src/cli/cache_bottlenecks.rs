//! The program `cache_bottlenecks`: what `retrain` computes first, by itself or in shards.

use super::argparse::Parsed;
use super::cache_bottlenecks_flags::CACHE_BOTTLENECKS_FLAGS;
use super::help::Program;
use super::logging::LogFile;
use super::retrain::config_of_cache;
use super::shard::{flags_of_cache, shard};
use super::terminal::Terminal;
use super::{bars, begin, command_line, exit_code, signals, stopped};
use crate::bottleneck::Shard;
use crate::error::{Error, Result};
use crate::retrain::{Cached, Config, fill_cache};
use crate::text::shown;
use log::info;
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "cache_bottlenecks",
    about: "Computes the bottlenecks that retrain trains on: all of them, or a shard.",
    usage: "cache_bottlenecks --image_dir=<directory> [--shard=<I/N>] [flags]",
    example: "    \
    cache_bottlenecks --image_dir=flower_photos \\
        --architecture=mobilenet_0.50_224 --shard=3/8",
    exit_codes: "    \
    0    done
    1    failure
    2    a wrong command line
    255  photographs or a model that cannot be used
    130  stopped by Ctrl-C, and 143 by SIGTERM: 128 + the signal's number",
};

/// Runs the program and returns its exit code.
#[must_use]
pub fn cache_bottlenecks() -> ExitCode {
    let parsed = match command_line(&PROGRAM, CACHE_BOTTLENECKS_FLAGS) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    match begin(&parsed, LogFile::None).and_then(|()| config(&parsed)) {
        Ok((config, shard)) => fill(&config, shard, &parsed),
        Err(error) => exit_code(error, None),
    }
}

/// What to compute: the configuration, and which shard.
pub(super) fn config(parsed: &Parsed) -> Result<(Config, Option<Shard>)> {
    let config = config_of_cache(parsed)?;
    config.check_values()?;
    Ok((config, shard(parsed)?))
}

fn fill(config: &Config, shard: Option<Shard>, parsed: &Parsed) -> ExitCode {
    signals::install(&config.cancel);
    crate::net::set_progress(bars::download);
    let mut terminal = Terminal::new(flags_of_cache(parsed));
    match fill_cache(config, shard, &mut terminal) {
        Ok(Cached { path, .. }) => {
            info!(target: "retrain", "Bottlenecks: {}", shown(&path));
            ExitCode::SUCCESS
        }
        Err(Error::Cancelled { kept }) => stopped(&config.cancel, &kept),
        Err(error) => exit_code(error, Some(config.photographs.place())),
    }
}
