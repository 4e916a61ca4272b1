//! Labelling many photographs for a purpose: evaluating, sorting, and the labels that are listed.

use super::label_image::trained;
use super::support::{Workspace, files_under, scores, system_python};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

fn rows(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn evaluated(workspace: &Workspace, args: &[&str]) -> Value {
    let args = [&["--evaluate", "--json"], args].concat();
    let outcome = workspace.label_image(&args).expect_code(0);
    assert_eq!(outcome.stdout.lines().count(), 1);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// A workspace where photographs of one class also lie under the other's name, and some under none.
fn mixed() -> Workspace {
    let workspace = trained();
    let photo = |name: &str| fs::read(workspace.path(&format!("photos/{name}"))).unwrap();
    for number in 0..4 {
        let open = photo(&format!("open cluster/o{number:05}.jpg"));
        workspace.write(&format!("mixed/Globular_CLUSTER/wrong{number}.jpg"), &open);
        workspace.write(&format!("mixed/elsewhere/{number}.jpg"), &open);
        let globular = photo(&format!("globular cluster/g{number:05}.jpg"));
        workspace.write(&format!("mixed/Globular_CLUSTER/{number}.jpg"), globular);
    }
    workspace
}

#[test]
fn an_evaluation_counts_what_the_rows_say() {
    let workspace = mixed();
    let rows = rows(&workspace.label_image(&["--format=json", "mixed"]).expect_code(0).stdout);
    let counted: Vec<&Value> =
        rows.iter().filter(|r| !r["path"].as_str().unwrap().contains("elsewhere")).collect();
    assert_eq!((rows.len(), counted.len()), (12, 8));
    let wrong: Vec<Value> = counted
        .iter()
        .filter(|row| row["labels"][0] != "globular cluster")
        .map(|row| {
            json!({
                "path": row["path"], "truth": "globular cluster",
                "prediction": row["labels"][0], "score": row["scores"][0],
            })
        })
        .collect();
    assert!(!wrong.is_empty() && wrong.len() < 8);
    let evaluation = evaluated(&workspace, &["mixed"]);
    let right = 8 - wrong.len();
    let ours: Vec<&Value> = evaluation["wrong"].as_array().unwrap().iter().collect();
    assert_eq!(ours.len(), wrong.len());
    for (ours, wanted) in ours.iter().zip(&wrong) {
        assert_eq!((&ours["path"], &ours["truth"]), (&wanted["path"], &wanted["truth"]));
        assert_eq!(ours["prediction"], wanted["prediction"]);
        let difference = ours["score"].as_f64().unwrap() - wanted["score"].as_f64().unwrap();
        assert!(difference.abs() < 1e-6, "{ours} {wanted}");
    }
    assert_eq!((&evaluation["photographs"], &evaluation["right"]), (&json!(8), &json!(right)));
    assert_eq!(evaluation["accuracy"], json!(right as f64 / 8.0));
    let [low, high] = [0, 1].map(|i| evaluation["interval"][i].as_f64().unwrap());
    assert!(low < right as f64 / 8.0 && right as f64 / 8.0 < high);
    assert_eq!(evaluation["confusion"], json!([[right, 8 - right, 0], [0, 0, 0]]));
    let globular = &evaluation["classes"][0];
    assert_eq!(globular["label"], "globular cluster");
    assert_eq!(
        (&globular["recall"], &globular["precision"]),
        (&json!(right as f64 / 8.0), &json!(1.0))
    );
    assert_eq!(evaluation["classes"][1]["recall"], Value::Null);
    assert_eq!(
        evaluation["not_counted"],
        json!([{ "directory": "mixed/elsewhere", "photographs": 4 }])
    );

    let outcome = workspace.label_image(&["--evaluate", "mixed"]).expect_code(0);
    let text = outcome.stdout;
    let shares = format!(
        "{right} of 8 photographs right: {:.1}% (95% interval {:.1}% to {:.1}%)\n",
        right as f64 / 0.08,
        low * 100.0,
        high * 100.0
    );
    assert!(text.starts_with(&shares), "{text}");
    let wrong_rows: Vec<&str> = text.lines().filter(|l| l.contains('\t')).collect();
    assert_eq!(wrong_rows.len(), wrong.len());
    let path = wrong[0]["path"].as_str().unwrap();
    assert!(
        wrong_rows[0].starts_with(&format!("{path}\tglobular cluster\topen cluster\t0.")),
        "{text}"
    );
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (right, missed) = (right.to_string(), (8 - right).to_string());
    assert!(
        text.lines().any(|l| words(l) == ["globular", "cluster", right.as_str(), missed.as_str()]),
        "{text}"
    );
    let warning = "WARNING:retrain:4 photographs not counted: no label is called like the \
                   directory: mixed/elsewhere\n";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
}

#[test]
fn an_evaluation_needs_directories_of_labels_and_counts_unknown_photographs() {
    let workspace = mixed();
    workspace
        .label_image(&["--evaluate", "mixed/elsewhere"])
        .expect_code(2)
        .says("--evaluate: the directory of each photograph must be named after its label, but ")
        .says("mixed/elsewhere is not; labels are: globular cluster, open cluster\n");
    workspace
        .label_image(&["--json", "mixed"])
        .expect_code(2)
        .says("--json: is for --evaluate; --format=json prints");
    workspace
        .label_image(&["--evaluate", "--format=csv", "mixed"])
        .expect_code(2)
        .says("--evaluate: ");
    workspace.label_image(&["--evaluate"]).expect_code(2).says("--image: must be given");
    // All scores are below 1.
    let unknown = evaluated(&workspace, &["--threshold=1", "photos"]);
    let known = evaluated(&workspace, &["photos"]);
    let sure: u64 = 40 - unknown["unknown"].as_u64().unwrap();
    assert!(sure < 40, "{unknown}");
    assert_eq!((&unknown["photographs"], &known["unknown"]), (&json!(40), &json!(0)));
    assert!(unknown["right"].as_u64().unwrap() <= sure);
    assert_eq!(unknown["wrong"][0]["prediction"], "unknown");
    // A broken photograph is reported, and so is the rest.
    workspace.write("photos/open cluster/broken.jpg", "\u{ff}\u{d8}\u{ff}");
    let bytes = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    workspace.write("photos/open cluster/broken.jpg", &bytes[..300]);
    let outcome = workspace.label_image(&["--evaluate", "--json", "photos"]).expect_code(1);
    let evaluation: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&evaluation["failed"], &evaluation["photographs"]), (&json!(1), &json!(40)));
}

