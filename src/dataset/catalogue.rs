//! Catalogues: tables with a row for each photograph.

use super::cutouts::{Cutouts, Cutting};
use super::split::Category;
use super::table::{ColumnNames, Columns, KnownColumn, Place, Row, Table};
use crate::error::{Error, Result};
use crate::images::Photograph;
use crate::text::one_line;
use std::path::{Path, PathBuf};

/// The setting that names columns.
pub const IMAGE_LIST_COLUMNS: &str = "image_list_columns";

const PATH: KnownColumn = KnownColumn {
    name: "path",
    aliases: &[
        "path",
        "file_loc",
        "file_path",
        "filepath",
        "image_path",
        "img_path",
        "file",
        "filename",
        "file_name",
        "image_file",
        "image",
        "img",
        "photograph",
        "photo",
    ],
};
pub(super) const LABEL: KnownColumn = KnownColumn {
    name: "label",
    aliases: &["label", "class", "class_name", "category", "truth", "target", "summary"],
};
const SET: KnownColumn =
    KnownColumn { name: "set", aliases: &["set", "split", "subset", "partition"] };
const GROUP: KnownColumn = KnownColumn { name: "group", aliases: &["group", "group_id"] };
const WEIGHT: KnownColumn =
    KnownColumn { name: "weight", aliases: &["weight", "sample_weight", "weights"] };
const ID: KnownColumn = KnownColumn {
    name: "id",
    aliases: &["id", "id_str", "object_id", "objid", "source_id", "iauname", "name"],
};

/// A catalogue: CSV, TSV, JSON or JSON Lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// The file. Paths in it are relative to its directory.
    pub image_list: PathBuf,
    /// The columns that are named.
    pub columns: ColumnNames,
    /// How its rows are cut out of a frame; `None` if they are files.
    pub cutouts: Option<Cutouts>,
}

/// A row of a catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueRow {
    /// Where in the file it is.
    pub place: Place,
    /// The path as it stands in the file.
    pub written: String,
    /// The photograph.
    pub photograph: Photograph,
    /// The label, without white space around it; `None` without such a column.
    pub label: Option<String>,
    /// The set, if it is said.
    pub set: Option<Category>,
    /// What the photograph has in common with others, if that is said.
    pub group: Option<String>,
    /// How much it counts in training.
    pub weight: f64,
    /// What others call it; `None` without such a column.
    pub id: Option<String>,
}

/// The rows of a catalogue, as they are read.
#[derive(Debug)]
pub struct CatalogueRows {
    table: Table,
    columns: Columns,
    photographs: Photographs,
}

/// What the photographs of a catalogue are.
#[derive(Debug)]
enum Photographs {
    /// Files, whose paths are in this column.
    Files(usize),
    CutOuts(Cutting),
}

/// What is read of each row, besides the photograph.
const OTHERS: [KnownColumn; 5] = [LABEL, SET, GROUP, WEIGHT, ID];

impl Catalogue {
    /// A catalogue whose columns are found by name.
    #[must_use]
    pub fn new(image_list: impl Into<PathBuf>) -> Self {
        let columns = ColumnNames { setting: IMAGE_LIST_COLUMNS, names: Vec::new() };
        Self { image_list: image_list.into(), columns, cutouts: None }
    }

    /// Opens it.
    ///
    /// # Errors
    /// If it is no table, or has no column for the path, or for the place of a cut-out.
    pub fn open(&self) -> Result<CatalogueRows> {
        let table = Table::open(&self.image_list)?;
        let (columns, photographs) = match &self.cutouts {
            None => {
                let columns = table.columns(&[&[PATH][..], &OTHERS].concat(), &self.columns)?;
                let path = columns.required(&table, &PATH)?;
                (columns, Photographs::Files(path))
            }
            Some(cutouts) => {
                let (columns, cutting) = cutouts.open(&table, &OTHERS, &self.columns)?;
                (columns, Photographs::CutOuts(cutting))
            }
        };
        Ok(CatalogueRows { table, columns, photographs })
    }
}

