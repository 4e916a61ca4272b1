//! The commands that a run names for other programs, each run as it is printed: what they answer
//! for the test photographs, beside label_image's own answers and the README's table.

use super::support::{self, LABEL_IMAGE, RETRAIN, Workspace, ask_peer, python, run, shared};
use retrain::text::shell_word;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Labels of photographs with their scores.
type Rows = Vec<(String, f64)>;

/// A run, the commands it names, and label_image's answers for its test photographs.
struct Trained {
    workspace: Workspace,
    commands: HashMap<String, String>,
    /// The photograph that the commands name.
    named: String,
    /// The test photographs, then copies of them as PNGs, whose pixels are the same whoever decodes
    /// them.
    photographs: Vec<String>,
    /// The directory of each.
    truth: Vec<String>,
    ours: Rows,
}

/// A run on the tutorial's photographs, a third of them for testing.
fn trained(flags: &[&str]) -> Option<Trained> {
    trained_in(Workspace::new(), flags)
}

/// The same, in a directory that may hold a model.
fn trained_in(workspace: Workspace, flags: &[&str]) -> Option<Trained> {
    let (photos, models) = (shared("data/star_clusters")?, shared("models")?);
    std::os::unix::fs::symlink(photos, workspace.path("photos")).unwrap();
    fs::create_dir(workspace.path("models")).unwrap();
    let archive = "mobilenet_v1_0.25_224_frozen.tgz";
    fs::copy(models.join(archive), workspace.path("models").join(archive)).unwrap();
    let defaults = [
        "--image_dir=photos",
        "--model_dir=models",
        "--how_many_training_steps=200",
        "--testing_percentage=30",
        "--random_seed=1",
        "--saved_model_dir=saved model",
        "--output_graph=it's a graph.pb",
        "--output_labels=labels.txt",
        "--bottleneck_dir=bottlenecks",
        "--summaries_dir=summaries",
        "--json",
    ];
    let args = [&defaults[..], flags].concat();
    let outcome = run(RETRAIN, workspace.root(), &args).expect_code(0);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let commands = serde_json::from_value(summary["commands"].clone()).unwrap();
    let metadata = support::json(&workspace.path("it's a graph.pb.json"));
    let jpegs: Vec<String> = serde_json::from_value(metadata["split"]["testing"].clone()).unwrap();
    let png = |path: &String| format!("png/{}.png", path.strip_suffix(".jpg").unwrap());
    let pngs: Vec<String> = jpegs.iter().map(png).collect();
    let here =
        |paths: &[String]| -> Vec<_> { paths.iter().map(|path| workspace.path(path)).collect() };
    ask_peer(
        &python("RETRAIN_PEER_TF2")?,
        "png.py",
        &json!({ "images": here(&jpegs), "into": here(&pngs) }),
    );
    let named = jpegs[0].clone();
    let photographs = [jpegs, pngs].concat();
    let class = |path: &String| path.rsplit('/').nth(1).unwrap().to_owned();
    let truth = photographs.iter().map(class).collect();
    let mut args = vec!["--graph=it's a graph.pb"];
    args.extend(photographs.iter().map(String::as_str));
    let labelled = run(LABEL_IMAGE, workspace.root(), &args).expect_code(0);
    let ours = rows(&labelled.stdout, &photographs);
    Some(Trained { workspace, commands, named, photographs, truth, ours })
}

/// The rows "path, label, score" of a program's output, in the order of `photographs`.
fn rows(stdout: &str, photographs: &[String]) -> Rows {
    let row = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        Some((cells.next()?, (cells.next()?, cells.next()?.parse().ok()?)))
    };
    let rows: HashMap<String, (String, f64)> = stdout.lines().filter_map(row).collect();
    let of = |path: &String| rows.get(path).unwrap_or_else(|| panic!("no {path} in\n{stdout}"));
    photographs.iter().map(|path| of(path).clone()).collect()
}

/// Where a consumer's programs are.
struct Tools {
    path: PathBuf,
    node_modules: PathBuf,
}

/// TensorFlow 2 with the converters and runtimes that read its graphs.
fn tools() -> Option<Tools> {
    let python = python("RETRAIN_PEER_CONSUMERS")?;
    let path = python.parent().unwrap().to_owned();
    let node_modules = path.parent().unwrap().join("node_modules");
    Some(Tools { path, node_modules })
}

