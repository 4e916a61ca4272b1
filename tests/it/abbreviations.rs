//! Abbreviated flags, judged by Python's argparse: an abbreviation that a script accepted keeps its
//! meaning, whatever flags the other scripts have and we add.

use super::cli::flags_of;
use super::support::{ask_peer, strings, system_python};
use retrain::cli::{Flag, LABEL_IMAGE_FLAGS, RETRAIN_FLAGS, Script, full_names};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What a command line with one flag means.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    /// The flag and its value; a switch has no value.
    Set(String, Option<String>),
    Ambiguous(Vec<String>),
    Help,
    /// Not a flag: ignored.
    Unknown,
    Refused,
}

impl Verdict {
    fn ambiguous<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        Self::Ambiguous(names)
    }

    /// Reads an answer of tests/peers/argparse_judge.py.
    fn of_judge(answer: &Value) -> Self {
        let set = answer["set"].as_object();
        match set.map(|set| set.iter().collect::<Vec<_>>()).as_deref() {
            Some([]) => Self::Unknown,
            Some([(flag, value)]) => Self::Set((*flag).clone(), value.as_str().map(str::to_owned)),
            Some(_) => panic!("{answer}"),
            None if answer["help"] == true => Self::Help,
            None if answer["ambiguous"].is_array() => {
                Self::ambiguous(strings(&answer["ambiguous"]).into_iter())
            }
            None => {
                assert!(answer["error"].is_string(), "{answer}");
                Self::Refused
            }
        }
    }

    /// What we make of `line` after `selection`, whose flags are spelt out.
    fn ours(flags: &[Flag], selection: &[&str], line: &[String]) -> Self {
        let words = selection.iter().map(|&w| w.to_owned()).chain(line.iter().cloned());
        let words: Vec<OsString> = words.map(OsString::from).collect();
        let full = match full_names(flags, &words) {
            Ok(full) => full,
            Err(error) => {
                let message = error.to_string();
                let Some((_, names)) = message.split_once(": ambiguous option: could match ")
                else {
                    return Self::Refused;
                };
                return Self::ambiguous(names.split(", ").map(|name| &name[2..]));
            }
        };
        let full: Vec<&str> = full.iter().map(|w| w.to_str().unwrap()).collect();
        match full.strip_prefix(selection).unwrap() {
            [] => Self::Unknown,
            ["--help"] => Self::Help,
            [word] => {
                let word = word.strip_prefix("--").unwrap();
                let (flag, value) =
                    word.split_once('=').map_or((word, None), |(f, v)| (f, Some(v.to_owned())));
                Self::Set(flag.to_owned(), value)
            }
            more => panic!("{more:?}"),
        }
    }
}

/// Every way to type every prefix of each flag.
fn lines<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Vec<String>> {
    let beginnings = names.flat_map(|name| (1..=name.len()).map(|n| &name[..n]));
    let mut beginnings: Vec<&str> = beginnings.chain(["help", "nothing"]).collect();
    beginnings.sort_unstable();
    beginnings.dedup();
    let ways = |name: &&str| {
        [
            vec![format!("--{name}")],
            vec![format!("--{name}=a value")],
            vec![format!("--{name}=")],
            vec![format!("--{name}"), "a value".into()],
            vec![format!("--{name}"), "-1".into()],
            vec![format!("--{name}"), "--nothing".into()],
        ]
    };
    beginnings.iter().flat_map(ways).collect()
}

