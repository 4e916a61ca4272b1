//! How the accuracy and the loss changed during training.

use super::charts::{Axis, Chart, Mark, numbers};
use super::pictures::Pictures;
use super::section::Section;
use crate::report::{Evaluation, Outcome};
use maud::{Markup, html};

pub(super) struct Curves<'a> {
    pub(super) outcome: &'a Outcome,
}

/// The width and height of a chart.
const SIZE: (f64, f64) = (320.0, 180.0);
/// The most rows of the table.
const MOST_ROWS: usize = 100;

impl Section for Curves<'_> {
    fn id(&self) -> &'static str {
        "training"
    }

    fn title(&self) -> &'static str {
        "Training curves"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        let curve = &self.outcome.curve;
        html! {
            @if curve.is_empty() {
                p { "The layer was not evaluated during training." }
            } @else {
                div.charts {
                    figure {
                        figcaption {
                            h3 { "Accuracy" }
                            p.legend {
                                span.train { "training batch" } " "
                                span.validation { "validation" }
                            }
                        }
                        (accuracy(curve))
                    }
                    figure {
                        figcaption {
                            h3 { "Cross-entropy" }
                            p.legend { span.train { "training batch" } }
                        }
                        (cross_entropy(curve))
                    }
                }
                p.reading {
                    "If the validation curve falls while the training curve still rises, the layer \
                     learns its photographs by heart. Both jump about: each point is the share of \
                     the photographs of one batch."
                }
                (numbers(&table(curve)))
            }
        }
    }
}

fn line(
    class: &'static str,
    curve: &[Evaluation],
    value: impl Fn(&Evaluation) -> Option<f32>,
) -> Mark {
    let point = |e: &Evaluation| Some((e.step as f64, f64::from(value(e)?)));
    Mark::Line(class, curve.iter().filter_map(point).collect())
}

fn steps(curve: &[Evaluation]) -> Axis {
    Axis::up_to("step", curve.last().map_or(0.0, |e| e.step as f64))
}

fn accuracy(curve: &[Evaluation]) -> Markup {
    let share = |value: f32| format!("{:.1}%", 100.0 * value);
    let last = curve.last();
    let train = last.map(|e| share(e.train_accuracy)).unwrap_or_default();
    let validation = last.and_then(|e| e.validation);
    let validation = validation.map_or_else(|| "none".into(), |(accuracy, _)| share(accuracy));
    Chart {
        description: format!(
            "Accuracy by training step. At the last: {train} of the training batch, {validation} \
             of the validation photographs."
        ),
        x: steps(curve),
        y: Axis::percent("accuracy"),
        size: SIZE,
        marks: vec![
            line("train", curve, |e| Some(e.train_accuracy)),
            line("validation", curve, |e| e.validation.map(|(accuracy, _)| accuracy)),
        ],
    }
    .svg()
}

fn cross_entropy(curve: &[Evaluation]) -> Markup {
    let finite = curve.iter().map(|e| f64::from(e.cross_entropy)).filter(|c| c.is_finite());
    let last = curve.last().map_or(f32::NAN, |e| e.cross_entropy);
    Chart {
        description: format!("Cross-entropy by training step. At the last: {last:.4} nats."),
        x: steps(curve),
        y: Axis::up_to("nats", finite.fold(0.0, f64::max)),
        size: SIZE,
        marks: vec![line("train", curve, |e| {
            Some(e.cross_entropy).filter(|cross_entropy| cross_entropy.is_finite())
        })],
    }
    .svg()
}

fn table(curve: &[Evaluation]) -> Markup {
    let every = curve.len().div_ceil(MOST_ROWS).max(1);
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Step" }
                    th scope="col" { "Training batch" }
                    th scope="col" { "Cross-entropy" }
                    th scope="col" { "Validation" }
                    th scope="col" { "Validation photographs" }
                }
            }
            tbody {
                @for e in curve.iter().step_by(every) {
                    tr {
                        th scope="row" { (e.step) }
                        td { (format!("{:.1}%", 100.0 * e.train_accuracy)) }
                        td { (format!("{:.5}", e.cross_entropy)) }
                        @match e.validation {
                            Some((accuracy, photographs)) => {
                                td { (format!("{:.1}%", 100.0 * accuracy)) }
                                td { (photographs) }
                            }
                            None => { td { "–" } td { "0" } }
                        }
                    }
                }
            }
        }
    }
}
