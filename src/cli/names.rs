//! Resolves a name typed on the command line: a flag's full name or an abbreviation of it.
//!
//! Python's argparse accepts any unambiguous prefix. So that a new flag never changes what an old
//! command line means, a prefix is looked up among the flags of each script separately, and among
//! ours only if no script has it.

use super::flag::{Flag, Group, Kind, Script};
use super::generate::GENERATE;
use crate::error::{Error, Result};
use crate::text;
use std::ffi::{OsStr, OsString};

/// Flags that every program has without a row in its table.
const BUILT_IN: &[Flag] = &[switch("help", &Script::ALL), switch("version", &[]), GENERATE];

const fn switch(name: &'static str, scripts: &'static [Script]) -> Flag {
    Flag { name, kind: Kind::Switch, default: "", help: "", scripts, group: Group::Running }
}

/// Only the hub's script has this flag, so it marks a command line as written for that script.
const HUB_ONLY: &str = "tfhub_module";

/// The names that a command line may use.
#[derive(Debug)]
pub(super) struct Names<'f> {
    flags: &'f [Flag],
    /// The scripts in order of precedence.
    scripts: [Script; 3],
}

impl<'f> Names<'f> {
    /// The names for the command line `args`.
    pub(super) fn new(flags: &'f [Flag], args: &[OsString]) -> Self {
        let [poets, examples, hub] = Script::ALL;
        let names = Self { flags, scripts: [poets, examples, hub] };
        let is_for_hub = |arg: &OsString| {
            let flag = typed_name(arg).and_then(|typed| names.find(&typed).ok().flatten());
            flag.is_some_and(|flag| flag.name == HUB_ONLY)
        };
        match args.iter().any(is_for_hub) {
            true => Self { flags, scripts: [hub, poets, examples] },
            false => names,
        }
    }

    fn all(&self) -> impl Iterator<Item = &'f Flag> {
        BUILT_IN.iter().chain(self.flags)
    }

    /// The flag that `typed` names or abbreviates; `None` if there is none.
    ///
    /// # Errors
    /// If it abbreviates several flags.
    pub(super) fn find(&self, typed: &str) -> Result<Option<&'f Flag>> {
        let typed = &with_underscores(typed);
        let of = |script| self.all().filter(move |f| f.scripts.contains(&script));
        let mut readings = self.scripts.map(|script| matching(of(script), typed)).to_vec();
        readings.retain(|flags| !flags.is_empty());
        if readings.is_empty() {
            readings.push(matching(self.all(), typed));
        }
        // A prefix that is unambiguous in one script stays so, whatever flags the others have.
        let unambiguous = readings.iter().find(|flags| flags.len() == 1);
        match unambiguous.or(readings.first()).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([flag]) => Ok(Some(flag)),
            Some(flags) => {
                let names: Vec<String> = flags.iter().map(|f| format!("--{}", f.name)).collect();
                let message = format!("ambiguous option: could match {}", names.join(", "));
                Err(Error::usage(typed, message))
            }
        }
    }

    /// The flags that an unknown name was probably meant to be: one, or several equally near.
    pub(super) fn near(&self, typed: &str) -> Vec<&'f str> {
        text::near(&with_underscores(typed), self.all().map(|f| f.name))
    }

    /// Whether argparse would take the next word as a flag's value: any word that is not a flag,
    /// including negative numbers and words with spaces.
    pub(super) fn is_value(&self, next: &OsStr) -> bool {
        let text = next.to_string_lossy();
        let is_flag =
            || typed_name(next).is_some_and(|typed| !matches!(self.find(&typed), Ok(None)));
        !text.starts_with('-')
            || text == "-"
            || text.parse::<f64>().is_ok()
            || text.contains(' ') && !is_flag()
    }
}

/// The name with `_` for each `-`.
fn with_underscores(typed: &str) -> String {
    typed.replace('-', "_")
}

/// What argparse makes of a name: the flag of that name, or else every flag that it is a prefix of.
fn matching<'f>(flags: impl Iterator<Item = &'f Flag>, typed: &str) -> Vec<&'f Flag> {
    let prefixed: Vec<_> = flags.filter(|f| f.name.starts_with(typed)).collect();
    match prefixed.iter().find(|f| f.name == typed) {
        Some(exact) => vec![exact],
        None => prefixed,
    }
}

/// The name in `--name` or `--name=value`.
pub(super) fn typed_name(arg: &OsStr) -> Option<String> {
    let text = arg.to_string_lossy();
    let body = text.strip_prefix("--").filter(|body| !body.is_empty())?;
    Some(body.split_once('=').map_or(body, |(name, _)| name).to_owned())
}
