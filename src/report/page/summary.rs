//! The run in a paragraph, and how good the result is.

use super::figures::{count, interval, name, percent};
use super::pictures::Pictures;
use super::section::Section;
use super::view::View;
use crate::dataset::Category;
use crate::metrics::wilson;
use crate::report::{Outcome, TOO_FEW_TESTED};
use crate::text::{counted, grouped};
use maud::{Markup, html};

pub(super) struct Summary<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) views: &'a [&'a View<'a>],
}

/// How many labels are named.
const MOST_LABELS: usize = 12;

impl Section for Summary<'_> {
    fn id(&self) -> &'static str {
        "summary"
    }

    fn title(&self) -> &'static str {
        "Summary"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        html! {
            (self.paragraph())
            dl.keys {
                @for view in self.views { (accuracy(view)) }
                div {
                    dt { "Validation photographs" }
                    dd { (percent("validation/accuracy", self.outcome.validation_accuracy())) }
                    dd.note { "right with the final weights; watched during training" }
                }
            }
            (self.cross_validation())
            (self.warning())
        }
    }
}

impl Summary<'_> {
    fn paragraph(&self) -> Markup {
        let outcome = self.outcome;
        let [training, testing, validation] = Category::ALL.map(|set| outcome.split.count(set));
        let labels = &outcome.labels;
        let steps = i64::try_from(outcome.steps).unwrap_or(i64::MAX);
        html! {
            p.lead {
                "In " (grouped(steps)) " steps, a new last layer of the network "
                (name(&outcome.model.name)) " learnt to tell "
                (plural(labels.len(), "class")) " apart: "
                @for (i, label) in labels.iter().take(MOST_LABELS).enumerate() {
                    @if i > 0 { ", " }
                    strong { (name(label)) }
                }
                @if labels.len() > MOST_LABELS { " and " (labels.len() - MOST_LABELS) " more" }
                ". It learnt from " (plural(training, "photograph")) ", was validated on "
                (validation) " and tested on " (testing)
                @if !outcome.bad_images.is_empty() {
                    "; " (plural(outcome.bad_images.len(), "photograph"))
                    " could not be read and " (verb(outcome.bad_images.len())) " left out"
                }
                "."
            }
        }
    }

    /// The cross-validation that the settings asked for.
    fn cross_validation(&self) -> Markup {
        let Some(cv) = &self.outcome.cross_validation else { return html! {} };
        let share = |share: f64| format!("{:.1}%", share * 100.0);
        html! {
            p {
                "Cross-validation with the run's own settings, " (cv.folds) " folds"
                @if cv.repeats > 1 { ", " (cv.repeats) " times" }
                ": " (share(cv.accuracy_mean)) " ± " (share(cv.accuracy_sd))
                " right (mean and standard deviation over the folds), expected calibration error "
                (format!("{:.3}", cv.ece)) "."
            }
        }
    }

    fn warning(&self) -> Markup {
        let tested = self.outcome.tested.len();
        html! {
            @if tested == 0 {
                p.warning {
                    "There are no test photographs, so how good the result is remains open."
                }
            } @else if tested < TOO_FEW_TESTED {
                p.warning {
                    "Only " (plural(tested, "photograph")) " " (verb(tested)) " tested. From fewer "
                    "than "
                    (TOO_FEW_TESTED) " nothing may be concluded: the interval is too wide."
                    @if self.views.len() > 1 {
                        " The cross-validation, which tests every photograph once, tells more."
                    }
                }
            }
        }
    }
}

/// How many photographs of a view were recognised.
fn accuracy(view: &View<'_>) -> Markup {
    let confusion = view.confusion();
    let (right, total) = (confusion.right(), confusion.total());
    let key = format!("{}/accuracy", view.key);
    html! {
        div {
            dt { (view.title) }
            dd { (percent(&key, confusion.accuracy())) }
            dd.note {
                (count(&format!("{}/right", view.key), right)) " of "
                (count(&format!("{}/total", view.key), total)) " right"
                @if total > 0 {
                    "; 95% interval " (interval(&key, wilson(right, total)))
                }
            }
        }
    }
}

fn plural(count: usize, thing: &str) -> String {
    match (thing, count) {
        ("class", 2..) => format!("{count} classes"),
        _ => counted(count as u64, thing),
    }
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
