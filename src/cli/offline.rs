//! `--offline`, and the environment variable that stands for it in every program.

use super::argparse::Parsed;
use super::flag::Kind;
use crate::error::{Error, Result};
use crate::net;
use std::env;

/// The name, type, default and help of the flag.
pub(super) const OFFLINE: (&str, Kind, &str, &str) = (
    "offline",
    Kind::Switch,
    "",
    "Never use the network: what would be downloaded must be there already. \
     RETRAIN_OFFLINE=1 does the same",
);

/// What stands for the flag where it is neither empty nor one of [`NO`].
const VARIABLE: &str = "RETRAIN_OFFLINE";
const NO: [&str; 4] = ["0", "false", "no", "off"];

/// Whether the environment says so.
fn by_variable() -> bool {
    let value = env::var_os(VARIABLE).unwrap_or_default().to_ascii_lowercase();
    !value.is_empty() && !NO.iter().any(|no| value == *no)
}

/// Closes the gate before the network, if the command line or the environment says so.
pub(super) fn obey(parsed: &Parsed) {
    let by_flag = parsed.switch(OFFLINE.0);
    if by_flag || by_variable() {
        net::go_offline();
    }
    if !by_flag && by_variable() {
        log::info!(target: "retrain", "{VARIABLE} is set, which stands for `offline`");
    }
}

/// Refuses to run a program that does nothing without a network. `setting` says what for.
pub(super) fn refuse(setting: &str) -> Result<()> {
    if by_variable() {
        let message = format!("needs the network, which {VARIABLE} forbids; unset it");
        return Err(Error::usage(setting, message));
    }
    Ok(())
}
