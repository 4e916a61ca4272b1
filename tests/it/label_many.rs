//! Labelling many photographs in one process: each gets the answer it would get alone, in order,
//! whatever the others are.

use super::label_image::{GOLDEN, gif, trained};
use super::loading::load_tensorflow;
use super::support::{LABEL_IMAGE, Outcome, Workspace, json, shared};
use retrain::images::{PixelRange, PixelSpec};
use retrain::inference::{BatchNetwork, Decoder, Part};
use retrain::label_image::{LabelConfig, Labeller};
use retrain::proto::{self, GraphDef};
use retrain::rewrite::optimize;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A labeller with the graph and labels of a directory.
fn opened(dir: &Path, config: &LabelConfig) -> Labeller {
    let (graph, labels) = (dir.join(&config.graph), config.labels.as_ref().map(|l| dir.join(l)));
    Labeller::open(&LabelConfig { graph, labels, ..config.clone() }).unwrap()
}

/// The rows of `--format=json`.
fn rows(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn paths(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["path"].as_str().unwrap()).collect()
}

/// Fails unless the row agrees with the graph's answer for its image.
fn assert_same(row: &Value, labeller: &Labeller, root: &Path) {
    let path = row["path"].as_str().unwrap();
    assert_eq!(row["error"], Value::Null, "{path}");
    let alone = labeller.label(&root.join(path)).unwrap();
    let (labels, scores) = (row["labels"].as_array().unwrap(), row["scores"].as_array().unwrap());
    assert_eq!((labels.len(), scores.len()), (alone.top.len(), alone.top.len()));
    for ((label, score), (alone_label, alone_score)) in labels.iter().zip(scores).zip(&alone.top) {
        assert_eq!(label, alone_label, "{path}");
        let relative =
            (score.as_f64().unwrap() - f64::from(*alone_score)).abs() / f64::from(*alone_score);
        assert!(relative < 1e-4, "{path}: {score} instead of {alone_score}");
    }
}

