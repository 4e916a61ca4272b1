//! Precision–recall curves and the average precision.

use super::charts::{Axis, Chart, Mark};
use super::figures::{name, number};
use super::pictures::Pictures;
use super::section::Section;
use super::view::View;
use crate::metrics::{average_precision, pr_curve};
use maud::{Markup, html};

pub(super) struct Ranking<'a> {
    pub(super) views: &'a [&'a View<'a>],
}

/// How many classes have a chart: those that are ranked worst.
const MOST_CHARTS: usize = 12;
const SIZE: (f64, f64) = (180.0, 140.0);

/// A class and its average precision in each view.
struct Class {
    class: usize,
    precisions: Vec<Option<f64>>,
}

impl Section for Ranking<'_> {
    fn id(&self) -> &'static str {
        "ranking"
    }

    fn title(&self) -> &'static str {
        "Precision–recall curves"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        let classes = self.classes();
        let mut charted: Vec<&Class> = classes.iter().collect();
        if charted.len() > MOST_CHARTS {
            let worst = |c: &Class| c.precisions.iter().flatten().copied().fold(1.0, f64::min);
            charted.sort_by(|a, b| worst(a).total_cmp(&worst(b)));
            charted.truncate(MOST_CHARTS);
        }
        html! {
            p.legend {
                span.test { "test photographs" } " "
                @if self.views.len() > 1 { span.cross_validated { "cross-validated" } }
            }
            div.charts.small {
                @for class in &charted {
                    figure {
                        figcaption { h3 { (name(self.label(class))) } }
                        (self.chart(class))
                    }
                }
            }
            @if classes.len() > charted.len() {
                p.note { "The " (charted.len()) " classes with the lowest average precision." }
            }
            p.reading {
                "Take for a class only what scores above a threshold: a high one (left) misses \
                 photographs, a low one (right) takes in others. The nearer the curve stays to the \
                 upper right corner, the better. The average precision is the area below it; 1 \
                 means that every photograph of the class scores higher than all others. With few \
                 photographs, one of them moves it a lot."
            }
            (self.table(&classes))
        }
    }
}

impl Ranking<'_> {
    fn classes(&self) -> Vec<Class> {
        let classes = self.views.first().map_or(0, |view| view.labels.len());
        let of_view = |view: &View<'_>, class| average_precision(&view.of_class(class));
        let class = |class| Class {
            class,
            precisions: self.views.iter().map(|view| of_view(view, class)).collect(),
        };
        (0..classes).map(class).collect()
    }

    fn label(&self, class: &Class) -> &str {
        self.views.first().map_or("", |view| &view.labels[class.class])
    }

    fn chart(&self, class: &Class) -> Markup {
        let shown = class.precisions.iter().zip(self.views).filter_map(|(precision, view)| {
            precision.map(|precision| format!(" {}: {precision:.3}.", view.title))
        });
        let lines = self
            .views
            .iter()
            .map(|view| Mark::Line(view.key, staircase(&view.of_class(class.class))));
        Chart {
            description: format!(
                "Precision by recall of {}. Average precision:{}",
                crate::text::one_line(self.label(class)),
                shown.collect::<String>()
            ),
            x: Axis::percent("recall"),
            y: Axis::percent("precision"),
            size: SIZE,
            marks: lines.collect(),
        }
        .svg()
    }

    fn table(&self, classes: &[Class]) -> Markup {
        let mean = |view: usize| {
            let known = classes.iter().filter_map(|class| class.precisions[view]);
            let known: Vec<f64> = known.collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        html! {
            div.scroll tabindex="0" role="region" aria-label="Average precision" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Average precision" }
                            @for view in self.views { th scope="col" { (view.title) } }
                        }
                    }
                    tbody {
                        @for class in classes {
                            tr {
                                th scope="row" { (name(self.label(class))) }
                                @let precisions = &class.precisions;
                                @for (view, &precision) in self.views.iter().zip(precisions) {
                                    @let key = format!("{}/class/{}/ap", view.key, class.class);
                                    td { (number(&key, precision, 3)) }
                                }
                            }
                        }
                        tr {
                            th scope="row" { "Mean of all classes" }
                            @for (i, view) in self.views.iter().enumerate() {
                                td { (number(&format!("{}/map", view.key), mean(i), 3)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The curve in steps, as the average precision takes it: the precision at a recall holds from the
/// recall before.
fn staircase(scored: &[(f32, bool)]) -> Vec<(f64, f64)> {
    let mut before = 0.0;
    let mut stairs = Vec::new();
    for point in pr_curve(scored) {
        if point.recall > before {
            stairs.extend([(before, point.precision), (point.recall, point.precision)]);
            before = point.recall;
        }
    }
    stairs
}
