//! The confusion matrix as a heat map. Each cell is a link that opens its photographs, without a
//! script: they are below the matrix, and the style sheet shows those that the address names.

use super::figures::{count, name};
use super::pictures::Pictures;
use super::section::Section;
use super::view::{Entry, View};
use crate::text::{counted, one_line};
use maud::{Markup, html};

/// Beyond this many classes a matrix cannot be read; the most frequent mistakes are listed instead.
const MOST_CLASSES: usize = 30;
/// How many mistakes are listed then.
const MOST_MISTAKES: usize = 50;
/// About how many photographs all cells of a matrix show together.
const MOST_PHOTOGRAPHS: usize = 400;

/// A cell with its photographs, the surest first.
struct Cell<'a> {
    truth: usize,
    predicted: usize,
    entries: Vec<Entry<'a>>,
}

struct Matrix<'a> {
    view: &'a View<'a>,
    cells: Vec<Cell<'a>>,
    /// How many photographs each cell shows at most.
    most: usize,
}

pub(super) struct Matrices<'a>(Vec<Matrix<'a>>);

impl<'a> Matrices<'a> {
    pub(super) fn of(views: &'a [&'a View<'a>]) -> Self {
        let views = views.iter().filter(|view| !view.entries.is_empty());
        Self(views.map(|view| Matrix::of(view)).collect())
    }
}

impl Section for Matrices<'_> {
    fn id(&self) -> &'static str {
        "confusion"
    }

    fn title(&self) -> &'static str {
        "Confusion matrix"
    }

    fn photographs(&self) -> Vec<usize> {
        let shown = |m: &Matrix<'_>| m.shown().map(|entry| entry.photograph).collect::<Vec<_>>();
        self.0.iter().flat_map(shown).collect()
    }

    fn body(&self, pictures: &Pictures<'_>) -> Markup {
        html! {
            @if self.0.is_empty() { p { "There are no test photographs." } }
            div.matrices {
                @for matrix in &self.0 {
                    div {
                        h3 { (matrix.view.title) }
                        @if matrix.is_drawn() { (matrix.heat_map()) }
                        @else { (matrix.list(pictures)) }
                    }
                }
            }
            @for matrix in self.0.iter().filter(|matrix| matrix.is_drawn()) {
                (matrix.panels(pictures))
            }
            p.reading {
                "A row holds the photographs of one class, a column those taken for it; the \
                 diagonal is right. A darker cell (a brighter one in dark mode) holds a larger \
                 share of its row. Open a number to see its photographs."
                @if self.0.len() > 1 {
                    " Cross-validation teaches a classifier, on the same features, with all \
                     photographs but those of one fold, and tests it on these, fold by fold: each \
                     photograph is judged once, by what has not learned from it. The classifier is \
                     a logistic regression, or with --cross_validate a layer trained as the run's. \
                     It is not the layer that was exported."
                }
            }
        }
    }
}

impl<'a> Matrix<'a> {
    fn of(view: &'a View<'a>) -> Self {
        let classes = view.labels.len();
        let mut entries: Vec<Entry<'a>> = view.entries.clone();
        entries.sort_by(|a, b| {
            let cell = (a.truth, a.predicted).cmp(&(b.truth, b.predicted));
            cell.then(b.confidence().total_cmp(&a.confidence()))
        });
        let chunks = entries.chunk_by(|a, b| (a.truth, a.predicted) == (b.truth, b.predicted));
        let cell = |entries: &[Entry<'a>]| Cell {
            truth: entries[0].truth,
            predicted: entries[0].predicted,
            entries: entries.to_vec(),
        };
        let mut cells: Vec<Cell<'a>> = chunks.map(cell).collect();
        if classes > MOST_CLASSES {
            cells.retain(|cell| cell.truth != cell.predicted);
            cells.sort_by_key(|cell| std::cmp::Reverse(cell.entries.len()));
            cells.truncate(MOST_MISTAKES);
        }
        let most = most_each(&cells);
        Self { view, cells, most }
    }

    fn is_drawn(&self) -> bool {
        self.view.labels.len() <= MOST_CLASSES
    }

    fn shown(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.cells.iter().flat_map(|cell| cell.entries.iter().take(self.most))
    }

    fn anchor(&self, cell: &Cell<'_>) -> String {
        format!("{}-{}-{}", self.view.key, cell.truth, cell.predicted)
    }