/// Runs `label_image` here with `input` on standard input.
fn label(workspace: &Workspace, args: &[&str], input: &[u8]) -> Outcome {
    let mut child = started(workspace, args);
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn started(workspace: &Workspace, args: &[&str]) -> Child {
    let mut command = Command::new(LABEL_IMAGE);
    command
        .current_dir(workspace.root())
        .args(["--graph=graph.pb", "--labels=labels.txt"])
        .args(args);
    command
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn many_photographs_get_the_scores_each_gets_alone() {
    let workspace = trained();
    let labeller = opened(workspace.root(), &LabelConfig::new("graph.pb"));
    let rows = rows(&workspace.label_image(&["--format=json", "photos"]).expect_code(0).stdout);
    assert_eq!(rows.len(), 40);
    // Every photograph once, in order of name.
    let mut sorted = paths(&rows);
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(paths(&rows), sorted);
    assert_eq!(sorted.len(), 40);
    rows.iter().for_each(|row| assert_same(row, &labeller, workspace.root()));
}

#[test]
fn scores_of_real_photographs_are_those_each_gets_alone() {
    let (Some(golden), Some(graph), Some(photos)) =
        (shared("golden/label_image.json"), shared(GOLDEN), shared("data/star_clusters"))
    else {
        return;
    };
    let config = LabelConfig::new("retrained_graph.pb");
    let labeller = opened(&graph, &config);
    let golden = json(&golden);
    let names: Vec<&str> = golden.as_object().unwrap().keys().map(String::as_str).collect();
    let flag = format!("--graph={}", graph.join(&config.graph).display());
    let args = [&[flag.as_str(), "--format=json"], &names[..]].concat();
    let rows = rows(&super::support::run(LABEL_IMAGE, &photos, &args).expect_code(0).stdout);
    assert_eq!(paths(&rows), names);
    rows.iter().for_each(|row| assert_same(row, &labeller, &photos));
}

#[test]
fn a_retrained_graph_is_run_in_batches_with_fused_convolutions() {
    for name in [GOLDEN, "golden/poets_mobilenet_0.25_224_quantized"] {
        let (Some(graph), Some(photo)) =
            (shared(name), shared("data/star_clusters/open cluster/m103.jpg"))
        else {
            return;
        };
        load_tensorflow();
        let path = graph.join("retrained_graph.pb");
        let graph: GraphDef = proto::parse(&path, &fs::read(&path).unwrap()).unwrap();
        let range = PixelRange::Divide { mean: 128.0, std: 128.0 };
        let spec = PixelSpec::new(224, 224, range);
        let count = |graph: &GraphDef, op: &str| graph.node.iter().filter(|n| n.op == op).count();
        assert_eq!(count(&graph, "PlaceholderWithDefault"), 1, "{name}");
        let optimized = optimize(&graph, "input", "final_result", &spec);
        assert_eq!(count(&optimized, "PlaceholderWithDefault"), 0, "{name}");
        let part = Part {
            name,
            graph: &graph,
            input: "input",
            output: "final_result",
            pixels: &spec,
            size: None,
            probabilities: true,
        };
        let pixels = Decoder::new(&spec).decode(fs::read(photo).unwrap()).unwrap();
        let (batched, published) = (
            BatchNetwork::of_part(&part, &pixels).unwrap(),
            BatchNetwork::published(&part, &pixels).unwrap(),
        );
        assert!(batched.is_batched() && !published.is_batched(), "{name}");
        let (ours, theirs) = (batched.run(&pixels).unwrap(), published.run(&pixels).unwrap());
        assert_eq!((ours.dims(), ours.len()), (theirs.dims(), 2));
        for (o, t) in ours.iter().zip(theirs.iter()) {
            assert!((o - t).abs() / t < 1e-3, "{name}: {o} instead of {t}");
        }
    }
}

#[test]
fn files_directories_and_lists_come_in_the_order_given() {
    let workspace = trained();
    let photo = |name: &str| workspace.path(&format!("photos/open cluster/{name}"));
    fs::create_dir_all(workspace.path("d/b")).unwrap();
    fs::create_dir_all(workspace.path("d/.hidden")).unwrap();
    for to in
        ["d/c.jpg", "d/b/x.txt", "d/a.jpg", "d/.e.jpg", "d/.hidden/f.jpg", "one.jpg", "-x.jpg"]
    {
        fs::copy(photo("o00000.jpg"), workspace.path(to)).unwrap();
    }
    workspace.write("d/notes.jpg", "no image");
    workspace.write("d/empty.png", "");
    let args = [
        "--image=photos/open cluster/o00001.jpg",
        "d",
        "--format",
        "json",
        "-",
        "--",
        "one.jpg",
        "-x.jpg",
    ];
    let list = "photos/open cluster/o00002.jpg\r\n\nd/b\none.jpg";
    let outcome =
        label(&workspace, &args, list.as_bytes()).expect_code(0).says("; 2 other files skipped");
    let rows = rows(&outcome.stdout);
    let expected = [
        "photos/open cluster/o00001.jpg",
        "d/a.jpg",
        "d/b/x.txt",
        "d/c.jpg",
        "photos/open cluster/o00002.jpg",
        "d/b/x.txt",
        "one.jpg",
        "one.jpg",
        "-x.jpg",
    ];
    assert_eq!(paths(&rows), expected);
    let labeller = opened(workspace.root(), &LabelConfig::new("graph.pb"));
    rows.iter().for_each(|row| assert_same(row, &labeller, workspace.root()));
}

#[test]
fn what_a_desktop_leaves_in_a_directory_is_not_labelled() {
    let workspace = trained();
    let photo = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    for name in ["__MACOSX/b.jpg", "a.jpg", "d/@eaDir/a.jpg", "d/$RECYCLE.BIN/a.jpg"] {
        workspace.write(&format!("in/{name}"), &photo);
    }
    for name in ["Thumbs.db", "desktop.ini", "Icon\r", "__MACOSX/c.txt"] {
        workspace.write(&format!("in/{name}"), "");
    }
    workspace.write("in/d/no image.txt", "");
    let label = |args: &[&str]| {
        let args = [&["--format=json"], args].concat();
        workspace.label_image(&args).expect_code(0)
    };
    let outcome = label(&["in", "in"]).says("; 2 other files skipped");
    assert_eq!(paths(&rows(&outcome.stdout)), ["in/a.jpg", "in/a.jpg"]);
    // A path given explicitly is used.
    let outcome = label(&["in/__MACOSX", "in/__MACOSX/b.jpg"]);
    assert_eq!(paths(&rows(&outcome.stdout)), ["in/__MACOSX/b.jpg", "in/__MACOSX/b.jpg"]);
}

#[test]
fn bad_images_are_named_and_the_others_labelled() {
    let workspace = trained();
    workspace.write("page.jpg", b"%PDF-1.4");
    let whole = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    workspace.write("cut, \"short\".jpg", &whole[..whole.len() / 8]);
    let good = "photos/open cluster/o00000.jpg";
    let args = ["page.jpg", "gone.jpg", good, "cut, \"short\".jpg", good];
    let with = |format: &'static str| {
        let outcome = workspace.label_image(&[&[format], &args[..]].concat()).expect_code(1);
        outcome
            .says("page.jpg: is PDF, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS")
            .says("gone.jpg: cannot be read (No such file")
            .says("cut, \"short\".jpg: cannot be decoded as JPEG")
            .says("ERROR:retrain:3 images could not be labelled")
            .stdout
    };
    let text = with("--format=text");
    let line = regex::Regex::new(
        r"^photos/open cluster/o00000\.jpg\t(open|globular) cluster\t[01]\.\d{5}$",
    )
    .unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|l| line.is_match(l)), "{text}");

    let rows = rows(&with("--format=json"));
    assert_eq!(paths(&rows), args);
    let failed: Vec<bool> = rows.iter().map(|row| row["error"].is_string()).collect();
    assert_eq!(failed, [true, true, false, true, false]);
    assert!(
        rows[0]["error"].as_str().unwrap().starts_with("is PDF")
            && rows[0]["labels"] == Value::Array(vec![])
    );

    let csv = with("--format=csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "image,label,score,label_2,score_2,error");
    assert!(lines[1].starts_with("page.jpg,,,,,\"is PDF, not JPEG"), "{csv}");
    assert!(lines[4].starts_with("\"cut, \"\"short\"\".jpg\",,,,,"), "{csv}");
    let fields: Vec<&str> = lines[3].split(',').collect();
    assert_eq!((fields.len(), fields[0], fields[5]), (6, good, ""));
    let sum = fields[2].parse::<f64>().unwrap() + fields[4].parse::<f64>().unwrap();
    assert!((sum - 1.0).abs() < 1e-6 && fields[1] != fields[3], "{csv}");
}

