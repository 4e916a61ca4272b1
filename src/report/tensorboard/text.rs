//! The result, the classes and the settings as texts.

use super::super::metadata::PROGRAM;
use super::super::{Material, Outcome};
use super::{projector, tags};
use crate::dataset::Category;
use crate::metrics::Interval;
use crate::proto::summary::Value;

/// The texts.
pub(super) fn values(material: &Material<'_>) -> [Value; 3] {
    let outcome = material.outcome;
    [
        tags::text("retrain/result", result(material)),
        tags::text("retrain/classes", classes(outcome)),
        tags::text("retrain/settings", settings(outcome)),
    ]
}

/// Text in Markdown that is shown as it is.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => escaped.push(' '),
            _ if "\\`*_{}[]<>#&|~!".contains(letter) => {
                escaped += &format!("&#{};", u32::from(letter));
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A table in Markdown.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let ruler = vec!["---".to_owned(); head.len()];
    rows.fold(line(&head) + &line(&ruler), |text, row| text + &line(&row))
}

fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1}%", 100.0 * share))
}

fn with_interval(share: Option<f64>, interval: Option<Interval>) -> String {
    let bounds = interval.map(|i| format!(" ({:.0}–{:.0}%)", 100.0 * i.low, 100.0 * i.high));
    percent(share) + &bounds.unwrap_or_default()
}

fn result(material: &Material<'_>) -> String {
    let outcome = material.outcome;
    let count = |set: Category| outcome.split.count(set).to_string();
    let facts = [
        ("Model", escaped(&outcome.model.name)),
        (
            "Test accuracy (95% interval)",
            with_interval(outcome.confusion().accuracy(), outcome.test_interval()),
        ),
        ("Different test photographs", outcome.tested.len().to_string()),
        ("Validation accuracy", percent(outcome.validation_accuracy())),
        ("Training photographs", count(Category::Training)),
        ("Validation photographs", count(Category::Validation)),
        ("Test photographs", count(Category::Testing)),
        ("Steps", outcome.steps.to_string()),
        ("Projector", projector::described(material)),
    ];
    table(&["Result", ""], facts.into_iter().map(|(name, value)| vec![name.into(), value]))
}

fn classes(outcome: &Outcome) -> String {
    let confusion = outcome.confusion();
    let head = ["Class", "Training", "Validation", "Test", "Tested", "Precision", "Recall", "F1"];
    let rows = outcome.labels.iter().zip(&outcome.split.labels).enumerate();
    let rows = rows.map(|(class, (label, lists))| {
        let score = confusion.class(class);
        let count = |set| lists.images(set).len().to_string();
        vec![
            escaped(label),
            count(Category::Training),
            count(Category::Validation),
            count(Category::Testing),
            score.support.to_string(),
            with_interval(score.precision, score.precision_interval),
            with_interval(score.recall, score.recall_interval),
            score.f1.map_or("–".into(), |f1| format!("{f1:.3}")),
        ]
    });
    let notes = "Tested: without exact copies. In parentheses: the 95% interval.";
    table(&head, rows) + "\n" + notes
}

fn settings(outcome: &Outcome) -> String {
    let row = |name: &str, value: &str| vec![escaped(name), escaped(value)];
    let settings = outcome.settings.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => row(name, text),
        other => row(name, &other.to_string()),
    });
    let facts = [
        row("random_seed", &outcome.random_seed.to_string()),
        row("program", PROGRAM),
        row("TensorFlow", &outcome.tensorflow),
    ];
    table(&["Setting", "Value"], settings.chain(facts))
}
