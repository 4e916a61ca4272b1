//! Precision, recall and F1 of each class.

use super::figures::{cell, count, name, number};
use super::pictures::Pictures;
use super::section::Section;
use super::view::View;
use maud::{Markup, html};

pub(super) struct Classes<'a> {
    pub(super) views: &'a [&'a View<'a>],
}

impl Section for Classes<'_> {
    fn id(&self) -> &'static str {
        "classes"
    }

    fn title(&self) -> &'static str {
        "Precision and recall"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        html! {
            @for view in self.views {
                @if view.entries.is_empty() {
                    p { "There are no test photographs." }
                } @else {
                    h3 { (view.title) }
                    (table(view))
                }
            }
            p.reading {
                "Precision: of the photographs taken for this class, the share that is of it. \
                 Recall: of the photographs of this class, the share that was recognised. F1 is \
                 their harmonic mean. The small figures are 95% intervals (Wilson): with few \
                 photographs they are wide, and two classes whose intervals overlap may well be \
                 equally good."
            }
        }
    }
}

fn table(view: &View<'_>) -> Markup {
    let confusion = view.confusion();
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Classes: " (view.title) } {
            table.wide {
                thead {
                    tr {
                        th scope="col" { "Class" }
                        th scope="col" { "Photographs" }
                        th scope="col" { "Precision" }
                        th scope="col" { "Recall" }
                        th scope="col" { "F1" }
                    }
                }
                tbody {
                    @for (class, label) in view.labels.iter().enumerate() {
                        @let score = confusion.class(class);
                        @let key = format!("{}/class/{class}", view.key);
                        @let precision = score.precision_interval;
                        @let recall = score.recall_interval;
                        tr {
                            th scope="row" { (name(label)) }
                            td { (count(&format!("{key}/support"), score.support)) }
                            (cell(&format!("{key}/precision"), score.precision, precision))
                            (cell(&format!("{key}/recall"), score.recall, recall))
                            td { (number(&format!("{key}/f1"), score.f1, 3)) }
                        }
                    }
                }
            }
        }
    }
}
