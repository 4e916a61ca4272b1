//! The library as another program uses it: a run, its observer, its outcome, and labelling.

use super::support::{Workspace, files_under, miniature_dir};
use retrain::bottleneck::Progress;
use retrain::dataset;
use retrain::label_image::{LabelConfig, Labeller, Source};
use retrain::retrain::{Directory, Evaluation, Observer, Step};
use retrain::{CancelToken, Config, Error, Pretrained, run};
use std::fs;
use std::path::{Path, PathBuf};

/// A run on the photographs in `workspace`, with all outputs there.
fn config(workspace: &Workspace) -> Config {
    let pretrained = Pretrained::named("miniature").unwrap();
    let mut config = Config::new(workspace.path("photos"), pretrained);
    config.model_dir = miniature_dir();
    config.cache.bottleneck_dir = workspace.path("bottlenecks");
    config.outputs.output_graph = workspace.path("graph.pb");
    config.outputs.output_labels = workspace.path("labels.txt");
    config.outputs.summaries_dir = workspace.path("summaries");
    config.training.how_many_training_steps = 25;
    config.training.random_seed = Some(1);
    config
}

/// Records every call, and can cancel after a step.
#[derive(Default)]
struct Notes {
    started: Vec<PathBuf>,
    bottlenecks: Vec<Progress>,
    steps: Vec<Step>,
    evaluations: Vec<Evaluation>,
    cancels: Option<(u64, CancelToken)>,
}

impl Observer for Notes {
    fn started(&mut self, summaries_dir: &Path) -> retrain::Result<()> {
        self.started.push(summaries_dir.into());
        Ok(())
    }

    fn bottlenecks(&mut self, progress: Progress) {
        self.bottlenecks.push(progress);
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
        if let Some((_, token)) = self.cancels.as_ref().filter(|(at, _)| *at == step.done) {
            token.cancel();
        }
    }

    fn evaluated(&mut self, evaluation: Evaluation) {
        self.evaluations.push(evaluation);
    }
}

#[test]
fn an_outcome_says_what_the_files_say() {
    let workspace = Workspace::with_photos(40);
    let config = config(&workspace);
    let mut notes = Notes::default();
    let outcome = run(&config, &mut notes).unwrap();
    assert_eq!(outcome.labels, ["globular cluster", "open cluster"]);
    let labels = fs::read_to_string(workspace.path("labels.txt")).unwrap();
    assert_eq!(labels, "globular cluster\nopen cluster\n");
    assert_eq!((outcome.random_seed, outcome.steps), (1, 25));
    assert_eq!(outcome.written.summaries_dir, workspace.path("summaries"));
    // Every test photograph appears once, with its own class.
    let mut tested: Vec<PathBuf> = Vec::new();
    for (class, label) in outcome.split.labels.iter().enumerate() {
        let images = label.images(retrain::dataset::Category::Testing);
        let of_class = outcome.predictions.iter().filter(|p| p.truth == class);
        let photographs: Vec<_> = images.iter().map(|image| image.photograph.clone()).collect();
        assert_eq!(of_class.map(|p| p.photograph.clone()).collect::<Vec<_>>(), photographs);
        tested.extend(photographs.iter().map(|image| image.path().to_owned()));
    }
    assert_eq!(outcome.predictions.len(), tested.len());
    let right = outcome.predictions.iter().filter(|p| p.truth == p.predicted).count();
    let accuracy = right as f32 / tested.len() as f32;
    assert!((outcome.test_accuracy.unwrap() - accuracy).abs() < 1e-6);
    // The written graph gives the same scores.
    let labeller = Labeller::open(&LabelConfig::new(workspace.path("graph.pb"))).unwrap();
    let sources = tested.iter().cloned().map(Source::Path).collect();
    let rows: Vec<_> = labeller.rows(sources).map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| row.path.clone()).collect::<Vec<_>>(), tested);
    for (row, prediction) in rows.iter().zip(&outcome.predictions) {
        let (label, score) = &row.top.as_ref().unwrap()[0];
        assert_eq!(label, &outcome.labels[prediction.predicted]);
        assert!((score - prediction.scores[prediction.predicted]).abs() < 1e-4);
    }
    assert_eq!(notes.started, [workspace.path("summaries")]);
    let done: Vec<usize> = notes.bottlenecks.iter().map(|p| p.done).collect();
    assert_eq!(done, (1..=80).collect::<Vec<_>>());
    assert!(notes.bottlenecks.iter().all(|p| p.computed == p.done && p.total == 80));
    assert_eq!(notes.steps.len(), 25);
    assert!(notes.steps.iter().zip(1..).all(|(step, n)| (step.done, step.total) == (n, 25)));
    let evaluated: Vec<u64> = notes.evaluations.iter().map(|e| e.step).collect();
    assert_eq!(evaluated, [0, 10, 20, 24]);
    // A second run finds its bottlenecks and gives the same result.
    let mut again = Notes::default();
    assert_eq!(run(&config, &mut again).unwrap().predictions, outcome.predictions);
    assert!(again.bottlenecks.iter().all(|p| p.computed == 0));
}

