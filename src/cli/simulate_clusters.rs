//! The program `simulate_clusters`: photographs of star clusters for trying out, as many as wanted.

use super::argparse::{self, Parsed};
use super::exit_code;
use super::flag::{Flag, Kind};
use crate::error::{Error, Result};
use crate::logging;
use crate::simulate::{Plan, TestPhotos, simulate_clusters as simulate};
use std::process::ExitCode;

const ABOUT: &str =
    "Simulates CCD photographs of globular and open star clusters, one directory per class.";

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &[] }
}

const FLAGS: &[Flag] = &[
    flag("out", Kind::Str, "", "The directory the class directories go into"),
    flag("per_class", Kind::Int, "60", "Photographs of each class"),
    flag("seed", Kind::Int, "1", "The same seed gives the same photographs"),
    flag("size", Kind::Int, "256", "Width and height in pixels"),
    flag("quality", Kind::Int, "72", "JPEG quality, 1 to 100"),
    flag(
        "classes",
        Kind::Int,
        "0",
        "More than 2: so many numbered classes, each with clusters of its own kind",
    ),
    flag(
        "test_out",
        Kind::Str,
        "",
        "A directory for further photographs, none of which is among the others",
    ),
    flag("test_per_class", Kind::Int, "3", "How many of those of each class"),
];

/// The program.
#[must_use]
pub fn simulate_clusters() -> ExitCode {
    logging::init(log::LevelFilter::Info);
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = argparse::parse("simulate_clusters", ABOUT, FLAGS, &args).and_then(|parsed| {
        let Some(parsed) = parsed else { return Ok(()) };
        parsed.warnings.iter().for_each(|warning| log::warn!(target: "retrain", "{warning}"));
        let plan = plan(&parsed)?;
        let count = simulate(&plan)?;
        println!("{count} photographs in {}", plan.out.display());
        Ok(())
    });
    exit_code(outcome, None)
}

fn plan(parsed: &Parsed) -> Result<Plan> {
    let number = |name: &str| -> Result<u64> {
        u64::try_from(parsed.int(name)?).map_err(|_| Error::usage(name, "must not be negative"))
    };
    let small =
        |name: &str| u32::try_from(number(name)?).map_err(|_| Error::usage(name, "is too large"));
    if !parsed.given("out") {
        return Err(Error::usage(
            "out",
            "must be given: the directory the class directories go into",
        ));
    }
    let mut plan = Plan::new(parsed.path("out"));
    plan.per_class = number("per_class")?;
    plan.seed = number("seed")?;
    plan.size = small("size")?;
    plan.quality = u8::try_from(number("quality")?)
        .map_err(|_| Error::usage("quality", "is from 1 to 100"))?;
    plan.classes = Some(small("classes")?).filter(|&classes| classes > 2);
    if parsed.given("test_out") {
        plan.test_photos =
            Some(TestPhotos { out: parsed.path("test_out"), per_class: number("test_per_class")? });
    }
    Ok(plan)
}
