//! Whether scores are probabilities: reliability diagrams, before and after temperature scaling.

use super::charts::{Axis, Chart, Mark};
use super::figures::{count, number, percent};
use super::pictures::Pictures;
use super::section::Section;
use super::view::View;
use crate::metrics::{Calibration, tempered};
use crate::report::Outcome;
use maud::{Markup, html};

pub(super) struct Reliability<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) tested: &'a View<'a>,
}

const SIZE: (f64, f64) = (260.0, 200.0);

impl Section for Reliability<'_> {
    fn id(&self) -> &'static str {
        "calibration"
    }

    fn title(&self) -> &'static str {
        "Calibration"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        let Some(before) = self.outcome.calibration() else {
            return html! { p { "There are no test photographs." } };
        };
        let temperature = self.outcome.temperature();
        let chosen_by = match &self.outcome.cross_validation {
            Some(_) => "the cross-validation",
            None => "the validation photographs",
        };
        let after = temperature.and_then(|temperature| self.after(temperature));
        html! {
            p {
                "The expected calibration error is " (number("test/ece", Some(before.ece), 3))
                @if let (Some(temperature), Some(after)) = (temperature, &after) {
                    " as the layer scores, and " (number("test/ece_tempered", Some(after.ece), 3))
                    " after its logits are divided by the temperature "
                    (number("temperature", Some(temperature), 2))
                    ", which fits " (chosen_by) " best"
                } @else {
                    ". Without validation photographs there is no temperature that would mend it"
                }
                "."
            }
            div.charts {
                (diagram("Scores as they are", &before))
                @if let Some(after) = &after { (diagram("After temperature scaling", after)) }
            }
            p.reading {
                "Of photographs that score about 0.8, eight in ten should be right: then the bars \
                 reach the dashed line. Bars below it mean overconfidence. The error is the mean \
                 distance from the line, weighted by photographs; bins of few photographs, which \
                 the table tells, say little."
            }
            (table("test", "Scores as they are", &before))
            @if let Some(after) = &after {
                (table("test_tempered", "After temperature scaling", after))
            }
        }
    }
}

impl Reliability<'_> {
    fn after(&self, temperature: f64) -> Option<Calibration> {
        let entries = &self.tested.entries;
        let scores: Vec<(usize, Vec<f32>)> =
            entries.iter().map(|e| (e.truth, tempered(e.scores, temperature))).collect();
        Calibration::of(scores.iter().map(|(truth, scores)| (*truth, &scores[..])))
    }
}

/// The bounds of a bin.
fn bounds(i: usize, bins: usize) -> (f64, f64) {
    (i as f64 / bins as f64, (i + 1) as f64 / bins as f64)
}

fn diagram(title: &str, calibration: &Calibration) -> Markup {
    let bins = &calibration.bins;
    let bars = bins.iter().enumerate().filter(|(_, bin)| bin.count > 0).map(|(i, bin)| {
        let (from, to) = bounds(i, bins.len());
        Mark::Bar(from, to, bin.accuracy)
    });
    let chart = Chart {
        description: format!(
            "{title}: the share that is right, by score. The expected calibration error is {:.3}.",
            calibration.ece
        ),
        x: Axis::percent("highest score"),
        y: Axis::percent("right"),
        size: SIZE,
        marks: bars.chain([Mark::Line("ideal", vec![(0.0, 0.0), (1.0, 1.0)])]).collect(),
    };
    html! {
        figure {
            figcaption { h3 { (title) } }
            (chart.svg())
        }
    }
}

fn table(key: &str, title: &str, calibration: &Calibration) -> Markup {
    let bins = &calibration.bins;
    let filled = bins.iter().enumerate().filter(|(_, bin)| bin.count > 0);
    html! {
        details {
            summary { "The numbers: " (title) }
            div.scroll tabindex="0" role="region" aria-label={ "Bins: " (title) } {
                table {
                    thead {
                        tr {
                            th scope="col" { "Highest score" }
                            th scope="col" { "Photographs" }
                            th scope="col" { "Mean score" }
                            th scope="col" { "Right" }
                        }
                    }
                    tbody {
                        @for (i, bin) in filled {
                            @let (from, to) = bounds(i, bins.len());
                            @let key = format!("{key}/bin/{i}");
                            @let confidence = Some(bin.confidence);
                            tr {
                                th scope="row" { (format!("{from:.1} to {to:.1}")) }
                                td { (count(&format!("{key}/count"), bin.count)) }
                                td { (number(&format!("{key}/confidence"), confidence, 3)) }
                                td { (percent(&format!("{key}/accuracy"), Some(bin.accuracy))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
