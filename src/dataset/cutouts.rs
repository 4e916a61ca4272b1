//! Catalogues of sources in one frame: each row is a cut-out around a place.

use super::table::{ColumnNames, Columns, KnownColumn, Row, Table};
use crate::error::{Error, Result};
use crate::images::fits::{Centre, FitsSettings, FrameFile, Region, size};
use crate::images::{Photograph, read_image};
use crate::text::one_line;
use std::path::PathBuf;
use std::sync::Arc;

const X: KnownColumn = KnownColumn {
    name: "x",
    aliases: &["x", "x_pixel", "xpix", "x_pix", "xcentroid", "x_centroid", "xcenter", "x_image"],
};
const Y: KnownColumn = KnownColumn {
    name: "y",
    aliases: &["y", "y_pixel", "ypix", "y_pix", "ycentroid", "y_centroid", "ycenter", "y_image"],
};
const RA: KnownColumn = KnownColumn {
    name: "ra",
    aliases: &["ra", "ra_deg", "radeg", "raj2000", "ra_j2000", "alpha_j2000", "right_ascension"],
};
const DEC: KnownColumn = KnownColumn {
    name: "dec",
    aliases: &["dec", "dec_deg", "decdeg", "dej2000", "dec_j2000", "delta_j2000", "declination"],
};
const SIZE: KnownColumn =
    KnownColumn { name: "size", aliases: &["size", "cutout_size", "size_pixels", "width"] };

/// SExtractor's columns count the first pixel as 1.
const FROM_ONE: &str = "x_image";
/// The largest side of a cut-out.
pub const MOST_SIDE: usize = 4096;

/// How the rows of a catalogue become cut-outs of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Cutouts {
    /// The frame: a FITS file.
    pub frame: PathBuf,
    /// Which image of that file is the frame.
    pub fits: FitsSettings,
    /// Width and height in pixels, where the catalogue does not say; `None` if it must.
    pub size: Option<usize>,
    /// What `x` and `y` of the first pixel's centre are; `None` is 1 for SExtractor's columns,
    /// else 0, as in astropy.
    pub origin: Option<u8>,
}

/// A catalogue of cut-outs whose columns are known.
#[derive(Debug)]
pub(super) struct Cutting {
    frame: Arc<FrameFile>,
    /// The columns of the place, across and up.
    place: [usize; 2],
    system: System,
    size: Option<usize>,
    default_size: Option<usize>,
}

/// What the numbers of a place are.
#[derive(Debug)]
enum System {
    /// Pixels, counted from this number.
    Pixels(f64),
    /// Degrees.
    Sky,
}

impl Cutouts {
    /// Checks that the frame can be read, from its headers alone.
    ///
    /// # Errors
    /// If the frame is missing, or has no such image.
    pub fn check(&self) -> Result<()> {
        if !self.frame.is_file() {
            let message = "there is no such file; give the FITS file to cut out of";
            return Err(Error::input(&self.frame, message));
        }
        let content = read_image(&self.frame);
        let size = content.and_then(|(_, content)| size(&content, &self.fits));
        size.map(drop).map_err(|message| Error::input(&self.frame, message))
    }

    /// Finds the columns of a table, `others` among them.
    pub(super) fn open(
        &self,
        table: &Table,
        others: &[KnownColumn],
        given: &ColumnNames,
    ) -> Result<(Columns, Cutting)> {
        let (known, columns) = place_columns(table, others, given)?;
        let [first, second] = [&known[0], &known[1]].map(|known| columns.required(table, known));
        let place = [first?, second?];
        let size = columns.get(SIZE.name);
        if size.is_none() && self.size.is_none() {
            let message = "must be given, in pixels: the catalogue has no column for the size";
            return Err(Error::usage("cutout_size", message));
        }
        let column = &table.column_names()[place[0]];
        let named = u8::from(column.eq_ignore_ascii_case(FROM_ONE));
        let system = match known[0].name == X.name {
            true => System::Pixels(self.origin.unwrap_or(named).into()),
            false => System::Sky,
        };
        let frame = Arc::new(FrameFile::new(&self.frame, self.fits.clone()));
        Ok((columns, Cutting { frame, place, system, size, default_size: self.size }))
    }
}

/// The columns of a table, and which are those of the place: what the user names decides, else
/// pixels are used if there are any, because they are exact.
fn place_columns(
    table: &Table,
    others: &[KnownColumn],
    given: &ColumnNames,
) -> Result<([KnownColumn; 2], Columns)> {
    let find = |place: [KnownColumn; 2]| {
        let columns = table.columns(&[&place[..], &[SIZE], others].concat(), given)?;
        Ok::<_, Error>((place, columns))
    };
    if ![RA, DEC].iter().any(|known| given.name_of(known).is_some()) {
        let (place, columns) = find([X, Y])?;
        if place.iter().any(|known| columns.get(known.name).is_some()) {
            return Ok((place, columns));
        }
    }
    find([RA, DEC])
}

impl Cutting {
    /// How places are read, for a message.
    pub(super) fn said(&self) -> String {
        match self.system {
            System::Pixels(origin) => format!("the first pixel's centre is {origin}"),
            System::Sky => "in degrees".into(),
        }
    }

    /// The cut-out of a row that is called `id`.
    pub(super) fn photograph(&self, table: &Table, row: &Row, id: &str) -> Result<Photograph> {
        let number = |column: usize| {
            let text = table.text(row, column)?.trim();
            text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| {
                let name = one_line(&table.column_names()[column]);
                let message = format!("has '{}' as {name}; it must be a number", one_line(text));
                table.error(row.place, message)
            })
        };
        let [a, b] = [number(self.place[0])?, number(self.place[1])?];
        let centre = match self.system {
            System::Pixels(origin) => Centre::Pixel(a - origin, b - origin),
            System::Sky => Centre::Sky(a, b),
        };
        let size = match (self.size, self.default_size) {
            (Some(column), default) => match (table.text(row, column)?.trim(), default) {
                ("", Some(size)) => size as f64,
                _ => number(column)?,
            },
            (None, size) => size.unwrap_or_default() as f64,
        };
        if size.fract() != 0.0 || !(1.0..=MOST_SIDE as f64).contains(&size) {
            let message =
                format!("has the size {size}; it must be whole pixels, from 1 to {MOST_SIDE}");
            return Err(table.error(row.place, message));
        }
        Ok(Photograph::cut_out(Arc::clone(&self.frame), id, Region { centre, size: size as usize }))
    }
}
