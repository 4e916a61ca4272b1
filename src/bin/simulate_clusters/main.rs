//! The program `simulate_clusters`: simulates any number of photographs of star clusters, to try
//! the tools out with.

mod simulate;

use clap::{Arg, ArgMatches, Command, value_parser};
use simulate::{Plan, TestPhotos, simulate_clusters};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    // clap itself exits with 0 after --help and with 2 after a wrong command line.
    let plan = plan(&command().get_matches());
    match simulate_clusters(&plan) {
        Ok(count) => {
            println!("{count} photographs in {}", plan.out.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let Plan { per_class, seed, size, quality, .. } = Plan::new("");
    let directory = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("DIR").help(help).value_parser(value_parser!(PathBuf))
    };
    let number = |name: &'static str, default: u64, help: &'static str| {
        Arg::new(name).long(name).value_name("N").help(help).default_value(default.to_string())
    };
    let any = || value_parser!(u64);
    Command::new("simulate_clusters")
        .about("Simulates CCD photographs of star clusters, one directory per class.")
        .version(env!("CARGO_PKG_VERSION"))
        .infer_long_args(true)
        .args_override_self(true)
        .args([
            directory("out", "Where to create the class directories").required(true),
            number("per_class", per_class, "Photographs of each class").value_parser(any()),
            number("seed", seed, "The same seed gives the same photographs").value_parser(any()),
            number("size", size.into(), "Width and height in pixels, 16 to 4096")
                .value_parser(value_parser!(u32).range(16..=4096)),
            number("quality", quality.into(), "JPEG quality, 1 to 100")
                .value_parser(value_parser!(u8).range(1..=100)),
            number("classes", 0, "If above 2: use numbered classes, each with its own parameters")
                .value_parser(value_parser!(u32)),
            directory("test_out", "Where to put extra photographs, none of them also in --out"),
            number("test_per_class", 3, "Extra photographs of each class").value_parser(any()),
        ])
}

fn plan(matches: &ArgMatches) -> Plan {
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let mut plan = Plan::new(path("out").unwrap_or_default());
    set(matches, "per_class", &mut plan.per_class);
    set(matches, "seed", &mut plan.seed);
    set(matches, "size", &mut plan.size);
    set(matches, "quality", &mut plan.quality);
    plan.classes = matches.get_one("classes").copied().filter(|&classes| classes > 2);
    plan.test_photos = path("test_out").map(|out| {
        let mut tests = TestPhotos { out, per_class: 0 };
        set(matches, "test_per_class", &mut tests.per_class);
        tests
    });
    plan
}

fn set<T: Copy + Send + Sync + 'static>(matches: &ArgMatches, name: &str, value: &mut T) {
    if let Some(&given) = matches.get_one(name) {
        *value = given;
    }
}
