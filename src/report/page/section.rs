//! What a section of the page is.

use super::pictures::Pictures;
use maud::Markup;

/// A section of the page.
pub(super) trait Section {
    /// Its anchor.
    fn id(&self) -> &'static str;

    /// Its heading.
    fn title(&self) -> &'static str;

    /// The photographs it shows, as indices.
    fn photographs(&self) -> Vec<usize> {
        Vec::new()
    }

    /// What stands below the heading.
    fn body(&self, pictures: &Pictures<'_>) -> Markup;
}
