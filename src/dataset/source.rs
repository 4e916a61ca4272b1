//! Where the photographs and their labels come from.

use super::assign::split;
use super::catalogue::Catalogue;
use super::directory::Directory;
use super::formats::Layout;
use super::lists::ImageLists;
use super::split::Split;
use crate::error::Result;
use std::path::Path;

/// Where the photographs and their labels come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A directory for each class.
    Directory(Directory),
    /// A table with a row for each photograph.
    Catalogue(Catalogue),
}

impl Source {
    /// The directory as typed, or the file of the catalogue.
    #[must_use]
    pub fn place(&self) -> &Path {
        match self {
            Self::Directory(directory) => &directory.image_dir,
            Self::Catalogue(catalogue) => &catalogue.image_list,
        }
    }

    /// The setting that names it.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Directory(_) => "image_dir",
            Self::Catalogue(Catalogue { cutouts: Some(_), .. }) => "cutouts",
            Self::Catalogue(_) => "image_list",
        }
    }

    /// The directory, unless it is a catalogue.
    #[must_use]
    pub fn image_dir(&self) -> Option<&Path> {
        match self {
            Self::Directory(directory) => Some(&directory.image_dir),
            Self::Catalogue(_) => None,
        }
    }
}

/// Finds the classes and splits their photographs into sets: the scripts' function of the same
/// name. `layout` says which directories are classes.
///
/// # Errors
/// If the directory or the catalogue cannot be read, or two directories give the same label.
pub fn create_image_lists(source: &Source, layout: Layout, by: &Split) -> Result<ImageLists> {
    let (classes, instead) = match source {
        Source::Directory(directory) => directory.classes(layout)?,
        Source::Catalogue(catalogue) => (catalogue.classes()?, String::new()),
    };
    let place = source.place().to_owned();
    let labels = split(classes, by, &place)?;
    Ok(ImageLists { place, labels, instead })
}
