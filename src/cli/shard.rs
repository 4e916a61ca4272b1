//! Which shard a command line or Slurm asks for, and the command that computes missing ones.

use super::argparse::Parsed;
use super::cache_bottlenecks_flags::{CACHE_BOTTLENECKS_FLAGS, SHARD};
use super::flag::{Flag, Kind};
use crate::bottleneck::{MissingShard, Shard};
use crate::error::{Error, Result};
use crate::text::{command_word, counted, one_line};
use std::env;

/// The variables of a Slurm array task: its number, the lowest number, the distance between two,
/// how many there are, and the highest number.
const SLURM: [&str; 5] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
    "SLURM_ARRAY_TASK_MAX",
];

/// The shard to compute; `None` for the whole cache.
///
/// # Errors
/// If there is no such shard.
pub(super) fn shard(parsed: &Parsed) -> Result<Option<Shard>> {
    if parsed.given(SHARD.name) {
        let text = parsed.text(SHARD.name)?;
        let shard = Shard::parse(&text).ok_or_else(|| {
            let text = one_line(&text);
            let message = format!(
                "must be I/N, part I of N, from 1/N to N/N, such as 3/8 or 8/8, not '{text}'"
            );
            Error::usage(SHARD.name, message)
        });
        return shard.map(Some);
    }
    if env::var_os(SLURM[0]).is_none() {
        return Ok(None);
    }
    let values = SLURM.map(|name| env::var(name).unwrap_or_default());
    of_slurm(&values).map(Some).ok_or_else(|| {
        let said = SLURM.iter().zip(&values).map(|(name, value)| format!("{name}={value}"));
        let said: Vec<String> = said.collect();
        let message = format!("cannot be told from {}; give it: `shard=I/N`", said.join(", "));
        Error::usage(SHARD.name, message)
    })
}

/// The shard of an array task: arrays begin anywhere, and may leave out numbers evenly.
fn of_slurm(values: &[String; 5]) -> Option<Shard> {
    let [id, lowest, step, count, highest] =
        values.each_ref().map(|value| value.parse::<u32>().ok());
    let after = id?.checked_sub(lowest?)?;
    // Older versions of Slurm do not say the step.
    let step = if values[2].is_empty() { 1 } else { step? };
    let is_whole = after.checked_rem(step)? == 0;
    // An array of chosen tasks does not say which it leaves out.
    if let Some(highest) = highest
        && (highest.checked_sub(lowest?)? / step).checked_add(1) != count
    {
        return None;
    }
    is_whole.then(|| Shard::new((after / step).checked_add(1)?, count?))?
}

/// The flags of a command line that decide which bottlenecks there are, as a shell reads them.
pub(super) fn flags_of_cache(parsed: &Parsed) -> String {
    let decide = CACHE_BOTTLENECKS_FLAGS.iter().filter(|flag| flag.name != SHARD.name);
    let given = decide.filter(|flag| parsed.given(flag.name));
    let flag = |flag: &Flag| match flag.kind {
        Kind::Switch => format!("--{}", flag.name),
        _ => format!("--{}={}", flag.name, command_word(&parsed.os(flag.name).to_string_lossy())),
    };
    given.map(flag).collect::<Vec<_>>().join(" ")
}

/// What is said of missing shards of one set, with the command that computes them. `flags` are
/// those of the cache.
pub(super) fn said(missing: &[MissingShard], flags: &str) -> Option<String> {
    let count = missing.first()?.shard.count();
    let images: usize = missing.iter().map(|missing| missing.images).sum();
    let images = counted(images as u64, "photograph");
    let numbers: Vec<u32> = missing.iter().map(|missing| missing.shard.index()).collect();
    let runs = runs(&numbers);
    let command = |index: &str| format!("cache_bottlenecks {flags} --shard={index}/{count}");
    let (what, command) = match numbers[..] {
        [index] => (format!("shard {index} of {count} lacks"), command(&index.to_string())),
        _ => {
            let shown: Vec<String> = runs.iter().map(Run::shown).collect();
            let each = if cfg!(windows) {
                let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
                format!("for %i in ({}) do {}", numbers.join(" "), command("%i"))
            } else {
                let words: Vec<String> = runs.iter().map(Run::words).collect();
                format!("for i in {}; do {} || break; done", words.join(" "), command("$i"))
            };
            (format!("shards {} of {count} lack", shown.join(", ")), each)
        }
    };
    Some(format!(
        "{what} {images}, which this run computes now; to compute them elsewhere, stop it and run: \
         {command}"
    ))
}

/// Numbers that follow one another.
struct Run(u32, u32);

impl Run {
    fn shown(&self) -> String {
        if self.0 == self.1 { self.0.to_string() } else { format!("{} to {}", self.0, self.1) }
    }

    /// As words of a shell.
    fn words(&self) -> String {
        if self.0 == self.1 { self.0.to_string() } else { format!("$(seq {} {})", self.0, self.1) }
    }
}

/// Sorted numbers as runs.
fn runs(numbers: &[u32]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some(run) if run.1 + 1 == number => run.1 = number,
            _ => runs.push(Run(number, number)),
        }
    }
    runs
}
