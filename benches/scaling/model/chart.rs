//! The picture, as SVG with logarithmic axes.

use super::costs::{Costs, Text};
use super::figures::{CLIENT_CORES, Curve, Figures, MILLIONS, OfNetwork, Point, hours};
use super::limits::limits;
use super::links::UNLIMITED;
use maud::{Markup, html};
use std::fmt::Write;

const STYLE: &str = "
svg { --paper: #ffffff; --ink: #1c2126; --soft: #56606b; --rule: #d5dae0;
  --a: #b8500a; --b: #1f65ad; --c: #1a6334; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #14181d; --ink: #e4e8ec; --soft: #a3adb8; --rule: #38424d;
    --a: #f0a35e; --b: #74b3f5; --c: #7dd39b; }
}
rect { fill: var(--paper); }
text { fill: var(--ink); font: 12px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
text.soft { fill: var(--soft); }
text.title { font-size: 15px; font-weight: 600; }
line { stroke: var(--rule); }
polyline { fill: none; stroke-width: 2; }
line.limit { stroke: var(--soft); stroke-dasharray: 5 4; }
polyline.a { stroke: var(--a); stroke-width: 6; stroke-opacity: .55; } text.a { fill: var(--a); }
polyline.b { stroke: var(--b); stroke-width: 4; stroke-opacity: .8; } text.b { fill: var(--b); }
polyline.c { stroke: var(--c); } text.c { fill: var(--c); }
.times polyline { stroke-width: 2; stroke-opacity: 1; }
";

/// Left to right, top to bottom, around and between the axes.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 86.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = 56.0;
const SIZE: (f64, f64) = (300.0, 240.0);
const PANEL: (f64, f64) = (LEFT + SIZE.0 + RIGHT, TOP + SIZE.1 + BOTTOM);

/// How far apart labels are at least.
const LABELS: f64 = 14.0;

/// A logarithmic axis.
struct Axis {
    title: &'static str,
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Axis {
    fn workers() -> Self {
        let ticks = vec![1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
        Self { title: "workers of one core each", from: 1.0, to: 200.0, ticks }
    }

    /// Whole powers of ten around the values.
    fn around(title: &'static str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min).log10().floor() as i32;
        let most = values.fold(0.0, f64::max).log10().ceil() as i32;
        let ticks: Vec<f64> = (least..=most).map(|power| 10.0_f64.powi(power)).collect();
        Self { title, from: 10.0_f64.powi(least), to: 10.0_f64.powi(most), ticks }
    }

    /// From 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value / self.from).ln() / (self.to / self.from).ln()
    }
}

/// A line with its label.
struct Line {
    class: &'static str,
    label: String,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: String,
    y: Axis,
    lines: Vec<Line>,
    /// A horizontal line and its label.
    limit: Option<(f64, String)>,
}

const CLASSES: [&str; 3] = ["a", "b", "c"];

/// Draws all figures: for each network how fast it goes, and how long it takes.
pub(crate) fn picture(figures: &Figures<'_>) -> String {
    let columns = figures.networks.len() as f64;
    let (width, height) = (columns * PANEL.0, 2.0 * PANEL.1);
    let column = |(i, of): (usize, &OfNetwork<'_>)| {
        let x = i as f64 * PANEL.0;
        html! {
            g transform=(format!("translate({x} 0)")) { (rates(figures.costs, of).svg()) }
            g.times transform=(format!("translate({x} {})", PANEL.1)) {
                (times(figures.costs, of).svg())
            }
        }
    };
    let drawn: Vec<Markup> = figures.networks.iter().enumerate().map(column).collect();
    let description = "How many photographs a second a client and 1 to 200 workers compute, and \
                       how many hours 1, 10 and 100 million photographs take; by simulation.";
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}"))
            width=(width) height=(height) role="img" aria-label=(description) {
            style { (maud::PreEscaped(STYLE)) }
            rect width=(width) height=(height) {}
            @for column in drawn { (column) }
        }
    };
    svg.into_string() + "\n"
}

