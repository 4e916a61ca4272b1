//! The report's page, `index.html`: one file that needs nothing from elsewhere and runs no script.
//! This file is its table of contents; each section is a file.
//!
//! Whatever comes from the user (labels, names of files, settings) is data: maud escapes it, and a
//! Content-Security-Policy allows nothing from outside. Two runs with the same seed write the same
//! page, so that it tells no time.

mod calibration;
mod charts;
mod classes;
mod confusion;
mod elsewhere;
mod figures;
mod galleries;
mod label_errors;
mod pictures;
mod ranking;
mod section;
mod settings;
mod similar;
mod summary;
mod training;
mod view;

use super::{Exporter, Material, Outcome};
use crate::error::Result;
use crate::fsio;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use pictures::Pictures;
use section::Section;
use std::path::Path;
use view::View;

/// Writes `index.html`.
pub(super) struct Page;

impl Exporter for Page {
    fn export(&self, material: &Material<'_>, dir: &Path) -> Result<()> {
        let tested = View::tested(material.outcome);
        let cross_validated = View::cross_validated(material);
        let views: Vec<&View<'_>> = [&tested].into_iter().chain(&cross_validated).collect();
        let sections = sections(material, &views);
        let shown = sections.iter().flat_map(|section| section.photographs());
        let pictures = Pictures::of(material, shown);
        let page = page(material.outcome, &sections, &pictures);
        fsio::write(&dir.join("index.html"), page.into_string().as_bytes())
    }
}

/// The sections in order. `views` are the predictions that are judged: of the test photographs, and
/// of all by cross-validation if there are any.
fn sections<'a>(
    material: &'a Material<'a>,
    views: &'a [&'a View<'a>],
) -> Vec<Box<dyn Section + 'a>> {
    let outcome = material.outcome;
    let tested = views[0];
    vec![
        Box::new(summary::Summary { outcome, views }),
        Box::new(training::Curves { outcome }),
        Box::new(confusion::Matrices::of(views)),
        Box::new(classes::Classes { views }),
        Box::new(ranking::Ranking { views }),
        Box::new(calibration::Reliability { outcome, tested }),
        Box::new(galleries::Galleries::of(tested)),
        Box::new(label_errors::LabelErrors::of(material)),
        Box::new(similar::Similar::of(material)),
        Box::new(elsewhere::Elsewhere { outcome }),
        Box::new(settings::Settings { outcome }),
    ]
}

/// Nothing but what is in the file itself.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("style.css");

fn page(outcome: &Outcome, sections: &[Box<dyn Section + '_>], pictures: &Pictures<'_>) -> Markup {
    let title: String = outcome.labels.join(", ").chars().take(80).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Retraining report: " (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Retraining report" }
                    nav aria-label="Sections" {
                        ul {
                            @for section in sections {
                                li { a href={ "#" (section.id()) } { (section.title()) } }
                            }
                        }
                    }
                }
                main {
                    @for section in sections {
                        section id=(section.id()) aria-labelledby={ (section.id()) "-title" } {
                            h2 id={ (section.id()) "-title" } { (section.title()) }
                            (section.body(pictures))
                        }
                    }
                }
                footer {
                    p {
                        "All predictions behind these figures are beside this page, in "
                        code { "predictions.csv" } " and " code { "predictions.json" } "."
                    }
                }
            }
        }
    }
}