impl CatalogueRows {
    /// Which column is used for what, for a message.
    #[must_use]
    pub fn said(&self) -> String {
        let said = self.columns.said(&self.table);
        match &self.photographs {
            Photographs::Files(_) => said,
            Photographs::CutOuts(cutting) => format!("{said}; {}", cutting.said()),
        }
    }

    /// Whether there is a column for labels.
    #[must_use]
    pub fn has_labels(&self) -> bool {
        self.columns.get(LABEL.name).is_some()
    }

    /// Whether the photographs have names elsewhere. Cut-outs always do.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        let are_cutouts = matches!(self.photographs, Photographs::CutOuts(_));
        are_cutouts || self.columns.get(ID.name).is_some()
    }

    /// Fails without a column for labels.
    pub(super) fn check_labels(&self) -> Result<()> {
        self.columns.required(&self.table, &LABEL).map(drop)
    }

    /// An error about a row.
    pub(super) fn error(&self, place: Place, message: &str) -> Error {
        self.table.error(place, message)
    }

    fn row(&self, row: &Row) -> Result<CatalogueRow> {
        let text = |name: &str| {
            let column = self.columns.get(name);
            column.map(|column| self.table.text(row, column)).transpose()
        };
        let trimmed = |name: &str| Ok(text(name)?.map(|text: &str| text.trim().to_owned()));
        let filled = |name: &str| Ok(trimmed(name)?.filter(|text| !text.is_empty()));
        let mut id = trimmed(ID.name)?;
        let photograph = match &self.photographs {
            Photographs::Files(path) => Photograph::file(self.path(row, *path)?),
            Photographs::CutOuts(cutting) => {
                let id = id.get_or_insert_with(|| row.place.number().to_string());
                if id.is_empty() {
                    return Err(self.error(row.place, "has no id; fill it in, or remove the row"));
                }
                cutting.photograph(&self.table, row, id)?
            }
        };
        let written = match &self.photographs {
            Photographs::Files(path) => self.table.text(row, *path)?.to_owned(),
            Photographs::CutOuts(_) => photograph.path().to_string_lossy().into_owned(),
        };
        let set = filled(SET.name)?.map(|word: String| self.set(row.place, &word)).transpose()?;
        let weight = filled(WEIGHT.name)?.map(|text: String| self.weight(row.place, &text));
        Ok(CatalogueRow {
            place: row.place,
            photograph,
            written,
            label: trimmed(LABEL.name)?,
            set,
            group: filled(GROUP.name)?,
            weight: weight.transpose()?.unwrap_or(1.0),
            id,
        })
    }

    /// The path of a file, which is relative to the catalogue's directory.
    fn path(&self, row: &Row, column: usize) -> Result<PathBuf> {
        let written = self.table.text(row, column)?;
        if written.trim().is_empty() {
            return Err(self.error(row.place, "has no path; fill it in, or remove the row"));
        }
        let beside = self.table.file().parent().unwrap_or(Path::new(""));
        Ok(beside.join(written))
    }

    fn set(&self, place: Place, word: &str) -> Result<Category> {
        Category::of_word(word).ok_or_else(|| {
            let message = format!(
                "has the set '{}'; it must be training, validation or testing, or empty to let \
                 `split_key` decide",
                one_line(word)
            );
            self.error(place, &message)
        })
    }

    fn weight(&self, place: Place, text: &str) -> Result<f64> {
        let weight = text.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0);
        weight.ok_or_else(|| {
            let message =
                format!("has the weight '{}'; it must be a number from 0 on", one_line(text));
            self.error(place, &message)
        })
    }
}

impl Iterator for CatalogueRows {
    type Item = Result<CatalogueRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.table.next()?;
        Some(row.and_then(|row| self.row(&row)))
    }
}