fn rates(costs: &Costs, of: &OfNetwork<'_>) -> Panel {
    let line = |(class, curve): (&'static str, &Curve)| Line {
        class,
        label: curve.link.name.into(),
        points: curve.points.iter().map(|p| (p.workers as f64, p.outcome.rate)).collect(),
    };
    let lines: Vec<Line> = CLASSES.into_iter().zip(&of.curves).map(line).collect();
    let client = limits(of.network, Text::Off, CLIENT_CORES, UNLIMITED, costs.mean_bytes());
    let most = client.lowest().0;
    let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
    let y = Axis::around("photographs a second", values.chain([most]));
    let limit = Some((most, format!("the most a client of {CLIENT_CORES} cores can do")));
    Panel { title: format!("{}: speed", of.network.name), y, lines, limit }
}

fn times(costs: &Costs, of: &OfNetwork<'_>) -> Panel {
    let curve = &of.curves[of.curves.len() / 2];
    let line = |(class, millions): (&'static str, f64)| {
        let time = |p: &Point| (p.workers as f64, hours(costs, &p.outcome, millions * 1e6).0);
        let points = curve.points.iter().map(time).collect();
        Line { class, label: format!("{millions} million"), points }
    };
    let lines: Vec<Line> = CLASSES.into_iter().zip(MILLIONS).map(line).collect();
    let y = Axis::around("hours", lines.iter().flat_map(|l| l.points.iter().map(|p| p.1)));
    let title = format!("{}: time at {}", of.network.name, curve.link.name);
    Panel { title, y, lines, limit: None }
}

impl Panel {
    fn svg(&self) -> Markup {
        let x = Axis::workers();
        let across = |value: f64| rounded(LEFT + x.place(value) * SIZE.0);
        let up = |value: f64| rounded(TOP + SIZE.1 - self.y.place(value) * SIZE.1);
        let (right, bottom) = (LEFT + SIZE.0, TOP + SIZE.1);
        html! {
            text.title x=(LEFT) y="26" { (self.title) }
            text.soft x=(LEFT) y="46" { (self.y.title) }
            @for &tick in &self.y.ticks {
                line x1=(LEFT) x2=(right) y1=(up(tick)) y2=(up(tick)) {}
                text.soft x=(LEFT - 7.0) y=(up(tick)) dy="0.35em" text-anchor="end" {
                    (grouped(tick))
                }
            }
            @for &tick in &x.ticks {
                line x1=(across(tick)) x2=(across(tick)) y1=(bottom) y2=(bottom + 4.0) {}
                text.soft x=(across(tick)) y=(bottom + 18.0) text-anchor="middle" { (tick) }
            }
            text.soft x=(right) y=(bottom + 36.0) text-anchor="end" { (x.title) }
            @for line in &self.lines {
                polyline class=(line.class) points=(coordinates(line, across, up)) {}
            }
            @if let Some((value, label)) = &self.limit {
                line.limit x1=(LEFT) x2=(right) y1=(up(*value)) y2=(up(*value)) {}
                text.soft x=(LEFT + 4.0) y=(beside(up(*value))) { (label) }
            }
            @for (y, line) in self.labels(up) {
                text class=(line.class) x=(right + 7.0) y=(y) dy="0.35em" { (line.label) }
            }
        }
    }

    /// The labels at the ends of the lines, apart from each other.
    fn labels(&self, up: impl Fn(f64) -> f64) -> Vec<(f64, &Line)> {
        let end = |line: &Line| up(line.points.last().map_or(1.0, |point| point.1));
        let mut labels: Vec<(f64, &Line)> = self.lines.iter().map(|l| (end(l), l)).collect();
        // Of equal ones, the last is the highest.
        labels.reverse();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        for i in 1..labels.len() {
            labels[i].0 = labels[i].0.max(labels[i - 1].0 + LABELS);
        }
        labels
    }
}

fn coordinates(line: &Line, across: impl Fn(f64) -> f64, up: impl Fn(f64) -> f64) -> String {
    let mut text = String::new();
    for &(x, y) in &line.points {
        // Writing to a string cannot fail.
        let _ = write!(text, "{},{} ", across(x), up(y));
    }
    text.trim_end().to_owned()
}

/// Where the text above a line at this height goes; below it, if there is no room.
fn beside(y: f64) -> f64 {
    if y < TOP + LABELS { y + 15.0 } else { y - 6.0 }
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A number with its thousands apart.
pub(super) fn grouped(number: f64) -> String {
    if number < 10_000.0 {
        return format!("{number}");
    }
    let digits = format!("{number:.0}");
    let group = |(i, digit): (usize, char)| {
        let apart = i > 0 && (digits.len() - i).is_multiple_of(3);
        apart.then_some('\u{a0}').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(group).collect()
}
