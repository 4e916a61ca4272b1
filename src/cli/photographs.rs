//! Reads the flags that say which photographs are used, and how they are split into sets.

use super::argparse::Parsed;
use super::flag::{Flag, Group, Kind};
use crate::dataset::table::ColumnNames;
use crate::dataset::{
    Catalogue, Cutouts, Directory, Formats, IMAGE_LIST_COLUMNS, MOST_SIDE, Source, Split, SplitKey,
};
use crate::error::{Error, Result};

/// Where the photographs come from.
pub(super) fn source(parsed: &Parsed) -> Result<Source> {
    match catalogue(parsed, "image_dir")? {
        None => Ok(Source::Directory(Directory {
            image_dir: parsed.path("image_dir"),
            recursive: parsed.switch("recursive"),
            formats: Formats::parse(&parsed.text("formats")?)
                .map_err(|message| Error::usage("formats", message))?,
        })),
        Some(catalogue) => {
            let others = ["image_dir", "recursive", "formats"];
            // The frame of cut-outs.
            let others = others.into_iter().skip(usize::from(catalogue.cutouts.is_some()));
            match others.into_iter().find(|name| is_given(parsed, name)) {
                None => Ok(Source::Catalogue(catalogue)),
                Some(name) => {
                    let message =
                        "goes with a directory, not with a catalogue; give one of the two";
                    Err(Error::usage(name, message))
                }
            }
        }
    }
}

/// The catalogue, if one is given: of files, or of cut-outs of the frame that the flag `frame`
/// names.
pub(super) fn catalogue(parsed: &Parsed, frame: &str) -> Result<Option<Catalogue>> {
    let cutouts = cutouts(parsed, frame)?;
    let name = match (parsed.given("image_list"), &cutouts) {
        (true, Some(_)) => {
            let message = "and --image_list exclude each other: give one of them";
            return Err(Error::usage("cutouts", message));
        }
        (true, None) => "image_list",
        (false, Some(_)) => "cutouts",
        (false, None) if parsed.given(IMAGE_LIST_COLUMNS) => {
            let message = "needs a catalogue: `image_list`, or `cutouts`";
            return Err(Error::usage(IMAGE_LIST_COLUMNS, message));
        }
        (false, None) => return Ok(None),
    };
    let columns = ColumnNames::parse(IMAGE_LIST_COLUMNS, &parsed.text(IMAGE_LIST_COLUMNS)?)?;
    Ok(Some(Catalogue { image_list: parsed.path(name), columns, cutouts }))
}

/// How a catalogue's rows are cut out of a frame, if `--cutouts` is given.
fn cutouts(parsed: &Parsed, frame: &str) -> Result<Option<Cutouts>> {
    if !parsed.given("cutouts") {
        return match ["cutout_size", "cutout_origin"].into_iter().find(|name| parsed.given(name)) {
            Some(name) => Err(Error::usage(name, "needs `cutouts`, the catalogue of sources")),
            None => Ok(None),
        };
    }
    if !parsed.given(frame) {
        let message = format!("needs `{frame}`, the FITS file to cut out of");
        return Err(Error::usage("cutouts", message));
    }
    let size = parsed.given("cutout_size").then(|| parsed.int("cutout_size")).transpose()?;
    let size = size.map(|size| {
        let side = usize::try_from(size).ok().filter(|side| (1..=MOST_SIDE).contains(side));
        let message = format!("must be from 1 to {MOST_SIDE} pixels, not {size}");
        side.ok_or_else(|| Error::usage("cutout_size", message))
    });
    let origin = match parsed.choice("cutout_origin", &ORIGINS)?.as_str() {
        "0" => Some(0),
        "1" => Some(1),
        _ => None,
    };
    let fits = super::reading::reading(parsed)?.fits;
    Ok(Some(Cutouts { frame: parsed.path(frame), fits, size: size.transpose()?, origin }))
}

/// What `cutout_origin` may be.
const ORIGINS: [&str; 3] = ["auto", "0", "1"];

/// `--cutouts`, `--cutout_size`, `--cutout_origin`
pub(super) const CUTOUTS: [Flag; 3] = [
    flag(
        "cutouts",
        Kind::Str,
        "",
        "A catalogue of sources in one FITS frame, which --image names: the photographs are \
         cut-outs around x and y in pixels, or ra and dec in degrees",
    ),
    flag(
        "cutout_size",
        Kind::Int,
        "",
        "Width and height of a cut-out in pixels [default: the catalogue's column size]",
    ),
    flag(
        "cutout_origin",
        Kind::Choice(&ORIGINS),
        "auto",
        "What the catalogue counts the first pixel's centre as; auto: 1 for SExtractor's X_IMAGE, \
         else 0, as astropy",
    ),
];

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, scripts: &[], group: Group::Images }
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
