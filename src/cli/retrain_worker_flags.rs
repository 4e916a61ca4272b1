//! The flags of `retrain_worker`.

use super::flag::{Flag, Group, Kind};
use super::retrain_flags::LEVELS;

const fn ours(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &[], group: Group::Running }
}

/// All flags.
pub const RETRAIN_WORKER_FLAGS: &[Flag] = &[
    ours(
        "listen",
        Kind::Str,
        "127.0.0.1:2222",
        "The address and port to listen on; port 0 takes a free one. Whoever reaches the port can \
         do anything here: the default is open to this machine only",
    )
    .group(Group::Start),
    ours("logging_verbosity", Kind::Choice(LEVELS), "INFO", "DEBUG, INFO, WARN, ERROR or FATAL"),
];
