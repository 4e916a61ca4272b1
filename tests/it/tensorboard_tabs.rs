//! TensorBoard's tabs beyond those of the scripts: what its plugins read, and what it shows in a
//! browser. RETRAIN_PEER_TF2 names the Python that has TensorBoard.

use super::events::without_wall_times;
use super::support::{
    Workspace, ask_peer, chromium, files_under, in_dir, miniature_dir, python, screenshots, strings,
};
use retrain::{Config, Outcome, Pretrained, run};
use serde_json::{Map, Value, json};
use std::path::Path;

const PEER: &str = "RETRAIN_PEER_TF2";

/// The settings of a run named `name` below `logs` in `workspace`.
fn config(workspace: &Workspace, name: &str) -> Config {
    // Relative, because the split hashes the path as typed.
    let mut config = Config::new("photos", Pretrained::named("miniature").unwrap());
    config.model_dir = miniature_dir();
    config.cache.bottleneck_dir = workspace.path("bottlenecks");
    config.outputs.output_graph = workspace.path("graph.pb");
    config.outputs.output_labels = workspace.path("labels.txt");
    config.outputs.summaries_dir = workspace.path("logs").join(name);
    config.training.how_many_training_steps = 20;
    config.training.random_seed = Some(1);
    config
}

fn retrain(workspace: &Workspace, config: &Config) -> Outcome {
    in_dir(workspace.root(), || run(config, &mut ()).unwrap())
}

/// Two runs, `long` and `short`; the second learns too little to recognise all photographs.
fn two_runs(workspace: &Workspace) -> [(&'static str, Outcome); 2] {
    let long = retrain(workspace, &config(workspace, "long"));
    let mut config = config(workspace, "short");
    config.training.how_many_training_steps = 2;
    config.training.learning_rate = 0.0001;
    let short = retrain(workspace, &config);
    let wrong = short.photographs.iter().filter(|p| !p.is_right()).count();
    assert!(wrong > 0, "a sheet of misclassified photographs needs some");
    [("long", long), ("short", short)]
}

/// What TensorBoard's plugins read below `logs`.
fn plugins(python: &Path, workspace: &Workspace, scores: Value) -> Value {
    let logdir = workspace.path("logs");
    let request = json!({ "logdir": logdir, "scores": scores, "thresholds": 201 });
    ask_peer(python, "plugins.py", &request)
}

fn tags<'v>(values: &'v Value, plugin: &str) -> Vec<&'v str> {
    let tags = values.as_object().unwrap().iter();
    tags.filter(|(_, value)| value["plugin"] == plugin).map(|(tag, _)| &**tag).collect()
}

#[test]
fn plugins_read_what_a_run_found() {
    let Some(python) = python(PEER) else { return };
    let workspace = Workspace::with_photos(20);
    let runs = two_runs(&workspace);
    let scores = |outcome: &Outcome| -> Vec<Value> {
        outcome.tested().map(|p| json!([p.scores[0], p.truth == 0])).collect()
    };
    let scored: Map<String, Value> =
        runs.iter().map(|(name, outcome)| ((*name).into(), scores(outcome).into())).collect();
    let theirs = plugins(&python, &workspace, scored.into());
    for (name, outcome) in &runs {
        let values = &theirs["values"][name];
        let mut images = vec!["retrain/confusion_matrix"];
        if outcome.photographs.iter().any(|p| !p.is_right()) {
            images.push("retrain/misclassified");
        }
        assert_eq!(tags(values, "images"), images);
        assert_eq!(tags(values, "text"), ["retrain/classes", "retrain/result", "retrain/settings"]);
        let settings = values["retrain/settings"]["strings"][0].as_str().unwrap();
        let steps = outcome.settings["how_many_training_steps"].to_string();
        let row = format!("| how&#95;many&#95;training&#95;steps | {steps} |");
        assert!(settings.contains(&row), "{settings}");
        let classes = values["retrain/classes"]["strings"][0].as_str().unwrap();
        assert!(classes.contains("| open cluster | "), "{classes}");
        // The curve of class 0, as TensorBoard's own summary has it.
        let curves = theirs["pr_curves"][name].as_object().unwrap();
        assert_eq!(curves.len(), 2);
        let tag = "retrain/globular cluster/pr_curves";
        assert_eq!(curves[tag], theirs["expected"][name]);
        assert_eq!(values[tag]["display_name"], "globular cluster");
    }
}

