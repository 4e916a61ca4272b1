//! An evaluation as text.

use super::{Evaluation, UNKNOWN};
use crate::metrics::Interval;
use crate::text::{one_line, shown};
use std::fmt;

/// The confusion matrix of more classes than these does not fit a screen; the most frequent
/// mistakes are listed instead.
const MATRIX: usize = 12;
/// How many kinds of mistakes are listed then.
const MISTAKES: usize = 20;
/// The longest heading of a column.
const HEADING: usize = 12;

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confusion = self.confusion();
        let (right, total) = (confusion.right(), confusion.total());
        write!(f, "{right} of {total} photographs right")?;
        if let (Some(share), Some(Interval { low, high })) = (confusion.accuracy(), self.interval())
        {
            let (share, low, high) = (percent(share), percent(low), percent(high));
            write!(f, ": {share} (95% interval {low} to {high})")?;
        }
        writeln!(f)?;
        if self.unknown() > 0 {
            writeln!(f, "{} of them unknown", self.unknown())?;
        }
        classes(self, f)?;
        if self.labels().len() <= MATRIX {
            matrix(self, f)?
        } else {
            mistakes(self, f)?
        }
        wrong(self, f)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// The labels on one line each, and the width of the longest.
fn names(evaluation: &Evaluation, least: usize) -> (Vec<String>, usize) {
    let names: Vec<String> = evaluation.labels().iter().map(|label| one_line(label)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(least);
    (names, width)
}

fn classes(evaluation: &Evaluation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (names, width) = names(evaluation, 5);
    writeln!(f, "\n{:width$}  right  total  precision  recall", "class")?;
    for (class, name) in names.iter().enumerate() {
        let score = evaluation.confusion().class(class);
        let share = |share: Option<f64>| share.map_or_else(|| "-".into(), percent);
        let (precision, recall) = (share(score.precision), share(score.recall));
        let (right, total) = (score.right, score.support);
        writeln!(f, "{name:width$}  {right:>5}  {total:>5}  {precision:>9}  {recall:>6}")?;
    }
    Ok(())
}

/// A row for each class, a column for each answer.
fn matrix(evaluation: &Evaluation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let corner = "truth \\ answer";
    let (names, width) = names(evaluation, corner.len());
    let unknown = (evaluation.unknown() > 0).then(|| UNKNOWN.to_owned());
    let headings = names.iter().chain(&unknown).map(|name| shortened(name));
    let headings: Vec<String> = headings.collect();
    write!(f, "\n{corner:width$}")?;
    headings.iter().try_for_each(|heading| write!(f, "  {heading:>7}"))?;
    writeln!(f)?;
    for (name, counts) in names.iter().zip(&evaluation.confusion().counts) {
        write!(f, "{name:width$}")?;
        for (heading, count) in headings.iter().zip(counts) {
            let column = heading.chars().count().max(7);
            write!(f, "  {count:>column$}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// The beginning and the end of a name: the ends of labels such as "class 0001" tell them apart.
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= HEADING {
        return name.into();
    }
    let half = (HEADING - 1) / 2;
    let (start, end) = (&characters[..HEADING - 1 - half], &characters[characters.len() - half..]);
    start.iter().chain(&['…']).chain(end).collect()
}

fn mistakes(evaluation: &Evaluation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mistakes = evaluation.confusion().mistakes();
    if mistakes.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nthe most frequent mistakes")?;
    let label = |class: usize| evaluation.labels().get(class).map_or(UNKNOWN, String::as_str);
    for (truth, predicted, count) in mistakes.iter().take(MISTAKES) {
        let (truth, answer) = (one_line(label(*truth)), one_line(label(*predicted)));
        writeln!(f, "{count:>5}  {truth} taken for {answer}")?;
    }
    Ok(())
}

/// One line for each photograph that was not recognised, its parts separated by tabs.
fn wrong(evaluation: &Evaluation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if evaluation.wrong().is_empty() {
        return Ok(());
    }
    writeln!(f, "\nwrong: path, truth, answer, score")?;
    for wrong in evaluation.wrong() {
        let (path, truth) = (shown(&wrong.path), one_line(&wrong.truth));
        writeln!(f, "{path}\t{truth}\t{}\t{:.5}", one_line(&wrong.answer), wrong.score)?;
    }
    Ok(())
}
