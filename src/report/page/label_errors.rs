//! Photographs that are probably in the wrong class's directory.

use super::figures::{count, name};
use super::pictures::Pictures;
use super::section::Section;
use crate::metrics::{LabelError, label_errors};
use crate::report::Material;
use crate::text::counted;
use maud::{Markup, html};

/// How many are shown.
const MOST: usize = 48;

pub(super) struct LabelErrors<'a> {
    material: &'a Material<'a>,
    /// `None` without a cross-validation.
    found: Option<Vec<LabelError>>,
}

impl<'a> LabelErrors<'a> {
    pub(super) fn of(material: &'a Material<'a>) -> Self {
        let truth: Vec<usize> = material.outcome.photographs.iter().map(|p| p.truth).collect();
        let found = material.cross_validated.as_ref().map(|scores| label_errors(&truth, scores));
        Self { material, found }
    }
}

impl Section for LabelErrors<'_> {
    fn id(&self) -> &'static str {
        "label-errors"
    }

    fn title(&self) -> &'static str {
        "Probable label errors"
    }

    fn photographs(&self) -> Vec<usize> {
        self.found.iter().flatten().take(MOST).map(|error| error.photograph).collect()
    }

    fn body(&self, pictures: &Pictures<'_>) -> Markup {
        let Some(found) = &self.found else {
            return html! {
                p {
                    "Not looked for: this needs cross-validated predictions, and there are too few \
                     photographs for these, or too many."
                }
            };
        };
        html! {
            p {
                (count("label_errors", found.len())) " of "
                (counted(self.material.outcome.photographs.len() as u64, "photograph"))
                @if found.len() == 1 { " looks as if it were" } @else { " look as if they were" }
                " in the wrong directory."
                @if found.len() > MOST { " These are the " (MOST) " most certain." }
            }
            (pictures.gallery(found.iter().take(MOST), |e| e.photograph, |e| self.caption(e)))
            p.reading {
                "Each photograph was judged by a classifier that learnt from others. It disagrees \
                 with the label, and is as sure of the other class as it usually is of photographs \
                 of that class. It may be wrong: a rare sight is no label error. Look, and move \
                 only what you would have labelled otherwise."
            }
        }
    }
}

impl LabelErrors<'_> {
    fn caption(&self, error: &LabelError) -> Markup {
        let outcome = self.material.outcome;
        let truth = outcome.photographs[error.photograph].truth;
        let scores = self.material.cross_validated.as_ref();
        let score =
            |class: usize| scores.map(|scores| format!(" {:.3}", scores[error.photograph][class]));
        html! {
            span { "labelled " (name(&outcome.labels[truth])) (score(truth).unwrap_or_default()) }
            span.wrong {
                "rather " (name(&outcome.labels[error.suggested]))
                (score(error.suggested).unwrap_or_default())
            }
        }
    }
}