#[test]
fn as_many_labels_are_listed_as_asked_for_and_unknown_comes_first() {
    let workspace = trained();
    let photo = "--image=photos/open cluster/o00000.jpg";
    let plain = scores(&workspace.label_image(&[photo]).expect_code(0).stdout);
    let one = scores(&workspace.label_image(&["--top_k=1", photo]).expect_code(0).stdout);
    assert_eq!(one, plain[..1]);
    let many = scores(&workspace.label_image(&["--top_k=9", photo]).expect_code(0).stdout);
    assert_eq!(many, plain);
    let csv = workspace.label_image(&["--top_k=1", "--format=csv", "photos"]).expect_code(0).stdout;
    assert_eq!(csv.lines().next(), Some("image,label,score,error"));
    assert!(csv.lines().all(|line| line.split(',').count() == 4));

    let between = |threshold: f32| {
        let threshold = format!("--threshold={threshold}");
        scores(&workspace.label_image(&[&threshold, photo]).expect_code(0).stdout)
    };
    let score = plain[0].1;
    assert_eq!(between(score - 1e-4), plain);
    let unknown = between(score + 1e-5);
    assert_eq!(unknown[0], ("unknown".to_owned(), score));
    assert_eq!(unknown[1..], plain[..]);
    let threshold = format!("--threshold={}", score + 1e-4);
    let path = &photo[8..];
    let text = workspace.label_image(&[&threshold, path]).expect_code(0).stdout;
    assert!(text.starts_with(&format!("{path}\tunknown\t")), "{text}");
    let csv = workspace.label_image(&[&threshold, "--format=csv", path]).expect_code(0).stdout;
    let header = "image,label,score,label_2,score_2,label_3,score_3,error";
    assert_eq!(csv.lines().next(), Some(header));
    assert!(csv.lines().nth(1).unwrap().contains(",unknown,"), "{csv}");
    let json = workspace.label_image(&[&threshold, "--format=json", path]).expect_code(0).stdout;
    assert_eq!(rows(&json)[0]["labels"][0], "unknown");

    for (flag, message) in [
        ("--top_k=0", "--top_k: must be 1 or more"),
        ("--top_k=x", "--top_k: invalid int"),
        ("--threshold=1.5", "--threshold: must be from 0 to 1, not 1.5"),
        ("--threshold=nan", "--threshold: must be from 0 to 1, not NaN"),
    ] {
        workspace.label_image(&[flag, photo]).expect_code(2).says(message);
    }
}