#[test]
fn runs_under_one_logdir_compare_by_hyperparameters() {
    let Some(python) = python(PEER) else { return };
    let workspace = Workspace::with_photos(20);
    let runs = two_runs(&workspace);
    let theirs = &plugins(&python, &workspace, json!({}))["hparams"];
    // TensorBoard shows the first five of each: what differs, and the accuracies.
    assert_eq!(strings(&theirs["hparams"])[..2], ["how_many_training_steps", "learning_rate"]);
    assert_eq!(strings(&theirs["metrics"])[..2], ["/accuracy/test", "/accuracy/validation"]);
    let sessions = theirs["sessions"].as_array().unwrap();
    let names: Vec<_> = sessions.iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["long", "short"]);
    for ((_, outcome), session) in runs.iter().zip(sessions) {
        let (hparams, metrics) = (&session["hparams"], &session["metrics"]);
        assert_eq!(hparams["how_many_training_steps"], outcome.steps as f64);
        assert_eq!(hparams["model"], outcome.model.name.as_str());
        assert_eq!(
            (&hparams["random_seed"], &hparams["flip_left_right"]),
            (&json!(1.0), &json!(false))
        );
        let near = |metric: &str, accuracy: f64| {
            let shown = metrics[metric].as_f64().unwrap();
            assert!((shown - accuracy).abs() < 1e-6, "{metric}: {shown}, not {accuracy}");
        };
        near("/accuracy/test", outcome.test_accuracy.unwrap().into());
        near("/accuracy/validation", outcome.validation_accuracy().unwrap());
        assert!(metrics["validation/accuracy_1"].is_f64(), "the script's own are there too");
    }
    assert_eq!(sessions[0]["hparams"]["learning_rate"], 0.01);
    let keys = |i: usize| sessions[i]["hparams"].as_object().unwrap().keys();
    assert!(keys(0).eq(keys(1)), "runs with other keys may be hidden");
}

#[test]
fn the_projector_finds_vectors_metadata_and_pictures() {
    let Some(python) = python(PEER) else { return };
    let workspace = Workspace::with_photos(20);
    let outcome = retrain(&workspace, &config(&workspace, "long"));
    let projector = &plugins(&python, &workspace, json!({}))["projector"]["long"];
    let count = outcome.photographs.len();
    assert_eq!(count, 40);
    assert_eq!(projector["shape"], json!([count, outcome.model.bottleneck_size]));
    let metadata = projector["metadata"].as_array().unwrap();
    assert_eq!(strings(&metadata[0]), ["label", "prediction", "result", "score", "set", "file"]);
    assert_eq!(metadata.len(), count + 1);
    let sprite = image::open(projector["sprite"].as_str().unwrap()).unwrap().to_rgb8();
    assert_eq!(projector["side"], json!([64, 64]));
    assert_eq!(sprite.dimensions(), (7 * 64, 7 * 64), "a square grid of 40 pictures");
    for (i, photograph) in outcome.photographs.iter().enumerate() {
        let row = strings(&metadata[i + 1]);
        let label = &*outcome.labels[photograph.truth];
        let predicted = &*outcome.labels[photograph.predicted];
        let result = if photograph.is_right() { "right" } else { "wrong" };
        assert_eq!(
            [row[0], row[1], row[2], row[4]],
            [label, predicted, result, photograph.set.name()]
        );
        let path = photograph.path().to_str().unwrap();
        assert_eq!(row[5], path);
        // The script's own text file has the same bottleneck.
        let name = format!("{path}_miniature.txt").replacen("photos", "bottlenecks", 1);
        let text = std::fs::read_to_string(workspace.path(&name)).unwrap();
        let bottleneck = text.split(',').map(|number| number.parse::<f32>().unwrap());
        let vector = projector["vectors"][i].as_array().unwrap();
        assert!(bottleneck.eq(vector.iter().map(|v| v.as_f64().unwrap() as f32)), "{path}");
        // Of all tiles, that of the photograph is most like it.
        let small = image::open(workspace.path(path)).unwrap().thumbnail_exact(64, 64).to_rgb8();
        let difference = |tile: &u32| {
            let (left, top) = (tile % 7 * 64, tile / 7 * 64);
            let tile = image::imageops::crop_imm(&sprite, left, top, 64, 64).to_image();
            tile.iter().zip(small.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        };
        assert_eq!((0..count as u32).min_by_key(difference), Some(i as u32), "{path}");
    }
}

#[test]
fn the_scripts_events_stay_what_they_are() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    workspace.retrain(&["--summaries_dir=bare", "--noreport"]).expect_code(0);
    for set in ["train", "validation"] {
        let with = without_wall_times(&workspace.path("summaries").join(set));
        assert_eq!(with, without_wall_times(&workspace.path("bare").join(set)), "{set}");
    }
    let bare = files_under(&workspace.path("bare"));
    let others = bare.iter().filter(|f| !f.starts_with("train/") && !f.starts_with("validation/"));
    assert_eq!(others.collect::<Vec<_>>(), ["retrain.log", "retrain.state"]);
}

