//! The commands that take the graph to other programs.

use super::pictures::Pictures;
use super::section::Section;
use crate::report::{Outcome, commands};
use maud::{Markup, html};

pub(super) struct Elsewhere<'a> {
    pub(super) outcome: &'a Outcome,
}

impl Section for Elsewhere<'_> {
    fn id(&self) -> &'static str {
        "elsewhere"
    }

    fn title(&self) -> &'static str {
        "Taking the result elsewhere"
    }

    fn body(&self, _: &Pictures<'_>) -> Markup {
        html! {
            p.reading {
                "Commands to copy and paste, for this graph. Those that label print the best "
                "label and its score, and take more photographs beside the one they name."
            }
            @for command in commands(self.outcome) {
                details.command {
                    summary { (command.title) }
                    @if !command.needs.is_empty() {
                        p { "It needs: " code { (command.needs) } }
                    }
                    div.scroll tabindex="0" role="region" aria-label=(command.title) {
                        pre { code { bdi { (command.text) } } }
                    }
                }
            }
        }
    }
}
