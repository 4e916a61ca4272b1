//! Reads the flags that say which photographs are used, and how they are split into sets.

use super::argparse::Parsed;
use crate::dataset::table::ColumnNames;
use crate::dataset::{Catalogue, Directory, Formats, IMAGE_LIST_COLUMNS, Source, Split, SplitKey};
use crate::error::{Error, Result};

/// Where the photographs come from.
pub(super) fn source(parsed: &Parsed) -> Result<Source> {
    match catalogue(parsed)? {
        None => Ok(Source::Directory(Directory {
            image_dir: parsed.path("image_dir"),
            recursive: parsed.switch("recursive"),
            formats: Formats::parse(&parsed.text("formats")?)
                .map_err(|message| Error::usage("formats", message))?,
        })),
        Some(catalogue) => {
            let others = ["image_dir", "recursive", "formats"];
            match others.into_iter().find(|name| is_given(parsed, name)) {
                None => Ok(Source::Catalogue(catalogue)),
                Some(name) => {
                    let message =
                        "goes with a directory, not with `image_list`; give one of the two";
                    Err(Error::usage(name, message))
                }
            }
        }
    }
}

/// The catalogue, if one is given.
pub(super) fn catalogue(parsed: &Parsed) -> Result<Option<Catalogue>> {
    if !parsed.given("image_list") {
        if parsed.given(IMAGE_LIST_COLUMNS) {
            return Err(Error::usage(IMAGE_LIST_COLUMNS, "needs `image_list`, the catalogue"));
        }
        return Ok(None);
    }
    let columns = ColumnNames::parse(IMAGE_LIST_COLUMNS, &parsed.text(IMAGE_LIST_COLUMNS)?)?;
    Ok(Some(Catalogue { image_list: parsed.path("image_list"), columns }))
}

fn is_given(parsed: &Parsed, name: &str) -> bool {
    match name {
        "recursive" => parsed.switch(name),
        _ => parsed.given(name),
    }
}

/// How they are split.
pub(super) fn split(parsed: &Parsed) -> Result<Split> {
    let key = SplitKey::named(&parsed.choice("split_key", &SplitKey::NAMES)?);
    Ok(Split {
        testing_percentage: parsed.int("testing_percentage")?,
        validation_percentage: parsed.int("validation_percentage")?,
        split_key: key.unwrap_or_default(),
        split_file: parsed.given("split_file").then(|| parsed.path("split_file")),
    })
}