#[test]
fn a_cancelled_run_keeps_its_state_and_goes_on() {
    let workspace = Workspace::with_photos(20);
    let mut config = config(&workspace);
    let mut notes = Notes { cancels: Some((7, config.cancel.clone())), ..Notes::default() };
    let error = run(&config, &mut notes).unwrap_err();
    let Error::Cancelled { kept } = error else { panic!("{error}") };
    assert!(kept.starts_with("7 of 25 steps are done and kept in "), "{kept}");
    assert!(!workspace.path("graph.pb").exists());
    config.cancel = CancelToken::new();
    config.training.resume = true;
    let resumed = run(&config, &mut ()).unwrap();
    config.training.resume = false;
    assert_eq!(run(&config, &mut ()).unwrap().predictions, resumed.predictions);
}

#[test]
fn rows_end_when_they_are_dropped_and_labels_must_fit() {
    let workspace = Workspace::with_photos(20);
    let config = config(&workspace);
    run(&config, &mut ()).unwrap();
    let mut labelling = LabelConfig::new(workspace.path("graph.pb"));
    let labeller = Labeller::open(&labelling).unwrap();
    // The first rows arrive long before the last; the rest need not be awaited.
    let mut rows = labeller.rows(vec![Source::Path(workspace.path("photos")); 500]);
    assert!(rows.next().unwrap().unwrap().top.is_ok());
    drop(rows);
    labelling.labels = Some(workspace.write("labels.txt", "only one\n"));
    let error = Labeller::open(&labelling).unwrap_err().to_string();
    assert!(error.contains("holds labels for 1 of the 2 classes of "), "{error}");
}

#[test]
fn everything_cheap_is_checked_before_a_model_is_brought() {
    // There is no archive and no network: any attempt to fetch the model fails with a message about
    // it.
    let workspace = Workspace::new();
    workspace.write("one/a/0.jpg", "");
    let mut config = config(&workspace);
    config.pretrained = Pretrained::named("mobilenet_0.25_224").unwrap();
    config.model_dir = workspace.path("models");
    let mut refused = |image_dir: &str, message: &str| {
        config.photographs = dataset::Source::Directory(Directory::new(workspace.path(image_dir)));
        let error = run(&config, &mut ()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    refused("missing", "Image directory not found");
    refused("one", "Only one valid folder of images found at");
    workspace.write("one/b/0.jpg", "");
    config.photographs = dataset::Source::Directory(Directory::new(workspace.path("one")));
    config.split.testing_percentage = 100;
    config.split.validation_percentage = 0;
    let error = run(&config, &mut ()).unwrap_err().to_string();
    assert!(error.starts_with("`testing_percentage`: leaves no image to train on"), "{error}");
    assert!(!workspace.path("models").exists() && !workspace.path("summaries").exists());
    assert!(files_under(workspace.root()).iter().all(|file| file.starts_with("one/")));
}

#[test]
fn settings_are_named_without_dashes() {
    let workspace = Workspace::new();
    let mut config = config(&workspace);
    config.training.learning_rate = f32::NAN;
    let error = config.check().unwrap_err();
    assert_eq!(error.to_string(), "`learning_rate`: must be a finite number from 0 on, not NaN");
}