/// The content of each file by its path.
fn contents(workspace: &Workspace, dir: &str) -> BTreeMap<String, Vec<u8>> {
    let root = workspace.path(dir);
    let files = files_under(&root).into_iter();
    files.map(|name| (name.clone(), fs::read(root.join(name)).unwrap())).collect()
}

#[test]
fn photographs_are_sorted_by_label_and_again_without_change() {
    let workspace = trained();
    let photo = |name: &str| fs::read(workspace.path(&format!("photos/{name}"))).unwrap();
    // Two photographs of one name, and one that is twice the same.
    workspace.write("in/a/x.jpg", photo("open cluster/o00000.jpg"));
    workspace.write("in/b/x.jpg", photo("open cluster/o00001.jpg"));
    workspace.write("in/c/x.jpg", photo("open cluster/o00000.jpg"));
    workspace.write("in/c/y.jpg", photo("globular cluster/g00000.jpg"));
    workspace.write("in/c/broken.jpg", &photo("open cluster/o00000.jpg")[..400]);
    let labels = rows(&workspace.label_image(&["--format=json", "in"]).stdout);
    let label = |path: &str| {
        let row = labels.iter().find(|r| r["path"] == path).unwrap();
        row["labels"][0].as_str().unwrap().to_owned()
    };
    let sort = || workspace.label_image(&["--sort_into=sorted", "in"]).expect_code(1);
    let first = sort();
    assert_eq!(first.stdout.lines().count(), 4);
    let sorted = contents(&workspace, "sorted");
    let mut wanted = BTreeMap::new();
    wanted.insert(format!("{}/x.jpg", label("in/a/x.jpg")), photo("open cluster/o00000.jpg"));
    let same = label("in/a/x.jpg") == label("in/b/x.jpg");
    let second = if same { "x-2.jpg" } else { "x.jpg" };
    let second = format!("{}/{second}", label("in/b/x.jpg"));
    wanted.insert(second, photo("open cluster/o00001.jpg"));
    wanted.insert(format!("{}/y.jpg", label("in/c/y.jpg")), photo("globular cluster/g00000.jpg"));
    assert_eq!(sorted.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    assert!(sorted == wanted);
    first.says("(3 linked, 0 copied, 1 already there)\n");
    let one = workspace.path("sorted").join(label("in/c/y.jpg")).join("y.jpg");
    let inode = |path: &std::path::Path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&one), inode(&workspace.path("in/c/y.jpg")));
    sort().says("(0 linked, 0 copied, 4 already there)\n");
    assert!(contents(&workspace, "sorted") == sorted);
    // What is in the way stays.
    workspace.write("other/unknown/x.jpg", "mine");
    let args = ["--sort_into=other", "--threshold=1", "in/a/x.jpg", "in/b/x.jpg"];
    let outcome = workspace.label_image(&args).expect_code(0);
    outcome
        .says("INFO:retrain:Sorted into other: 2 unknown (2 linked, 0 copied, 0 already there)\n");
    let other = contents(&workspace, "other");
    assert_eq!(
        other.keys().collect::<Vec<_>>(),
        ["unknown/x-2.jpg", "unknown/x-3.jpg", "unknown/x.jpg"]
    );
    assert_eq!(other["unknown/x.jpg"], b"mine");
}