#[test]
fn what_helps_nobody_is_an_error_before_any_work() {
    let workspace = trained();
    fs::create_dir(workspace.path("none")).unwrap();
    workspace
        .label_image(&["none"])
        .expect_code(1)
        .says("none: holds no JPEG, PNG, GIF, BMP, TIFF, WebP or FITS image");
    label(&workspace, &["-"], b"").expect_code(1).says("standard input: holds no JPEG");
    workspace.label_image(&[]).expect_code(2).says("--image: must be given");
    workspace.label_image(&["--format=csv"]).expect_code(2).says("--image: must be given");
    workspace
        .label_image(&["--format=xml", "photos"])
        .expect_code(2)
        .says("(choose from text, csv, json)");
    workspace
        .label_image(&["-x", "photos"])
        .expect_code(0)
        .says("'-x' is neither a flag nor a file, and is ignored");
    workspace
        .label_image(&["--input_mean=no", "photos"])
        .expect_code(2)
        .says("--input_mean: invalid float");
}

#[test]
fn any_number_of_bad_images_before_the_first_good_one_does_not_hang() {
    let workspace = trained();
    // More than can be in progress at once.
    let mut list: String = (0..5000).map(|i| format!("gone{i}.jpg\n")).collect();
    list += "photos/open cluster/o00000.jpg\n";
    let outcome = label(&workspace, &["--format=json", "-"], list.as_bytes()).expect_code(1);
    let rows = rows(&outcome.stdout);
    assert_eq!(rows.len(), 5001);
    assert!(rows[..5000].iter().all(|row| row["error"] != Value::Null));
    assert_eq!(rows[5000]["error"], Value::Null);
}

