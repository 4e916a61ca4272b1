//! All settings and versions, and what was left out.

use super::figures::name;
use super::pictures::Pictures;
use super::section::Section;
use crate::report::Outcome;
use crate::report::metadata::PROGRAM;
use crate::text::shown;
use maud::{Markup, html};
use serde_json::Value;

pub(super) struct Settings<'a> {
    pub(super) outcome: &'a Outcome,
}

impl Section for Settings<'_> {
    fn id(&self) -> &'static str {
        "settings"
    }

    fn title(&self) -> &'static str {
        "Settings and versions"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        let outcome = self.outcome;
        let model = &outcome.model;
        let facts = [
            ("Program", PROGRAM.to_owned()),
            ("TensorFlow", outcome.tensorflow.clone()),
            ("Network", model.name.clone()),
            ("Features", format!("{} numbers: {}", model.bottleneck_size, model.bottleneck)),
            (
                "Pixels",
                format!("{} × {}: {}", model.pixels.width, model.pixels.height, model.input),
            ),
            ("Graph", shown(&outcome.written.output_graph)),
            ("Labels", shown(&outcome.written.output_labels)),
        ];
        let settings = outcome.settings.iter().map(|(setting, value)| (&**setting, text(value)));
        let seed = ("random_seed", outcome.random_seed.to_string());
        html! {
            (table("Versions and files", facts.iter().map(|(key, value)| (*key, value.clone()))))
            (table("Settings", settings.filter(|(key, _)| *key != seed.0).chain([seed.clone()])))
            @if !outcome.bad_images.is_empty() {
                (table("Photographs left out", outcome.bad_images.iter().map(|bad| {
                    (bad.path.to_str().unwrap_or("(not UTF-8)"), bad.message.clone())
                })))
            }
            p.reading {
                "With the same photographs and settings, " code { "random_seed" }
                " included, a run gives the same result."
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn table<'r>(title: &str, rows: impl Iterator<Item = (&'r str, String)>) -> Markup {
    html! {
        h3 { (title) }
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table.settings {
                tbody {
                    @for (key, value) in rows {
                        tr {
                            th scope="row" { (name(key)) }
                            td { (name(&value)) }
                        }
                    }
                }
            }
        }
    }
}
