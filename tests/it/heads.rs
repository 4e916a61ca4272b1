//! The ways a new layer learns besides the scripts': each against a peer, or against the same
//! training without a graph.

use super::support::{Workspace, ask_peer, python};
use retrain::bottleneck::parse_bottleneck;
use retrain::dataset::Category;
use retrain::label_image::{LabelConfig, Labeller};
use retrain::learn::{Batch, ClassWeights, Examples, Features, Optimizer, Recipe, WeightDecay};
use retrain::retrain::{Config, CrossValidate, HeadSettings, Observer, Step};
use retrain::{CancelToken, Error, Outcome, run};
use serde_json::{Value, json};
use std::fs;

/// A run on the workspace's photographs.
fn config(workspace: &Workspace) -> Config {
    let network = retrain::Pretrained::named("miniature").unwrap();
    let mut config = Config::new(workspace.path("photos"), network);
    config.model_dir = workspace.path("models");
    config.cache.bottleneck_dir = workspace.path("bottlenecks");
    config.training.how_many_training_steps = 60;
    config.training.random_seed = Some(1);
    config.outputs.output_graph = workspace.path("graph.pb");
    config.outputs.output_labels = workspace.path("labels.txt");
    config.outputs.summaries_dir = workspace.path("summaries");
    config
}

/// The bottlenecks of a set, in the order of the outcome's photographs.
fn features(workspace: &Workspace, outcome: &Outcome, set: Category) -> Vec<Vec<f32>> {
    let read = |path: &std::path::Path| {
        let name = path.strip_prefix(workspace.path("photos")).unwrap();
        let text = format!("bottlenecks/{}_miniature.txt", name.display());
        let text = fs::read_to_string(workspace.path(&text)).unwrap();
        parse_bottleneck(&text, 1001).unwrap()
    };
    outcome.of_set(set).map(|p| read(p.path())).collect()
}

#[test]
fn lbfgs_gives_the_probabilities_of_scikit_learn() {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    let workspace = Workspace::with_photos(40);
    let mut config = config(&workspace);
    config.head.optimizer = Optimizer::Lbfgs;
    config.head.weight_decay = WeightDecay::Value(0.02);
    let outcome = run(&config, &mut ()).unwrap();
    assert_eq!(outcome.steps, 1);
    let rows = features(&workspace, &outcome, Category::Training);
    let trained: Vec<_> = outcome.of_set(Category::Training).collect();
    let truth: Vec<usize> = trained.iter().map(|p| p.truth).collect();
    let c = 1.0 / (0.02 * truth.len() as f64);
    let request = json!({ "features": rows, "truth": truth, "weights": [], "c": c });
    let answer: Value = ask_peer(&python, "logistic.py", &request);
    for (ours, theirs) in trained.iter().zip(answer.as_array().unwrap()) {
        for (ours, theirs) in ours.scores.iter().zip(theirs.as_array().unwrap()) {
            assert!((f64::from(*ours) - theirs.as_f64().unwrap()).abs() < 1e-3, "{ours} {theirs}");
        }
    }
}

