//! `--preset`: a few flags under one name. A flag that is given itself wins.

use super::argparse::Parsed;
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

/// The flags that the preset on the command line stands for, without the one that names a network
/// if the command line names another kind.
pub(super) fn flags(parsed: &Parsed) -> Result<Vec<OsString>> {
    let name = parsed.choice("preset", NAMES)?;
    let flags = PRESETS.iter().find(|(preset, _)| *preset == name).map_or(&[][..], |(_, f)| *f);
    let hub = parsed.given("tfhub_module");
    let fitting = flags.iter().filter(|flag| !(hub && flag.starts_with("--architecture")));
    Ok(fitting.map(OsString::from).collect())
}
