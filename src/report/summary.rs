//! The run's result as one JSON object: what `--json` prints.

use super::{CrossValidation, Outcome, commands};
use crate::dataset::Category;
use crate::metrics::Interval;
use serde_json::{Value, json};

/// The run's result as one JSON object.
#[must_use]
pub fn summary(outcome: &Outcome) -> Value {
    let confusion = outcome.confusion();
    let interval = |i: Option<Interval>| i.map(|Interval { low, high }| [low, high]);
    let class = |(class, label): (usize, &String)| {
        let score = confusion.class(class);
        json!({
            "label": label,
            "photographs": Category::ALL.map(|set| outcome.split.labels[class].images(set).len())
                .iter().sum::<usize>(),
            "test_photographs": score.support,
            "test_right": score.right,
            "precision": score.precision,
            "recall": score.recall,
            "recall_interval": interval(score.recall_interval),
            "f1": score.f1,
        })
    };
    let confused = confusion.mistakes().into_iter().map(|(truth, predicted, count)| {
        json!({
            "truth": outcome.labels[truth],
            "prediction": outcome.labels[predicted],
            "count": count,
        })
    });
    let copies = outcome.copies.iter().map(|&(a, b)| {
        [a, b].map(|i| outcome.photographs[i].path().to_string_lossy().into_owned())
    });
    let sizes = Category::ALL.map(|set| (set.name().to_owned(), json!(outcome.split.count(set))));
    let written = &outcome.written;
    let cross_validation = outcome.cross_validation.as_ref().map(cross_validation);
    let page = written.report_dir.as_ref().map(|dir| dir.join("index.html"));
    json!({
        "test_accuracy": outcome.test_accuracy,
        "test_interval": interval(outcome.test_interval()),
        "test_photographs": outcome.tested.len(),
        "validation_accuracy": outcome.validation_accuracy(),
        "classes": outcome.labels.iter().enumerate().map(class).collect::<Vec<_>>(),
        "confused": confused.collect::<Vec<_>>(),
        "copies_across_sets": copies.collect::<Vec<_>>(),
        "photographs": Value::Object(sizes.into_iter().collect()),
        "model": outcome.model.name,
        "random_seed": outcome.random_seed,
        "steps": outcome.steps,
        "temperature": outcome.temperature(),
        "seconds": {
            "bottlenecks": outcome.times.bottlenecks.as_secs_f64(),
            "training": outcome.times.training.as_secs_f64(),
            "report": outcome.times.report.as_secs_f64(),
            "total": outcome.times.total.as_secs_f64(),
        },
        "output_graph": written.output_graph.to_string_lossy(),
        "output_labels": written.output_labels.to_string_lossy(),
        "metadata": written.metadata.to_string_lossy(),
        "report": page.map(|page| page.to_string_lossy().into_owned()),
        "cross_validation": cross_validation,
        "commands": commands::json(outcome),
        "summaries": written.summaries_dir.to_string_lossy(),
    })
}

/// A cross-validation as JSON.
pub(super) fn cross_validation(cv: &CrossValidation) -> Value {
    let recall = |class: usize| cv.confusion.class(class).recall;
    json!({
        "folds": cv.folds,
        "repeats": cv.repeats,
        "accuracy_mean": cv.accuracy_mean,
        "accuracy_sd": cv.accuracy_sd,
        "ece": cv.ece,
        "recall": (0..cv.confusion.counts.len()).map(recall).collect::<Vec<_>>(),
        "confusion": cv.confusion.counts,
        "seconds": cv.seconds,
    })
}
