//! `--preset`: a few flags under one name. A flag that is given itself wins.

use super::argparse::{self, Parsed};
use super::flag::Flag;
use super::help::Program;
use crate::error::Result;
use std::ffi::OsString;

/// The presets, with the flags they stand for. benches/README.md has the accuracies behind them.
pub(super) const PRESETS: &[(&str, &[&str])] = &[
    ("script", &[]),
    (
        "frozen",
        &[
            "--architecture=efficientnet_lite1",
            "--symmetry=dihedral",
            "--optimizer=lbfgs",
            "--weight_decay=auto",
        ],
    ),
    (
        "tuned",
        &[
            "--architecture=mobilenet_v2_1.0_224",
            "--how_many_training_steps=1000",
            "--fine_tune=all",
        ],
    ),
];

/// The names of the presets, for the flag table.
pub(super) const NAMES: &[&str] = &["script", "frozen", "tuned"];

/// Reads a command line by a table of flags, with the flags of its preset before its own: of two,
/// the last wins.
pub(super) fn parse(
    program: &Program,
    table: &[Flag],
    args: &[OsString],
) -> Result<Option<Parsed>> {
    let Some(mut parsed) = argparse::parse(program, table, args)? else { return Ok(None) };
    let flags = flags(&parsed, table)?;
    if flags.is_empty() {
        return Ok(Some(parsed));
    }
    let shown: Vec<_> = flags.iter().map(|flag| flag.to_string_lossy()).collect();
    let preset = parsed.text("preset")?;
    let note = format!("--preset={preset} stands for {}", shown.join(" "));
    let all = [&flags[..], args].concat();
    if let Some(with_preset) = argparse::parse(program, table, &all)? {
        parsed = with_preset;
    }
    parsed.notes.push(note);
    Ok(Some(parsed))
}

/// The flags of the table that the preset on the command line stands for, without the one that
/// names a network if the command line names another kind.
fn flags(parsed: &Parsed, table: &[Flag]) -> Result<Vec<OsString>> {
    let name = parsed.choice("preset", NAMES)?;
    let flags = PRESETS.iter().find(|(preset, _)| *preset == name).map_or(&[][..], |(_, f)| *f);
    let hub = parsed.given("tfhub_module");
    let in_table = |flag: &str| {
        let name = flag.trim_start_matches("--").split('=').next();
        table.iter().any(|row| Some(row.name) == name)
    };
    let fitting = flags.iter().filter(|flag| !(hub && flag.starts_with("--architecture")));
    Ok(fitting.filter(|flag| in_table(flag)).map(OsString::from).collect())
}
