//! The worst mistakes, the surest hits and the least sure of the test photographs.

use super::figures::name;
use super::pictures::Pictures;
use super::section::Section;
use super::view::{Entry, View};
use maud::{Markup, html};

/// How many photographs a gallery shows.
const MOST: usize = 12;

pub(super) struct Galleries<'a> {
    labels: &'a [String],
    galleries: [(&'static str, Vec<Entry<'a>>); 3],
}

impl<'a> Galleries<'a> {
    pub(super) fn of(tested: &'a View<'a>) -> Self {
        let mut sorted = tested.entries.clone();
        sorted.sort_by(|a, b| b.confidence().total_cmp(&a.confidence()));
        let first = |wanted: fn(&Entry<'a>) -> bool| {
            sorted.iter().copied().filter(wanted).take(MOST).collect()
        };
        let (wrong, right) = (first(|e| !e.is_right()), first(Entry::is_right));
        let mut unsure = tested.entries.clone();
        unsure.sort_by(|a, b| lead(a).total_cmp(&lead(b)));
        unsure.truncate(MOST);
        let galleries =
            [("The worst mistakes", wrong), ("The surest hits", right), ("The least sure", unsure)];
        Self { labels: tested.labels, galleries }
    }
}

impl Section for Galleries<'_> {
    fn id(&self) -> &'static str {
        "photographs"
    }

    fn title(&self) -> &'static str {
        "Mistakes and hits"
    }

    fn photographs(&self) -> Vec<usize> {
        let entries = self.galleries.iter().flat_map(|(_, entries)| entries);
        entries.map(|entry| entry.photograph).collect()
    }

    fn body(&self, pictures: &Pictures<'_>) -> Markup {
        html! {
            @for (title, entries) in &self.galleries {
                h3 { (title) }
                @if entries.is_empty() {
                    p { "There are none among the test photographs." }
                } @else {
                    (pictures.gallery(entries, |e| e.photograph, |e| self.caption(e)))
                }
            }
            p.reading {
                "Test photographs only. The worst mistakes are those with the highest score for a \
                 wrong class. The least sure are those whose two best scores are closest: what to \
                 photograph more of."
            }
        }
    }
}

impl Galleries<'_> {
    fn caption(&self, entry: &Entry<'_>) -> Markup {
        let score = format!("{:.3}", entry.confidence());
        html! {
            span { (name(&self.labels[entry.truth])) }
            @if entry.is_right() {
                span.right { "✓ recognised, " (score) }
            } @else {
                span.wrong { "✗ taken for " (name(&self.labels[entry.predicted])) ", " (score) }
            }
        }
    }
}

/// By how much the best score is above the second.
fn lead(entry: &Entry<'_>) -> f32 {
    let others = entry.scores.iter().enumerate().filter(|&(class, _)| class != entry.predicted);
    entry.confidence() - others.map(|(_, &score)| score).fold(0.0, f32::max)
}
