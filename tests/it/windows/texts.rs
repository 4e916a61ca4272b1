//! What is put together from text, which is the same on every system.

use crate::support::python;
use retrain::dataset::{System, category_of, hashed_path};
use retrain::fsio::{fault_on_windows, prefixed};
use retrain::label_image::matches;
use retrain::text::{prompt_word, unprefixed};
use serde_json::{Value, json};
use std::process::Command;

/// Paths as they may be typed, on a drive, on a share, where the user is on a drive.
const TYPED: [&str; 13] = [
    "tf_files/flower_photos",
    r"tf_files\flower_photos",
    "tf_files/flower_photos/",
    r"tf_files\flower_photos\",
    r"C:\Users\Anna Müller\photos",
    "C:/photos",
    r"C:\",
    "C:",
    "C:photos",
    r"\\server\share",
    r"\\server\share\photos",
    "~/flower_photos",
    "",
];

/// The scripts' own steps: `ntpath` is what `os.path` is on Windows. TensorFlow's glob there turns
/// every `/` of what it returns into `\`.
const SCRIPTS: &str = r#"
import hashlib, json, ntpath, posixpath, re, sys
answers = []
for typed in json.loads(sys.stdin.read()):
    for path, separators in (posixpath, None), (ntpath, ("/", "\\")):
        file = path.join(typed, "daisy", "100080576_f52e8ee070_n_nohash_1.jpg")
        if separators:
            file = file.replace(*separators)
        hash_name = re.sub(r"_nohash_.*$", "", file)
        number = int(hashlib.sha1(hash_name.encode("utf-8")).hexdigest(), 16)
        percentage = (number % (2 ** 27)) * (100.0 / (2 ** 27 - 1))
        answers.append([file, percentage])
print(json.dumps(answers))
"#;

#[test]
fn the_hashed_paths_are_those_of_python_on_either_system() {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    let workspace = crate::support::Workspace::new();
    let typed = workspace.write("typed.json", json!(TYPED).to_string());
    let mut command = Command::new(python);
    command.args(["-c", SCRIPTS]).stdin(std::fs::File::open(typed).unwrap());
    let answer = command.output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let answers: Vec<Value> = serde_json::from_slice(&answer.stdout).unwrap();
    let mut answers = answers.iter();
    for typed in TYPED {
        for system in [System::Posix, System::Windows] {
            let path = hashed_path(typed, "daisy", "100080576_f52e8ee070_n_nohash_1.jpg", system);
            let answer = answers.next().unwrap();
            assert_eq!(answer[0], path, "{typed}");
            let percentage = answer[1].as_f64().unwrap();
            let got = retrain::dataset::split_percentage(path.as_bytes());
            assert_eq!(got, percentage, "{path}");
        }
    }
    assert!(answers.next().is_none());
}

#[test]
fn the_split_differs_between_the_systems_unless_it_is_relative() {
    let set = |system, file: &str| {
        category_of(hashed_path("flower_photos", "daisy", file, system).as_bytes(), 10, 10)
    };
    let files: Vec<String> = (0..100).map(|i| format!("{i}.jpg")).collect();
    let moved = files.iter().filter(|f| set(System::Posix, f) != set(System::Windows, f)).count();
    assert!((15..60).contains(&moved), "{moved}");
}

#[test]
fn words_for_the_command_prompt_are_read_as_they_were() {
    for (word, quoted) in [
        ("graph.pb", "graph.pb"),
        (r"C:\photos\m13.jpg", r"C:\photos\m13.jpg"),
        (r"open cluster\o1.jpg", r#""open cluster\o1.jpg""#),
        ("a&b", "\"a&b\""),
        ("a^b", "\"a^b\""),
        ("it's", "\"it's\""),
        ("x=y,z;", "\"x=y,z;\""),
        ("", "\"\""),
        // A backslash before the closing mark would make it part of the word.
        (r"my photos\", r#""my photos\\""#),
        (r#"say "hi""#, r#""say \"hi\"""#),
        (r#"a\"b"#, r#""a\\\"b""#),
    ] {
        assert_eq!(prompt_word(word), quoted);
    }
}

#[test]
fn patterns_match_as_on_windows() {
    for (pattern, name) in [
        ("*.jpg", "M13.JPG"),
        ("*", "README"),
        ("*.*", "README"),
        ("m?.jpg", "M3.jpg"),
        ("*a*b*", "xaxxabx"),
        ("?*", "é"),
        ("ü*.PNG", "Übung.png"),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [("*.jpg", "m13.jpeg"), ("m?.jpg", "m.jpg"), ("?", ""), ("a*b", "abc")] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
    // A pattern of many stars takes no longer than the product of the lengths.
    assert!(!matches(&"*a".repeat(5000), &"a".repeat(4999)));
}

#[test]
fn names_that_windows_keeps_or_changes_are_known() {
    for name in ["con", "CON", "aux.txt", "nul.tar.gz", "Com1", "LPT9.log", "a.", "a ", "b:c", "x?"]
    {
        assert!(fault_on_windows(name).is_some(), "{name}");
    }
    for name in ["confetti", "auxiliary.txt", "com", "com10", ".hidden", "a.b", "ä ö", "a+b"] {
        assert_eq!(fault_on_windows(name), None, "{name}");
    }
}

#[test]
fn long_paths_get_a_prefix_that_nobody_sees() {
    let deep = r"\directory".repeat(30);
    for (plain, long) in [
        (format!("C:{deep}"), format!(r"\\?\C:{deep}")),
        (format!(r"\\server\share{deep}"), format!(r"\\?\UNC\server\share{deep}")),
    ] {
        assert_eq!(prefixed(&plain).as_deref(), Some(&*long));
        assert_eq!(prefixed(&long), None);
        assert_eq!(unprefixed(&long).as_deref(), Some(&*plain));
    }
    assert_eq!(prefixed(r"C:\short"), None);
    assert_eq!(unprefixed(r"C:\short"), None);
}