impl Trained {
    fn command(&self, name: &str) -> &str {
        self.commands.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.commands.keys()))
    }

    /// Runs a command that is named `name`, or what `edit` makes of it, and returns what it prints.
    fn run(&self, tools: &Tools, name: &str, edit: impl Fn(&str) -> String) -> String {
        let start = Instant::now();
        let path = std::env::join_paths(
            [self.workspace.root().to_owned(), tools.path.clone()]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let output = Command::new("sh")
            .args(["-eu", "-c", &edit(self.command(name))])
            .current_dir(self.workspace.root())
            .env("PATH", path.unwrap())
            .env("NODE_PATH", &tools.node_modules)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TF_CPP_MIN_LOG_LEVEL", "3")
            .env("CUDA_VISIBLE_DEVICES", "")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {}\n{stderr}", self.command(name));
        println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that labels, on all test photographs in place of the one it names.
    fn label(&self, tools: &Tools, name: &str, edit: impl Fn(&str) -> String) -> Rows {
        let one = shell_word(&self.named);
        let all: Vec<String> = self.photographs.iter().map(|path| shell_word(path)).collect();
        let stdout = self.run(tools, name, |command| {
            assert!(command.contains(&one), "{one} is not in {command}");
            edit(&command.replace(&one, &all.join(" ")))
        });
        rows(&stdout, &self.photographs)
    }

    /// The largest difference from label_image's scores on JPEGs, and that on PNGs.
    fn differences(&self, theirs: &Rows) -> [f64; 2] {
        let score_of = |label: &str, row: &(String, f64)| match row.0 == label {
            true => row.1,
            // There are two classes.
            false => 1.0 - row.1,
        };
        let pairs = self.ours.iter().zip(theirs);
        let differences: Vec<f64> =
            pairs.map(|(ours, theirs)| (ours.1 - score_of(&ours.0, theirs)).abs()).collect();
        let (jpegs, pngs) = differences.split_at(self.truth.len() / 2);
        [jpegs, pngs].map(|differences| differences.iter().copied().fold(0f64, f64::max))
    }

    /// Compares answers with label_image's and with the README's row for `consumer`.
    fn compare(&self, consumer: &str, column: Column, theirs: &Rows) {
        let [on_jpegs, on_pngs] = self.differences(theirs);
        let half = self.truth.len() / 2;
        let is_right = |(row, truth): &(&(String, f64), &String)| row.0 == **truth;
        let right = theirs.iter().zip(&self.truth).take(half).filter(is_right).count();
        println!("{consumer}: {on_jpegs:.1e} / {on_pngs:.1e}; {right} of {half}");
        let claim = claim(consumer, column);
        assert_eq!(half, claim.of);
        let spread = match column {
            Column::Floats => 0,
            // Processors round 8 bits differently.
            Column::Quantized | Column::Logits | Column::Pooled => 1,
        };
        let differs = right.abs_diff(claim.right) > spread;
        assert!(!differs, "{consumer}: the README says {} right", claim.right);
        for (found, stated) in [(on_jpegs, claim.on_jpegs), (on_pngs, claim.on_pngs)] {
            assert!(found <= stated, "{consumer}: {found:.1e}, the README says {stated}");
        }
    }
}

/// A column of the README's tables.
#[derive(Debug, Clone, Copy)]
enum Column {
    Floats,
    /// Of a network that was trained for 8 bits.
    Quantized,
    /// Of a network that was not, and whose logits or pooled features the new layer reads.
    Logits,
    Pooled,
}

impl Column {
    fn place(self) -> usize {
        match self {
            Self::Floats | Self::Logits => 1,
            Self::Quantized | Self::Pooled => 2,
        }
    }
}

/// What the README's table says of a consumer.
struct Claim {
    /// The largest difference of a score.
    on_jpegs: f64,
    /// Where the pixels are the same.
    on_pngs: f64,
    /// How many labels are right.
    right: usize,
    of: usize,
}

/// The cell "0.3 / 0.001; 39 of 40" of the README's table.
fn claim(consumer: &str, column: Column) -> Claim {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let row = readme.lines().find(|line| line.starts_with(&format!("| {consumer} |")));
    let row = row.unwrap_or_else(|| panic!("the README has no row for {consumer}"));
    let cell = row.trim_matches('|').split('|').nth(column.place()).unwrap().trim();
    let (differences, right) = cell.split_once("; ").unwrap_or_else(|| panic!("{row}"));
    let (on_jpegs, on_pngs) = differences.split_once(" / ").unwrap();
    let (right, of) = right.split_once(" of ").unwrap();
    Claim {
        on_jpegs: on_jpegs.parse().unwrap(),
        on_pngs: on_pngs.parse().unwrap(),
        right: right.parse().unwrap(),
        of: of.parse().unwrap(),
    }
}

fn as_it_is(command: &str) -> String {
    command.to_owned()
}

const FLOATS: &[&str] = &["--architecture=mobilenet_0.25_224"];
const QUANTOPS: &str = "hub/mobilenet_v1_025_224_quantops/feature_vector";

/// A run on the module with fake quantisation.
fn quantized() -> Option<Trained> {
    let module = format!("--tfhub_module={}", shared(QUANTOPS)?.display());
    trained(&[&module, "--checkpoint_path=checkpoint/head"])
}

/// What the script's label_image.py answers in each TensorFlow.
fn label_image_py(trained: &Trained) -> Vec<(&'static str, Rows)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/label_image.py");
    fs::copy(script, trained.workspace.path("label_image.py")).unwrap();
    let tensorflows = [
        ("RETRAIN_PEER_TF115", "label_image.py, TensorFlow 1.15"),
        ("RETRAIN_PEER_TF2", "label_image.py, TensorFlow 2"),
    ];
    let answer = |(python_of, consumer): (&str, &'static str)| {
        let path = python(python_of)?.parent().unwrap().to_owned();
        let tools = Tools { path, node_modules: PathBuf::new() };
        // The stand-in for the script takes several photographs.
        let rows = trained.label(&tools, "label_image", |c| c.replace("--image=", "--image "));
        Some((consumer, rows))
    };
    tensorflows.into_iter().filter_map(answer).collect()
}

#[test]
fn label_image_py_agrees_in_both_tensorflows() {
    for (trained, column) in [(trained(FLOATS), Column::Floats), (quantized(), Column::Quantized)] {
        let Some(trained) = trained else { return };
        trained.compare("label_image of this project", column, &trained.ours);
        for (consumer, rows) in label_image_py(&trained) {
            trained.compare(consumer, column, &rows);
        }
    }
}

/// Converts with `command`, labels with the model, whose name ends in `suffix`, and compares.
fn lite(trained: &Trained, command: &str, suffix: &str, consumer: &str, column: Column) {
    let Some(tools) = tools() else { return };
    trained.run(&tools, command, as_it_is);
    let named = |c: &str| c.replacen(".tflite", &format!("{suffix}.tflite"), 1);
    let rows = trained.label(&tools, "lite_run", named);
    trained.compare(consumer, column, &rows);
}

const WEIGHTS: &str = "TensorFlow Lite, weights of 8 bits";
const EVERYTHING: &str = "TensorFlow Lite, everything in 8 bits";

#[test]
fn tensorflow_lite_agrees_and_in_8_bits_nearly() {
    let Some(trained) = trained(FLOATS) else { return };
    lite(&trained, "lite", "", "TensorFlow Lite", Column::Floats);
    lite(&trained, "lite_dynamic", "_dynamic", WEIGHTS, Column::Logits);
    lite(&trained, "lite_int8", "_int8", EVERYTHING, Column::Logits);
}

#[test]
fn in_8_bits_pooled_features_are_nearer() {
    let Some(trained) = trained(&[FLOATS[0], "--features=pooled"]) else { return };
    lite(&trained, "lite_dynamic", "_dynamic", WEIGHTS, Column::Pooled);
    lite(&trained, "lite_int8", "_int8", EVERYTHING, Column::Pooled);
}

#[test]
fn a_network_trained_for_8_bits_goes_to_tensorflow_lite_and_tensorflow_js() {
    let Some(trained) = quantized() else { return };
    lite(&trained, "lite_quantops", "", "TensorFlow Lite", Column::Quantized);
    tfjs(&trained, Column::Quantized);
    for name in ["lite", "lite_dynamic", "lite_int8"] {
        assert!(!trained.commands.contains_key(name), "{name}");
    }
}

#[test]
fn what_reads_onnx_agrees() {
    for (trained, column) in [(trained(FLOATS), Column::Floats), (quantized(), Column::Quantized)] {
        let (Some(tools), Some(trained)) = (tools(), trained) else { return };
        trained.run(&tools, "onnx", as_it_is);
        let rows = trained.label(&tools, "onnx_run", as_it_is);
        trained.compare("ONNX Runtime", column, &rows);
        if let Some(rows) = tract(&tools, &trained) {
            trained.compare("tract", column, &rows);
        }
        let rows = trained.label(&tools, "opencv", as_it_is);
        trained.compare("OpenCV", column, &rows);
    }
}

#[test]
fn tensorflow_js_agrees() {
    let Some(trained) = trained(FLOATS) else { return };
    tfjs(&trained, Column::Floats);
}

fn tfjs(trained: &Trained, column: Column) {
    let Some(tools) = tools() else { return };
    trained.run(&tools, "tfjs", as_it_is);
    let rows = trained.label(&tools, "tfjs_run", as_it_is);
    trained.compare("TensorFlow.js", column, &rows);
}

/// What tract answers, in a project with tests/peers/tract's versions. It is compiled without
/// optimisation, in the directory that RETRAIN_PEER_TRACT names.
fn tract(tools: &Tools, trained: &Trained) -> Option<Rows> {
    let Some(target) = std::env::var_os("RETRAIN_PEER_TRACT") else {
        let is_required = std::env::var_os("RETRAIN_SHARED").is_some();
        assert!(!is_required, "with RETRAIN_SHARED, RETRAIN_PEER_TRACT must be set too");
        println!("skipped: RETRAIN_PEER_TRACT names no directory to compile tract in");
        return None;
    };
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tract");
    for file in ["Cargo.toml", "Cargo.lock"] {
        let text = fs::read_to_string(project.join(file)).unwrap();
        trained.workspace.write(&format!("classify/{file}"), text);
    }
    fs::create_dir(trained.workspace.path("classify/src")).unwrap();
    let compiler = format!(
        "export CARGO_TARGET_DIR={} CARGO_PROFILE_RELEASE_OPT_LEVEL=0\n",
        shell_word(&target.to_string_lossy())
    );
    Some(trained.label(tools, "tract", |command| format!("{compiler}{command}")))
}

#[test]
fn the_project_for_tract_has_the_versions_that_the_command_names() {
    let Some(trained) = trained(FLOATS) else { return };
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tract/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let command = trained.command("tract_new");
    for (added, line) in [
        ("tract-onnx@0.23\n", "tract-onnx = \"0.23\"\n"),
        (
            "image@0.25 --no-default-features --features jpeg,png",
            "image = { version = \"0.25\", default-features = false, features = [\"jpeg\", \"png\"] }\n",
        ),
    ] {
        assert!(command.contains(added) && manifest.contains(line), "{command}\n{manifest}");
    }
}

/// A program that writes down how it was called: the last of its arguments, and what it was sent.
const RECORDER: &str = "#!/bin/sh\nfor last; do :; done\necho \"$last\" > called\ncat > sent\n";

/// The request that a command sends, as its API and its body.
fn request(trained: &Trained, tools: &Tools, command: &str) -> Value {
    trained.run(tools, command, as_it_is);
    let read = |name: &str| fs::read_to_string(trained.workspace.path(name)).unwrap();
    let called = read("called");
    let api = called.trim().strip_prefix("http://localhost:8501/v1/models/retrained:").unwrap();
    json!({ "api": api, "body": serde_json::from_str::<Value>(&read("sent")).unwrap() })
}

/// What is answered to the requests to TensorFlow Serving that are named, by each TensorFlow in
/// each way in which it loads a SavedModel.
fn serving(trained: &Trained, tools: &Tools) -> Vec<(&'static str, Rows)> {
    use std::os::unix::fs::PermissionsExt;
    for program in ["curl", "tensorflow_model_server"] {
        let path = trained.workspace.write(program, RECORDER);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    trained.run(tools, "serving", as_it_is);
    let read = |name: &str| fs::read_to_string(trained.workspace.path(name)).unwrap();
    let base = read("called");
    let base = base.trim().strip_prefix("--model_base_path=").unwrap();
    let version = Path::new(base).join("1");
    let requests = ["serving_predict", "serving_classify"];
    let requests = requests.map(|command| request(trained, tools, command));
    let images: Vec<_> =
        trained.photographs.iter().map(|path| trained.workspace.path(path)).collect();
    let labels = read("labels.txt");
    let question = json!({ "saved_model": version, "requests": requests, "images": images });
    let mut found = Vec::new();
    for (python_of, consumer) in [
        ("RETRAIN_PEER_TF115", "TensorFlow Serving's requests, TensorFlow 1.15"),
        ("RETRAIN_PEER_TF2", "TensorFlow Serving's requests, TensorFlow 2"),
    ] {
        let Some(python) = python(python_of) else { continue };
        let answer = ask_peer(&python, "rest.py", &question);
        let assets = answer["assets"].as_object().unwrap();
        assert!(assets.len() == 1 && assets.values().all(|text| text == &labels), "{answer}");
        let ways = answer["answers"].as_object().unwrap().iter();
        found.extend(ways.map(|(way, answers)| (consumer, best_of_both(way, answers))));
    }
    found
}

/// The best label and score of each photograph, which both APIs give alike.
fn best_of_both(way: &str, answers: &Value) -> Rows {
    let [predicted, classified] = &answers.as_array().unwrap()[..] else { panic!() };
    let best = |label: &Value, score: &Value| {
        (label.as_str().unwrap().to_owned(), score.as_f64().unwrap())
    };
    let predicted = predicted["predictions"].as_array().unwrap().iter();
    let predicted: Rows = predicted.map(|p| best(&p["labels"][0], &p["scores"][0])).collect();
    let classified = classified["results"].as_array().unwrap().iter();
    let classified: Rows = classified.map(|p| best(&p[0][0], &p[0][1])).collect();
    assert_eq!(predicted, classified, "{way}");
    predicted
}

#[test]
fn requests_to_tensorflow_serving_are_answered_from_the_saved_model() {
    for (trained, column) in [(trained(FLOATS), Column::Floats), (quantized(), Column::Quantized)] {
        let (Some(tools), Some(trained)) = (tools(), trained) else { return };
        for (consumer, rows) in serving(&trained, &tools) {
            trained.compare(consumer, column, &rows);
        }
    }
}

/// The largest difference of a score for a Keras model, given the same pixels.
const KERAS_ALIKE: f64 = 1e-3;

#[test]
fn a_keras_model_goes_to_each_program() {
    let (Some(tools), Some(python)) = (tools(), python("RETRAIN_PEER_KERAS_NEW")) else { return };
    let workspace = Workspace::new();
    let request = json!({
        "dir": workspace.path("keras"), "network": "transfer", "ways": ["export"],
        "include_top": true,
    });
    ask_peer(&python, "keras_models.py", &request);
    let flags = ["--architecture=keras/export", "--optimizer=lbfgs", "--feature_scaling=standard"];
    let Some(trained) = trained_in(workspace, &flags) else { return };
    let of_class = |label: &str| trained.ours.iter().filter(|row| row.0 == label).count();
    assert!(of_class("open cluster") > 10 && of_class("globular cluster") > 10);

    let mut found = label_image_py(&trained);
    found.extend(serving(&trained, &tools));
    for command in ["lite", "onnx", "tfjs"] {
        trained.run(&tools, command, as_it_is);
    }
    for command in ["lite_run", "onnx_run", "opencv", "tfjs_run"] {
        found.push((command, trained.label(&tools, command, as_it_is)));
    }
    found.extend(tract(&tools, &trained).map(|rows| ("tract", rows)));
    for (consumer, rows) in found {
        let [_, on_pngs] = trained.differences(&rows);
        println!("{consumer}: {on_pngs:.1e}");
        assert!(on_pngs < KERAS_ALIKE, "{consumer}: {on_pngs}");
    }
}