#[test]
fn a_run_that_goes_on_replaces_its_tabs_and_a_new_one_removes_them() {
    let Some(python) = python(PEER) else { return };
    let workspace = Workspace::with_photos(20);
    let ours = |dir: &str| {
        let files = files_under(&workspace.path(dir));
        files.into_iter().filter(|file| file.ends_with(".retrain")).count()
    };
    let steps = |theirs: &Value, session: usize| {
        theirs["hparams"]["sessions"][session]["hparams"]["how_many_training_steps"].clone()
    };
    let kept = ["--summaries_dir=logs", "--summaries_keep"];
    workspace.retrain(&kept).expect_code(0);
    workspace.retrain(&kept).expect_code(0);
    let longer = ["--resume", "--how_many_training_steps=30"];
    workspace.retrain(&[&kept[..], &longer].concat()).expect_code(0).says("Resuming after 20");
    assert_eq!((ours("logs/run_0001"), ours("logs/run_0002")), (1, 1));
    let theirs = plugins(&python, &workspace, json!({}));
    assert_eq!((steps(&theirs, 0), steps(&theirs, 1)), (json!(20.0), json!(30.0)));
    // Files of a run that had a report do not keep the next from emptying the directory.
    workspace.retrain(&["--summaries_dir=logs/run_0001", "--noreport"]).expect_code(0);
    assert_eq!(ours("logs/run_0001"), 0);
    assert!(!workspace.path("logs/run_0001/projector_config.pbtxt").exists());
}

/// The share of the pixels in the middle of a picture that are nearly black, as the sky is.
fn dark(picture: &Path) -> f64 {
    let picture = image::open(picture).unwrap().to_rgb8();
    let (width, height) = picture.dimensions();
    let (left, top) = (width / 3, height / 4);
    let middle = image::imageops::crop_imm(&picture, left, top, left, 2 * top).to_image();
    let dark = middle.pixels().filter(|pixel| pixel.0.iter().all(|&part| part < 60)).count();
    dark as f64 / f64::from(middle.width() * middle.height())
}

/// What each tab must show of two runs on 40 photographs.
fn wanted(features: usize, pictures: usize) -> Value {
    json!({
        "scalars": {
            "texts": ["accuracy_1", "accuracy/test", "long/train", "short/validation"],
            "lines": 4,
        },
        "images": {
            "texts": ["retrain/confusion_matrix", "retrain/misclassified"],
            "pictures": pictures,
        },
        "text": {
            "texts": ["how_many_training_steps", "open cluster", "Test accuracy (95% interval)"],
        },
        "pr_curves": {
            "texts": ["globular cluster", "open cluster", "retrain/open cluster/pr_curves"],
            "lines": 2,
        },
        "projector": {
            "texts": ["2 runs found", "Points:", "40", "Dimension:", features.to_string()],
            "starts": ["Total variance described: "],
        },
        "hparams": {
            "texts": ["long", "short", "how_many_training_steps", "20.000", "2.0000",
                "learning_rate", "0.010000", "accuracy/test", "miniature"],
        },
    })
}

#[test]
fn each_tab_shows_the_data_in_a_browser() {
    let (Some(python), Some(chromium)) = (python(PEER), chromium()) else { return };
    let workspace = Workspace::with_photos(20);
    let runs = two_runs(&workspace);
    let screenshots = screenshots(&workspace);
    let has_mistakes =
        |(_, outcome): &&(_, Outcome)| outcome.photographs.iter().any(|p| !p.is_right());
    let pictures = runs.len() + runs.iter().filter(has_mistakes).count();
    let tabs = wanted(runs[0].1.model.bottleneck_size, pictures);
    let logdir = workspace.path("logs");
    let request = json!({
        "logdir": logdir, "chromium": chromium, "screenshots": screenshots, "tabs": tabs,
    });
    let answer = ask_peer(&python, "tabs.py", &request);
    // The projector draws on a canvas, of which the document tells nothing.
    let share = dark(Path::new(answer["projector"]["screenshot"].as_str().unwrap()));
    println!(
        "screenshots in {}; {:.1}% of the projector is dark",
        screenshots.display(),
        100.0 * share
    );
    assert!(share > 0.002, "the projector shows no photographs");
    for picture in answer["images"]["pictures"].as_array().unwrap() {
        assert!(picture[0].as_u64().unwrap() <= 350, "shown without shrinking: {picture}");
    }
}