#[test]
fn a_word_that_was_meant_as_a_flag_is_no_photograph() {
    // There is no graph here, so the error about a word must come first.
    let workspace = Workspace::new();
    for (typed, name, meant) in [
        ("\\--graph=g.pb", "graph", "--graph=g.pb"),
        ("\u{2013}-graph=g.pb", "graph", "--graph=g.pb"),
        ("\u{2014}graph=g.pb", "graph", "--graph=g.pb"),
        ("\u{2212}\u{2212}labels", "labels", "--labels"),
        ("\u{a0}--input_m=1", "input_mean", "--input_mean=1"),
        ("-graph=g.pb", "graph", "--graph=g.pb"),
        ("-j", "json", "--json"),
        (" --image=a b.jpg", "image", "--image=a b.jpg"),
        ("graph=g.pb", "graph", "--graph=g.pb"),
    ] {
        let message =
            format!("--{name}: '{typed}' is neither a flag nor a file; did you mean {meant}?\n");
        workspace.label_image(&[typed, "a.jpg"]).expect_code(2).says(&message);
    }
    for (typed, shown) in [(" ", " "), ("\r", "\\r"), ("\\", "\\")] {
        let message = format!("--image: '{shown}' is neither a flag nor a file; a backslash ");
        workspace.label_image(&["--image=a.jpg", typed]).expect_code(2).says(&message);
    }
    // These resemble no flag, or more than one.
    for typed in ["-x", "-c", "-i"] {
        workspace
            .label_image(&[typed, "a.jpg"])
            .expect_code(1)
            .says("is neither a flag nor a file, and");
    }
    for typed in ["a-graph.jpg", "./-graph", "graph", "grap=h"] {
        workspace.label_image(&[typed]).expect_code(1).says("graph.pb: No such file");
    }
}

#[test]
fn a_file_of_a_flags_name_is_a_file() {
    let workspace = trained();
    let photo = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    let names = ["-graph=g.pb", "\u{2013}-image", "graph=g.pb", "\\", " ", "-x"];
    for name in names {
        workspace.write(name, &photo);
    }
    let args = [&["--format=json"], &names[..]].concat();
    assert_eq!(paths(&rows(&workspace.label_image(&args).expect_code(0).stdout)), names);
}