    fn cell(&self, truth: usize, predicted: usize) -> Option<&Cell<'a>> {
        self.cells.iter().find(|cell| (cell.truth, cell.predicted) == (truth, predicted))
    }

    fn sentence(&self, cell: &Cell<'_>) -> Markup {
        let photographs = counted(cell.entries.len() as u64, "photograph");
        let labels = self.view.labels;
        html! {
            (photographs) " of " (name(&labels[cell.truth])) " taken for "
            (name(&labels[cell.predicted]))
        }
    }

    fn heat_map(&self) -> Markup {
        let labels = self.view.labels;
        let matrix = if labels.len() > 6 { "matrix many" } else { "matrix" };
        html! {
            div.scroll tabindex="0" role="region"
                aria-label={ "Confusion matrix: " (self.view.title) } {
                table class=(matrix) {
                    thead {
                        tr {
                            td {}
                            th.axis scope="colgroup" colspan=(labels.len()) { "taken for" }
                        }
                        tr {
                            th.axis scope="col" { "class" }
                            @for label in labels { th scope="col" { span { (name(label)) } } }
                        }
                    }
                    tbody {
                        @for (truth, label) in labels.iter().enumerate() {
                            tr {
                                th scope="row" { (name(label)) }
                                @for predicted in 0..labels.len() {
                                    (self.heat(truth, predicted))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn heat(&self, truth: usize, predicted: usize) -> Markup {
        let cell = self.cell(truth, predicted);
        let photographs = cell.map_or(0, |cell| cell.entries.len());
        let row = self.cells.iter().filter(|cell| cell.truth == truth);
        let row: usize = row.map(|cell| cell.entries.len()).sum();
        // Tenths of the row; a cell with anything in it is never as pale as an empty one.
        let heat = (10 * photographs + row / 2).checked_div(row).unwrap_or(0);
        let heat = heat.max(usize::from(photographs > 0));
        let figure = format!("{}/confusion/{truth}/{predicted}", self.view.key);
        let labels = self.view.labels;
        html! {
            td class={ "heat h" (heat) } {
                @match cell {
                    Some(cell) => {
                        a href={ "#" (self.anchor(cell)) } aria-label={
                            (photographs) ": show the " (one_line(&labels[truth])) " taken for "
                            (one_line(&labels[predicted]))
                        } { (count(&figure, photographs)) }
                    }
                    None => (count(&figure, 0)),
                }
            }
        }
    }

    fn panels(&self, pictures: &Pictures<'_>) -> Markup {
        html! {
            @for cell in &self.cells {
                div.panel id=(self.anchor(cell)) tabindex="-1" role="group"
                    aria-labelledby={ (self.anchor(cell)) "-title" } {
                    h4 id={ (self.anchor(cell)) "-title" } { (self.sentence(cell)) }
                    (self.gallery(cell, pictures))
                    p { a href="#confusion" { "Close" } }
                }
            }
        }
    }

    fn gallery(&self, cell: &Cell<'_>, pictures: &Pictures<'_>) -> Markup {
        let shown = cell.entries.iter().take(self.most);
        let more = cell.entries.len().saturating_sub(self.most);
        html! {
            (pictures.gallery(shown, |e| e.photograph, |e| html! {
                span { "score " (format!("{:.3}", e.confidence())) }
            }))
            @if more > 0 {
                p.note { "The " (self.most) " surest; " (more) " more are in predictions.csv." }
            }
        }
    }

    fn list(&self, pictures: &Pictures<'_>) -> Markup {
        let classes = self.view.labels.len();
        html! {
            p {
                "A matrix of " (classes) " classes cannot be read. These are the most frequent \
                 mistakes; predictions.csv has all."
            }
            @if self.cells.is_empty() { p { "There are none." } }
            @for cell in &self.cells {
                details {
                    summary { (self.sentence(cell)) }
                    (self.gallery(cell, pictures))
                }
            }
        }
    }
}

/// How many photographs each cell shows, so that they are about [`MOST_PHOTOGRAPHS`] together: few
/// large cells give way to many small ones, which are the mistakes.
fn most_each(cells: &[Cell<'_>]) -> usize {
    let shown = |most: usize| cells.iter().map(|cell| cell.entries.len().min(most)).sum::<usize>();
    let largest = cells.iter().map(|cell| cell.entries.len()).max().unwrap_or(0);
    (1..=largest).take_while(|&most| shown(most) <= MOST_PHOTOGRAPHS).last().unwrap_or(1)
}