/// The session's training and the training without a graph reach the same layer. Their weights
/// begin differently (normal with deviation 0.001, and zero), so the scores differ by hundredths.
#[test]
fn the_graph_learns_what_the_recipe_learns() {
    let workspace = Workspace::with_photos(40);
    // Classes of different size, so that class weights matter.
    for i in 10..40 {
        fs::remove_file(workspace.path(&format!("photos/open cluster/o{i:05}.jpg"))).unwrap();
    }
    let weights = ClassWeights::Balanced;
    for (optimizer, scaled, rate) in [
        (Optimizer::Sgd, false, 0.01),
        (Optimizer::Sgd, true, 0.01),
        (Optimizer::Adam, true, 0.001),
    ] {
        let mut config = config(&workspace);
        config.training.train_batch_size = None;
        config.training.learning_rate = rate;
        config.head = HeadSettings {
            optimizer,
            weight_decay: WeightDecay::Value(0.1),
            feature_scaling: scaled,
            class_weights: weights.clone(),
            label_smoothing: 0.1,
            early_stopping: None,
        };
        let outcome = run(&config, &mut ()).unwrap();
        let rows = features(&workspace, &outcome, Category::Training);
        let features = Features::new(1001, rows.iter().map(Vec::as_slice));
        let truth: Vec<usize> = outcome.of_set(Category::Training).map(|p| p.truth).collect();
        let recipe = Recipe {
            optimizer,
            weight_decay: WeightDecay::Value(0.1),
            scaled,
            class_weights: &weights,
            label_smoothing: f64::from(0.1_f32),
            steps: 60,
            learning_rate: f64::from(rate),
            batch: Batch::All,
            labels: &outcome.labels,
            seed: 1,
        };
        let expected = recipe.train(Examples::new(&features, &truth)).predict(&features);
        for (ours, theirs) in outcome.of_set(Category::Training).zip(expected) {
            for (ours, theirs) in ours.scores.iter().zip(theirs) {
                assert!((ours - theirs).abs() < 0.04, "{optimizer:?} {scaled}: {ours} {theirs}");
            }
        }
        // What is written takes features as they are.
        let labelling = LabelConfig::new(workspace.path("graph.pb"));
        let labeller = Labeller::open(&labelling).unwrap();
        for prediction in &outcome.predictions {
            let labelled = labeller.label(prediction.path()).unwrap();
            let score = prediction.scores[prediction.predicted];
            assert!((labelled.top[0].1 - score).abs() < 1e-4);
        }
    }
}

/// Cancels after a step.
struct CancelAfter(u64, CancelToken);

impl Observer for CancelAfter {
    fn step(&mut self, step: Step) {
        if step.done == self.0 {
            self.1.cancel();
        }
    }
}

#[test]
fn adam_and_early_stopping_are_resumed_alike() {
    let workspace = Workspace::with_photos(40);
    let mut config = config(&workspace);
    config.head.optimizer = Optimizer::Adam;
    config.head.early_stopping = Some(3);
    config.training.how_many_training_steps = 400;
    config.training.learning_rate = 0.02;
    let whole = run(&config, &mut ()).unwrap();
    assert!(whole.steps < 400, "it stops early");
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    let mut interrupted = config.clone();
    interrupted.cancel = CancelToken::new();
    let at = whole.steps / 2;
    let cancelled = run(&interrupted, &mut CancelAfter(at, interrupted.cancel.clone()));
    assert!(matches!(cancelled, Err(Error::Cancelled { .. })));
    let mut resumed = config.clone();
    resumed.training.resume = true;
    let outcome = run(&resumed, &mut ()).unwrap();
    assert_eq!(outcome.steps, whole.steps);
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
    // The best layer is kept: none of the evaluated ones has a smaller loss on the validation set.
    let loss: f64 = outcome.of_set(Category::Validation).map(|p| p.cross_entropy()).sum();
    config.head.early_stopping = None;
    config.training.how_many_training_steps = whole.steps;
    let last = run(&config, &mut ()).unwrap();
    let last: f64 = last.of_set(Category::Validation).map(|p| p.cross_entropy()).sum();
    assert!(loss <= last, "{loss} {last}");
}

