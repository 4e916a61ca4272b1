//! Numbers as the page shows them. Each is a `<data>` element: the reader sees a few digits, a
//! program finds the whole value and the figure's name.

use crate::metrics::Interval;
use maud::{Markup, html};

/// What stands for a figure that there is none of.
const NONE: &str = "–";

/// A share of 0 to 1 as a percentage.
pub(super) fn percent(name: &str, share: Option<f64>) -> Markup {
    figure(name, share, |share| format!("{:.1}%", 100.0 * share))
}

/// A number with that many decimals.
pub(super) fn number(name: &str, value: Option<f64>, decimals: usize) -> Markup {
    figure(name, value, |value| format!("{value:.decimals$}"))
}

/// A count.
pub(super) fn count(name: &str, value: usize) -> Markup {
    html! { data data-figure=(name) value=(value) { (value) } }
}

fn figure(name: &str, value: Option<f64>, shown: impl Fn(f64) -> String) -> Markup {
    html! {
        @match value {
            Some(value) => data data-figure=(name) value=(value) { (shown(value)) },
            None => (NONE),
        }
    }
}

/// The bounds of an interval: "60.1% to 96.0%".
pub(super) fn interval(name: &str, interval: Option<Interval>) -> Markup {
    html! {
        @if let Some(Interval { low, high }) = interval {
            (percent(&format!("{name}/low"), Some(low)))
            " to "
            (percent(&format!("{name}/high"), Some(high)))
        }
    }
}

/// A share with its interval below it, for a cell of a table.
pub(super) fn cell(name: &str, share: Option<f64>, bounds: Option<Interval>) -> Markup {
    html! {
        td {
            (percent(name, share))
            @if bounds.is_some() { small { (interval(name, bounds)) } }
        }
    }
}

/// A label or a file's name, which may be written from right to left, on one line.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (crate::text::one_line(text)) } }
}