#[test]
fn an_empty_path_names_its_flag() {
    for flag in ["image", "graph", "labels"] {
        for others in [&[][..], &["b.jpg"], &["--format=csv"]] {
            let empty = format!("--{flag}=");
            let args = [&["--image=a.jpg"], others, &[empty.as_str()]].concat();
            let message = format!("--{flag}: must not be empty: give a path, or leave it out\n");
            Workspace::new().label_image(&args).expect_code(2).says(&message);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_can_be_opened_by_whoever_reads_the_row() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let workspace = trained();
    let photo = workspace.path("photos/open cluster/o00000.jpg");
    fs::create_dir(workspace.path("d")).unwrap();
    let latin: &[u8] = b"d/caf\xe9 \xff.jpg";
    for name in [latin, "d/caf\u{e9}.jpg".as_bytes(), b"d/broken\xfe.jpg"] {
        fs::copy(&photo, workspace.root().join(OsStr::from_bytes(name))).unwrap();
    }
    workspace.write("list", [latin, b"\n"].concat());
    fs::write(
        workspace.root().join(OsStr::from_bytes(b"d/broken\xfe.jpg")),
        &fs::read(&photo).unwrap()[..900],
    )
    .unwrap();
    let list = fs::read(workspace.path("list")).unwrap();
    let outcome = label(&workspace, &["--format=json", "d", "-"], &list).expect_code(1);
    let rows = rows(&outcome.stdout);
    let expected = [
        ("d/broken\u{fffd}.jpg", Some("ZC9icm9rZW7+LmpwZw==")),
        ("d/caf\u{e9}.jpg", None),
        ("d/caf\u{fffd} \u{fffd}.jpg", Some("ZC9jYWbpIP8uanBn")),
        ("d/caf\u{fffd} \u{fffd}.jpg", Some("ZC9jYWbpIP8uanBn")),
    ];
    let found: Vec<_> =
        rows.iter().map(|r| (r["path"].as_str().unwrap(), r["path_base64"].as_str())).collect();
    assert_eq!(found, expected);
    // Present only when needed: a program that reads only `path` sees no change.
    assert!(rows[1].get("path_base64").is_none() && rows[0]["error"].is_string());
}

#[test]
fn a_format_is_for_one_photograph_too_and_mean_and_std_apply() {
    let workspace = trained();
    let rgb = image::open(workspace.path("photos/open cluster/o00003.jpg")).unwrap().to_rgb8();
    workspace.write("a.gif", gif(&[&rgb]));
    let mut config = LabelConfig::new("graph.pb");
    for (flags, mean, std) in
        [(&[][..], None, None), (&["--input_mean=0", "--input_std=255"], Some(0.0), Some(255.0))]
    {
        (config.input_mean, config.input_std) = (mean, std);
        let labeller = opened(workspace.root(), &config);
        for args in [&["--image=a.gif"][..], &["a.gif"], &["a.gif", "photos"]] {
            let outcome =
                workspace.label_image(&[flags, &["--format=json"], args].concat()).expect_code(0);
            assert_same(&rows(&outcome.stdout)[0], &labeller, workspace.root());
        }
    }
}

#[test]
fn a_table_has_room_for_five_classes() {
    let workspace = Workspace::new();
    let photos = workspace.path("photos");
    let plan = crate::simulate::Plan {
        per_class: 5,
        size: 48,
        classes: Some(7),
        ..crate::simulate::Plan::new(photos)
    };
    crate::simulate::simulate_clusters(&plan).unwrap();
    workspace.retrain(&[]).expect_code(0);
    let csv = workspace.label_image(&["--format=csv", "photos/class_0003"]).expect_code(0).stdout;
    let header =
        "image,label,score,label_2,score_2,label_3,score_3,label_4,score_4,label_5,score_5,error";
    assert_eq!(csv.lines().next(), Some(header));
    assert_eq!(csv.lines().count(), 6);
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), 12);
        let scores: Vec<f32> = (0..5).map(|i| fields[2 + 2 * i].parse().unwrap()).collect();
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{line}");
    }
}

/// A process's memory, in kilobytes.
fn memory(child: &Child) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_images() {
    let workspace = trained();
    let names: Vec<String> = (0..8).map(|i| format!("photos/open cluster/o{i:05}.jpg")).collect();
    let mut child = started(&workspace, &["-"]);
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first answer comes while the list is still open.
    writeln!(input, "{}", names[7]).unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with(&names[7]));
    let mut pass = |count: usize| {
        // Write and read at the same time: neither pipe holds 8000 lines.
        std::thread::scope(|scope| {
            scope.spawn(|| (0..count).for_each(|i| writeln!(input, "{}", names[i % 8]).unwrap()));
            (0..count).for_each(|i| {
                assert!(lines.next().unwrap().unwrap().starts_with(&names[i % 8]), "line {i}")
            });
        });
        memory(&child)
    };
    let (warm, last) = (pass(2000), pass(8000));
    drop(input);
    assert!(child.wait().unwrap().success());
    // Leaking the pixels of one image in a hundred would take 15 MB; leaking each path or score
    // row, about 4 MB.
    assert!(last - warm < 3000, "{warm} kB after 2000 images, {last} kB after 10000");
}

#[test]
fn a_reader_that_has_read_enough_ends_it() {
    let workspace = trained();
    let mut child = started(&workspace, &["-"]);
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    writeln!(input, "photos/open cluster/o00000.jpg").unwrap();
    assert!(lines.next().is_some());
    drop(lines);
    writeln!(input, "photos/open cluster/o00001.jpg").unwrap();
    // The list is still open: waiting for its end would hang.
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    drop(input);
}