#[test]
fn cross_validation_trains_as_the_run_does_and_keeps_groups_apart() {
    let workspace = Workspace::with_photos(40);
    // Each photograph of one class three times over: copies in one group help nobody.
    for i in 0..10 {
        let photo = fs::read(workspace.path(&format!("photos/open cluster/o{i:05}.jpg"))).unwrap();
        for copy in ["a", "b"] {
            let name = format!("photos/open cluster/o{i:05}.jpg_nohash_{copy}.jpg");
            fs::write(workspace.path(&name), &photo).unwrap();
        }
    }
    let mut config = config(&workspace);
    config.cross_validate = Some(CrossValidate { folds: 4, repeats: 2 });
    let outcome = run(&config, &mut ()).unwrap();
    let cv = outcome.cross_validation.as_ref().unwrap();
    assert_eq!(cv.confusion.total(), 2 * outcome.photographs.len());
    let accuracy = cv.confusion.accuracy().unwrap();
    // Folds differ in size, so the mean of their accuracies is not quite that of all photographs.
    let difference = (accuracy - cv.accuracy_mean).abs();
    assert!(
        difference <= cv.accuracy_sd + 1e-9,
        "{accuracy} {} ± {}",
        cv.accuracy_mean,
        cv.accuracy_sd
    );
    assert!(accuracy > 0.5, "{accuracy}");
    assert_eq!(cv.scores.len(), outcome.photographs.len());
    let summary = retrain::report::summary(&outcome);
    assert_eq!(summary["cross_validation"]["accuracy_mean"], cv.accuracy_mean);
    let metadata = retrain::export::Metadata::load(&workspace.path("graph.pb")).unwrap().unwrap();
    assert_eq!(metadata.accuracy.other["cross_validation"], summary["cross_validation"]);
}

#[test]
fn what_cannot_be_is_refused_before_any_work() {
    let workspace = Workspace::with_photos(1);
    for (args, message) in [
        (&["--optimizer=lbfgs", "--flip_left_right"][..], "--optimizer=lbfgs: cannot be combined"),
        (&["--cross_validate=5", "--random_scale=5"], "--cross_validate: cannot be combined"),
        (&["--cross_validate=1"], "--cross_validate: must be at least 2 folds, not 1"),
        (&["--label_smoothing=1"], "--label_smoothing: must be at least 0 and below 1, not 1"),
        (&["--weight_decay=-1"], "--weight_decay: must be a finite number from 0 on, or auto"),
        (&["--weight_decay=much"], "--weight_decay: must be a number from 0 on, or auto"),
        (&["--optimizer=lbfgs", "--early_stopping=2"], "--early_stopping: has nothing to stop"),
        (
            &["--batch_order=epochs", "--optimizer=lbfgs"],
            "--batch_order=epochs: cannot be combined with --optimizer=lbfgs",
        ),
        (
            &["--batch_order=epochs", "--train_batch_size=-1"],
            "--batch_order=epochs: cannot be combined with --train_batch_size=-1",
        ),
        (
            &["--batch_order=epochs", "--cross_validate=5"],
            "--batch_order=epochs: cannot be combined with --cross_validate",
        ),
        (
            &["--batch_order=epochs", "--flip_left_right"],
            "--batch_order=epochs: cannot be combined with distortions",
        ),
        (&["--class_weights=none.json"], "--class_weights: must be none, balanced or a JSON file"),
    ] {
        workspace.retrain(args).expect_code(2).says(message);
    }
    workspace.write("weights.json", r#"{"open cluster": 0}"#);
    let args = ["--class_weights=weights.json"];
    workspace.retrain(&args).expect_code(1).says("weights.json: gives 'open cluster' the weight 0");
    workspace.write("weights.json", r#"{"closed cluster": 1}"#);
    let message = "--class_weights: names 'closed cluster', which is no label";
    Workspace::retrain(&workspace, &args).expect_code(2).says(message);
}

#[test]
fn a_preset_is_printed_as_its_flags_and_each_of_them_can_be_given() {
    let workspace = Workspace::with_photos(20);
    let args = ["--preset=frozen", "--symmetry=none", "--json"];
    let outcome = workspace.retrain(&args).expect_code(0).says(
        "INFO:retrain:--preset=frozen stands for --architecture=efficientnet_lite1 \
         --symmetry=dihedral --optimizer=lbfgs --weight_decay=auto\n",
    );
    // The workspace's runs name the built-in network, and these a symmetry.
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["model"], "miniature");
    let metadata = retrain::export::Metadata::load(&workspace.path("graph.pb")).unwrap().unwrap();
    for (name, value) in [("symmetry", "none"), ("optimizer", "lbfgs"), ("weight_decay", "auto")] {
        assert_eq!(metadata.settings[name], value, "{name}");
    }
    workspace
        .retrain(&["--preset=frosen"])
        .expect_code(2)
        .says("--preset: invalid choice: 'frosen'");
}