/// Asks argparse what each script makes of each line. We must agree with the first script that
/// knows the flag for certain, or else with the first that knows it at all.
fn assert_as_judged(
    flags: &[Flag],
    scripts: &BTreeMap<&str, Map<String, Value>>,
    selections: &[(&[&str], &[&str])],
) {
    let Some(python) = system_python() else { return };
    let names = scripts.values().flat_map(|flags| flags.keys().map(String::as_str));
    let lines = lines(names);
    let request = json!({ "parsers": scripts, "lines": lines });
    let answer = ask_peer(&python, "argparse_judge.py", &request);
    let mut wrong = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let of = |script: &str| Verdict::of_judge(&answer[script][index]);
        for (selection, order) in selections {
            let known: Vec<Verdict> =
                order.iter().map(|s| of(s)).filter(|v| *v != Verdict::Unknown).collect();
            let clear = known.iter().find(|v| !matches!(v, Verdict::Ambiguous(_)));
            let Some(expected) = clear.or(known.first()) else {
                continue;
            };
            let ours = Verdict::ours(flags, selection, line);
            if ours != *expected {
                wrong.push(format!("{selection:?} {line:?}: {ours:?} instead of {expected:?}"));
            }
            // Scripts that are certain agree with each other, so the order of scripts does not
            // matter here.
            for verdict in known.iter().filter(|v| !matches!(v, Verdict::Ambiguous(_))) {
                assert_eq!(verdict, expected, "{line:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

/// The three scripts' flags, in the order in which scripts are asked.
fn judge_retrain(flags: &[Flag]) {
    let of = |script| {
        let is_switch =
            |(name, [kind, _]): (&str, [&str; 2])| (name.into(), json!(kind == "switch"));
        flags_of(script).into_iter().map(is_switch).collect::<Map<_, _>>()
    };
    let scripts = BTreeMap::from([
        ("poets", of(Script::Poets)),
        ("examples", of(Script::Examples)),
        ("hub", of(Script::Hub)),
    ]);
    let (oldest, hub) = (["poets", "examples", "hub"], ["hub", "poets", "examples"]);
    let selections: [(&[&str], &[&str]); 3] =
        [(&[], &oldest), (&["--architecture=a"], &oldest), (&["--tfhub_module=m"], &hub)];
    assert_as_judged(flags, &scripts, &selections);
}

#[test]
fn every_abbreviation_means_what_the_script_it_is_from_made_of_it() {
    judge_retrain(RETRAIN_FLAGS);
}

#[test]
fn no_flag_that_is_added_changes_that() {
    let mut crowded = RETRAIN_FLAGS.to_vec();
    let originals = || RETRAIN_FLAGS.iter().filter(|f| f.is_original()).map(|f| f.name);
    for name in originals().flat_map(|name| (1..name.len()).map(|n| &name[..n])) {
        for added in [name.to_owned(), format!("{name}~")] {
            if crowded.iter().all(|f| f.name != added) {
                crowded.push(Flag { name: added.leak(), ..RETRAIN_FLAGS[0].of(&[]) });
            }
        }
    }
    assert!(crowded.len() > 20 * originals().count());
    judge_retrain(&crowded);
}

#[test]
fn abbreviations_of_label_image_are_the_scripts() {
    let flags = ["image", "graph", "labels", "input_height", "input_width", "input_mean"];
    let flags = flags.iter().chain(&["input_std", "input_layer", "output_layer"]);
    let flags = flags.map(|&name| (name.into(), json!(false))).collect();
    let scripts = BTreeMap::from([("label_image", flags)]);
    assert_as_judged(LABEL_IMAGE_FLAGS, &scripts, &[(&[], &["label_image"])]);
}

#[test]
fn the_script_a_command_line_is_for_names_what_it_could_be() {
    let ambiguous = |args: &[&str]| {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        full_names(RETRAIN_FLAGS, &args).unwrap_err().to_string()
    };
    let poets = "--testing_percentage, --train_batch_size, --test_batch_size";
    let message = format!("`t`: ambiguous option: could match {poets}");
    assert_eq!(ambiguous(&["--t=1"]), message);
    assert_eq!(ambiguous(&["--arch=a", "--t=1"]), message);
    for module in [&["--tfhub_module=m"][..], &["--tf", "m"]] {
        let message = format!("{message}, --tfhub_module");
        assert_eq!(ambiguous(&[module, &["--t=1"]].concat()), message);
        assert_eq!(ambiguous(&[&["--t=1"], module].concat()), message);
    }
    // Our own flags come last: --resume and --random_seed make nothing ambiguous.
    assert_eq!(
        ambiguous(&["--r=1"]),
        "`r`: ambiguous option: could match --random_crop, --random_scale, --random_brightness"
    );
}
