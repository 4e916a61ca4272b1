//! `--workers` and `--workers_only`, of both tools.

use super::argparse::Parsed;
use super::flag::Kind;
use crate::error::{Error, Result};
use crate::inference::Workers;

/// The name, type, default and help of both flags.
pub(super) const WORKERS: (&str, Kind, &str, &str) = (
    "workers",
    Kind::Str,
    "",
    "Other machines that help, each running retrain_worker: HOST:PORT,… or a file with one a line, \
     which is read again and again",
);
pub(super) const WORKERS_ONLY: (&str, Kind, &str, &str) = (
    "workers_only",
    Kind::Switch,
    "",
    "With --workers: leave the work to them; this machine only checks it",
);

/// The machines that the flags name.
pub(super) fn workers(parsed: &Parsed) -> Result<Option<Workers>> {
    let only = parsed.switch(WORKERS_ONLY.0);
    if !parsed.given(WORKERS.0) {
        return match only {
            true => Err(Error::usage(WORKERS_ONLY.0, "needs `workers`: give HOST:PORT of each")),
            false => Ok(None),
        };
    }
    let mut workers = Workers::parse(&parsed.text(WORKERS.0)?)?;
    workers.only = only;
    Ok(Some(workers))
}