#[test]
fn copies_are_made_where_links_cannot_and_labels_are_safe_as_names() {
    let workspace = trained();
    workspace.write("labels.txt", "../a/b\n..\n");
    let photo = "photos/open cluster/o00000.jpg";
    let label = |args: &[&str]| workspace.label_image(args).expect_code(0);
    label(&["--sort_into=safe", "photos/open cluster", "photos/globular cluster"]);
    let names: Vec<String> = fs::read_dir(workspace.path("safe"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.is_empty());
    assert!(names.iter().all(|name| ["_.._a_b", "_"].contains(&name.as_str())), "{names:?}");
    assert_eq!(files_under(&workspace.path("safe")).len(), 40);
    // Another file system, if this machine has one.
    let elsewhere = std::path::Path::new("/dev/shm");
    let device = |path: &std::path::Path| fs::metadata(path).map(|m| m.dev()).ok();
    if device(elsewhere).is_some() && device(elsewhere) != device(workspace.root()) {
        let dir = tempfile::tempdir_in(elsewhere).unwrap();
        let flag = format!("--sort_into={}", dir.path().display());
        label(&[&flag, photo]).says("(0 linked, 1 copied, 0 already there)\n");
        label(&[&flag, photo]).says("(0 linked, 0 copied, 1 already there)\n");
        let files = files_under(dir.path());
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(
            fs::read(dir.path().join(&files[0])).unwrap()
                == fs::read(workspace.path(photo)).unwrap()
        );
    }
}

#[test]
fn nothing_is_sorted_into_where_photographs_are_searched_for() {
    let workspace = trained();
    for (dir, source) in [
        ("photos", "photos"),
        ("photos/sorted", "photos"),
        ("photos", "photos/open cluster"),
        (".", "photos"),
    ] {
        let flag = format!("--sort_into={dir}");
        workspace.label_image(&[&flag, source]).expect_code(2).says(&format!(
            "--sort_into: {dir} and {source}, where the photographs are, lie within one another"
        ));
    }
    assert_eq!(files_under(&workspace.path("photos")).len(), 40);
    workspace
        .label_image(&["--sort_into=graph.pb", "photos"])
        .expect_code(2)
        .says("--sort_into: graph.pb is not a directory");
    workspace
        .label_image(&["--sort_into=", "photos"])
        .expect_code(2)
        .says("--sort_into: must not be empty");
}

#[test]
fn a_terminal_shows_how_far_labelling_is() {
    let Some(python) = system_python() else { return };
    let workspace = trained();
    let photos = vec!["photos"; 30];
    let argv = [&[super::support::LABEL_IMAGE, "--graph=graph.pb"], &photos[..]].concat();
    let request = json!({ "argv": argv, "cwd": workspace.root() });
    let answer = super::support::ask_peer(&python, "terminal.py", &request);
    assert_eq!(answer["code"], 0, "{answer}");
    let output = answer["output"].as_str().unwrap();
    let bar = regex::Regex::new(r"Labelling .* \d+/1200 \d+/s, \d+\w+ left").unwrap();
    assert!(bar.is_match(output), "no bar: {output}");
    // The rows stand on lines of their own.
    let erase = regex::Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").unwrap();
    let row = |line: &&str| {
        let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        erase.replace_all(line, "").starts_with("photos/")
    };
    assert_eq!(output.split('\n').filter(row).count(), 1200);
}
