//! What the programs say about themselves: help, completions, manual pages.

use super::support::{
    CACHE_BOTTLENECKS, DOWNLOAD_IMAGES, LABEL_IMAGE, Outcome, RETRAIN, Workspace, run,
};
use super::workers::RETRAIN_WORKER;
use retrain::cli::{
    CACHE_BOTTLENECKS_FLAGS, DOWNLOAD_IMAGES_FLAGS, Flag, Group, LABEL_IMAGE_FLAGS, RETRAIN_FLAGS,
    RETRAIN_WORKER_FLAGS,
};
use std::process::Command;

const SIMULATE: &str = env!("CARGO_BIN_EXE_simulate_clusters");
const PROGRAMS: [(&str, &str); 6] = [
    ("retrain", RETRAIN),
    ("cache_bottlenecks", CACHE_BOTTLENECKS),
    ("label_image", LABEL_IMAGE),
    ("download_images", DOWNLOAD_IMAGES),
    ("retrain_worker", RETRAIN_WORKER),
    ("simulate_clusters", SIMULATE),
];
const TABLES: [(&str, &[Flag]); 5] = [
    (RETRAIN, RETRAIN_FLAGS),
    (CACHE_BOTTLENECKS, CACHE_BOTTLENECKS_FLAGS),
    (LABEL_IMAGE, LABEL_IMAGE_FLAGS),
    (DOWNLOAD_IMAGES, DOWNLOAD_IMAGES_FLAGS),
    (RETRAIN_WORKER, RETRAIN_WORKER_FLAGS),
];

const GROUPS: [Group; 7] = [
    Group::Start,
    Group::Images,
    Group::Model,
    Group::Training,
    Group::Outputs,
    Group::Distortions,
    Group::Running,
];

fn ask(program: &str, args: &[&str]) -> Outcome {
    run(program, Workspace::new().root(), args)
}

/// The flags that a help describes, in order.
fn described(help: &str) -> Vec<&str> {
    let flags = help.split("\nExample:").next().unwrap();
    let flags = flags.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    flags.map(|flag| flag.split(['=', ' ']).next().unwrap()).collect()
}

#[test]
fn both_helps_of_every_program_fit_80_columns() {
    for (name, program) in PROGRAMS {
        let [short, long] = ["-h", "--help"].map(|flag| ask(program, &[flag]).expect_code(0));
        for help in [&short, &long] {
            assert_eq!(help.stderr, "");
            let wide: Vec<&str> = help.stdout.lines().filter(|l| l.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{name}: {wide:#?}");
            for part in [&format!("Usage: {name} "), "\nExample:\n", &format!("\n    {name} --")] {
                assert!(help.stdout.contains(part), "no {part:?} in {name}'s\n{}", help.stdout);
            }
        }
        let lines = |help: &Outcome| help.stdout.lines().count();
        // A worker has two flags in all.
        let (few, shorter) = if name == "retrain_worker" { (1, 1) } else { (3, 2) };
        assert!(lines(&short) < 30 && lines(&short) < lines(&long) / shorter, "{}", short.stdout);
        assert!(short.stdout.ends_with(&format!("{name} --help lists all flags.\n")));
        assert_eq!(described(&short.stdout).len(), few, "{}", short.stdout);
        let codes = long.stdout.split_once("\nExit codes:\n").unwrap().1;
        let code = |line: &str| line.split_whitespace().next().unwrap().parse::<u8>().unwrap();
        let codes: Vec<u8> = codes.lines().map(code).collect();
        assert_eq!(codes[..3], [0, 1, 2], "{}", long.stdout);
        let trains = ["retrain", "cache_bottlenecks"].contains(&name);
        assert_eq!(codes.contains(&255), trains);
    }
}

#[test]
fn the_help_lists_every_flag_by_groups_and_the_short_one_the_first_group() {
    for (program, table) in TABLES {
        let of = |group| table.iter().filter(move |f| f.group == group).map(|f| f.name);
        let short = ask(program, &["-h"]).stdout;
        assert_eq!(described(&short), of(Group::Start).collect::<Vec<_>>());

        let help = ask(program, &["--help"]).stdout;
        let mut expected = String::new();
        for group in GROUPS {
            let names: Vec<&str> = of(group).collect();
            let built_in = ["generate", "help", "version"];
            let built_in = if group == Group::Running { &built_in[..] } else { &[] };
            if !names.is_empty() || !built_in.is_empty() {
                expected += &[&[group.heading()], &names[..], built_in].concat().join(" ");
                expected += "\n";
            }
        }
        let headings = GROUPS.map(Group::heading);
        let flags = help.split("\nExample:").next().unwrap();
        let shown = flags.lines().filter_map(|line| {
            let heading = line.strip_suffix(':').filter(|line| headings.contains(line));
            let word = line.trim_start().trim_start_matches("-h, ").trim_start_matches("-V, ");
            let flag = word.strip_prefix("--").and_then(|flag| flag.split(['=', ' ']).next());
            heading.map(|heading| format!("\n{heading}")).or(flag.map(|flag| format!(" {flag}")))
        });
        assert_eq!(shown.collect::<String>().trim_start(), expected.trim_end(), "{help}");
    }
}

#[test]
fn completions_and_manual_pages_have_every_flag() {
    for (program, table) in TABLES {
        for what in ["bash", "zsh", "fish", "man"] {
            let outcome = ask(program, &[&format!("--generate={what}")]).expect_code(0);
            assert_eq!(outcome.stderr, "");
            let text = outcome.stdout.replace("\\-", "-");
            for flag in table {
                // fish has names without dashes.
                let name = if what == "fish" {
                    format!("-l {}", flag.name)
                } else {
                    format!("--{}", flag.name)
                };
                assert!(text.contains(&name), "no {name} in {what}");
            }
        }
    }
    for (name, program) in PROGRAMS {
        for what in ["bash", "zsh", "fish", "man"] {
            let outcome = ask(program, &["--generate", what]).expect_code(0);
            assert!(outcome.stdout.contains(name), "{name} {what}");
        }
        ask(program, &["--generate=tcsh"]).expect_code(2).says("tcsh");
    }
    // What a choice can be is offered.
    let fish = ask(RETRAIN, &["--generate=fish"]).stdout;
    assert!(fish.lines().any(|l| l.contains("-l on_bad_image") && l.contains("skip")), "{fish}");
}

#[test]
fn bash_completes_flags_and_words() {
    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: no bash");
        return;
    }
    let workspace = Workspace::new();
    for (name, program, typed, completed) in [
        ("retrain", RETRAIN, "--image_d", "--image_dir"),
        ("cache_bottlenecks", CACHE_BOTTLENECKS, "--sha", "--shard"),
        ("label_image", LABEL_IMAGE, "--input_he", "--input_height"),
        ("download_images", DOWNLOAD_IMAGES, "--max_p", "--max_per_class"),
        ("simulate_clusters", SIMULATE, "--per", "--per_class"),
    ] {
        let script = workspace.write("completions", ask(program, &["--generate=bash"]).stdout);
        let function = format!("_{name}");
        let ask = format!(
            ". '{}'; COMP_WORDS=({name} {typed}); COMP_CWORD=1; {function} {name} {typed} {name}; \
             echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["-c", &ask]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.trim(), completed, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
