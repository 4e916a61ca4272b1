//! Charts as SVG. Colours and fonts are the style sheet's; points are in the units of the axes, so
//! that what is drawn can be read back.

use maud::{Markup, html};
use std::fmt::Write;

/// An axis from 0.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) title: &'static str,
    to: f64,
    step: f64,
    percent: bool,
}

/// Into how many parts an axis is divided at most.
const MOST_TICKS: f64 = 5.0;

impl Axis {
    /// From 0 to 100%.
    pub(super) fn percent(title: &'static str) -> Self {
        Self { title, to: 1.0, step: 0.25, percent: true }
    }

    /// From 0 to a round number from `most` on.
    pub(super) fn up_to(title: &'static str, most: f64) -> Self {
        let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
        let power = 10.0_f64.powf((most / MOST_TICKS).log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = round.into_iter().find(|step| most / step <= MOST_TICKS).unwrap_or(most);
        Self { title, to: (most / step).ceil() * step, step, percent: false }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        let steps = (self.to / self.step).round() as u32;
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        let tick = |i: u32| {
            let at = f64::from(i) * self.step;
            let shown = if self.percent {
                format!("{:.0}%", 100.0 * at)
            } else {
                format!("{at:.decimals$}")
            };
            (at, shown)
        };
        (0..=steps).map(tick).collect()
    }
}

/// What is drawn between the axes.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// A line, with the class of its style.
    Line(&'static str, Vec<(f64, f64)>),
    /// A bar from 0 up: from, to, height.
    Bar(f64, f64, f64),
}

/// A chart.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// What it shows, for those who do not see it.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// The width and height between the axes.
    pub(super) size: (f64, f64),
    pub(super) marks: Vec<Mark>,
}

/// Room for the ticks and titles of the axes.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 38.0;

impl Chart {
    /// The chart as SVG.
    pub(super) fn svg(&self) -> Markup {
        let (width, height) = self.size;
        let (right, bottom) = (LEFT + width, TOP + height);
        let x = |value: f64| rounded(LEFT + value / self.x.to * width);
        let y = |value: f64| rounded(bottom - value / self.y.to * height);
        let view = format!("0 0 {} {}", right + RIGHT, bottom + BOTTOM);
        let scales = [width / self.x.to, -height / self.y.to];
        let transform = format!("translate({LEFT} {bottom}) scale({} {})", scales[0], scales[1]);
        let middle = rounded(TOP + height / 2.0);
        html! {
            svg.chart viewBox=(view) role="img" aria-label=(self.description) {
                @for (at, shown) in self.y.ticks() {
                    line.grid x1=(LEFT) x2=(right) y1=(y(at)) y2=(y(at)) {}
                    text.tick x=(LEFT - 6.0) y=(y(at)) dy="0.35em" text-anchor="end" { (shown) }
                }
                @for (at, shown) in self.x.ticks() {
                    line.tick x1=(x(at)) x2=(x(at)) y1=(bottom) y2=(bottom + 4.0) {}
                    text.tick x=(x(at)) y=(bottom + 16.0) text-anchor="middle" { (shown) }
                }
                text.axis x=(right) y=(bottom + 32.0) text-anchor="end" { (self.x.title) }
                text.axis transform=(format!("translate(10 {middle}) rotate(-90)"))
                    text-anchor="middle" { (self.y.title) }
                g transform=(transform) {
                    @for mark in &self.marks { (mark.svg()) }
                }
            }
        }
    }
}

impl Mark {
    fn svg(&self) -> Markup {
        match self {
            Self::Line(class, points) => html! {
                polyline class=(class) points=(coordinates(points)) {}
            },
            Self::Bar(from, to, height) => html! {
                rect.bar x=(rounded(*from)) width=(rounded(to - from)) y="0" height=(height) {}
            },
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The most points of a line: more are not seen.
const MOST_POINTS: usize = 1000;

fn coordinates(points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    for (i, (x, y)) in points.iter().enumerate() {
        if i.is_multiple_of(every) || i == last {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{x:.7},{y:.7}", if i > 0 { " " } else { "" });
        }
    }
    text
}

/// The numbers behind a chart, for those who want to read them.
pub(super) fn numbers(table: &Markup) -> Markup {
    html! {
        details {
            summary { "The numbers" }
            div.scroll tabindex="0" role="region" aria-label="The numbers of the chart" { (table) }
        }
    }
}
