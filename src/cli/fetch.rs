//! `retrain --fetch`: brings what a machine without a network needs.

use super::argparse::Parsed;
use super::bars;
use crate::error::{Error, Result};
use crate::fetch::{Item, Summary, library_in, parse, run};
use crate::net;
use crate::text::{command_word, counted};
use log::{error, info};
use std::path::Path;
use std::process::ExitCode;

/// The flag's name.
pub(super) const FETCH: &str = "fetch";

/// Fetches what the flag names, and says what to do next.
///
/// # Errors
/// If a name is wrong, or nothing may be fetched.
pub(super) fn fetch(parsed: &Parsed) -> Result<ExitCode> {
    let items = parse(&parsed.text(FETCH)?)?;
    if net::is_offline() {
        return Err(Error::usage(FETCH, "needs the network, which `offline` forbids"));
    }
    net::set_progress(bars::download);
    let dir = parsed.path("model_dir");
    let summary = run(&items, &dir)?;
    let Summary { brought, there, missing } = &summary;
    info!(
        target: "retrain",
        "{} fetched, {} there before, {} missing", brought.len(), there.len(), missing.len()
    );
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(Item::name).collect();
        let count = counted(missing.len() as u64, "item");
        error!(
            target: "retrain",
            "{count} missing: {}; the same command tries again",
            names.join(", ")
        );
        return Ok(ExitCode::FAILURE);
    }
    next(&items, &dir);
    Ok(ExitCode::SUCCESS)
}

/// The command after which all programs find the library in `model_dir`.
pub(super) fn export(model_dir: &Path) -> String {
    let dir = std::path::absolute(model_dir).unwrap_or_else(|_| model_dir.to_owned());
    let dir = dir.to_string_lossy();
    match cfg!(windows) {
        true => format!("set \"RETRAIN_CACHE_DIR={dir}\""),
        false => format!("export RETRAIN_CACHE_DIR={}", command_word(&dir)),
    }
}

/// What to type on the machine without a network.
fn next(items: &[Item], dir: &Path) {
    let network = items.iter().find_map(|item| match item {
        Item::Network(info) => Some(format!("--architecture={}", info.architecture)),
        Item::Module(address) => Some(format!("--tfhub_module={}", command_word(address))),
        Item::Library(_) => None,
    });
    if let Some(network) = network {
        let word = command_word(&dir.to_string_lossy());
        info!(
            target: "retrain",
            "Without a network: retrain --offline --model_dir={word} {network} --image_dir=…"
        );
    }
    if library_in(dir).is_some() {
        info!(target: "retrain", "There all programs find TensorFlow after: {}", export(dir));
    }
}
