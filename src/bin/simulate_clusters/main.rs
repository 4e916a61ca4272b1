//! The program `simulate_clusters`: simulates any number of photographs of star clusters, to try
//! the tools out with.

mod simulate;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};
use retrain::cli::{GENERATED, Group, Program, generate};
use simulate::{Plan, TestPhotos, simulate_clusters};
use std::path::PathBuf;
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "simulate_clusters",
    about: "Simulates CCD photographs of star clusters, one directory per class.",
    usage: "simulate_clusters --out=<directory> [flags]",
    example: "    simulate_clusters --out=cluster_photos --per_class=60 --seed=1",
    exit_codes: "    \
    0  done
    1  failure
    2  a wrong command line",
};

fn main() -> ExitCode {
    // clap itself exits with 0 after --help and with 2 after a wrong command line.
    let matches = command().get_matches();
    let outcome = match matches.get_one::<String>("generate") {
        Some(what) => generate(command(), &[], what).map_err(|error| error.to_string()),
        None => simulate(&plan(&matches)).map_err(|error| error.to_string()),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn simulate(plan: &Plan) -> retrain::Result<()> {
    let count = simulate_clusters(plan)?;
    println!("{count} photographs in {}", plan.out.display());
    Ok(())
}

fn command() -> Command {
    let Plan { per_class, seed, size, quality, .. } = Plan::new("");
    let of = |group: Group, name: &'static str, help: &'static str| {
        // `-` may stand for `_`, as in the other programs.
        let arg = Arg::new(name).long(name).alias(name.replace('_', "-")).help(help);
        arg.help_heading(group.heading()).hide_short_help(group != Group::Start)
    };
    let directory = |group, name, help| {
        of(group, name, help).value_name("dir").value_parser(value_parser!(PathBuf))
    };
    let number = |group, name, default: u64, help| {
        let arg = of(group, name, help).value_name("int");
        arg.value_parser(value_parser!(u64)).default_value(default.to_string())
    };
    let (start, images, running) = (Group::Start, Group::Images, Group::Running);
    let args = [
        directory(start, "out", "Where to create the class directories")
            .required_unless_present("generate"),
        number(start, "per_class", per_class, "Photographs of each class"),
        number(start, "seed", seed, "The same seed gives the same photographs"),
        number(images, "size", size.into(), "Width and height in pixels, 16 to 4096")
            .value_parser(value_parser!(u32).range(16..=4096)),
        number(images, "quality", quality.into(), "JPEG quality, 1 to 100")
            .value_parser(value_parser!(u8).range(1..=100)),
        number(
            images,
            "classes",
            0,
            "If above 2: use numbered classes, each with its own parameters",
        )
        .value_parser(value_parser!(u32)),
        directory(images, "test_out", "Where to put extra photographs, none of them also in --out"),
        number(images, "test_per_class", 3, "Extra photographs of each class"),
        of(
            running,
            "generate",
            "Print completions for bash, zsh or fish, or the manual page (man)",
        )
        .value_name("text")
        .hide_possible_values(true)
        .value_parser(PossibleValuesParser::new(GENERATED)),
    ];
    PROGRAM.command(args).infer_long_args(true)
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
