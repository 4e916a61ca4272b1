//! Reads tables: CSV as it comes, JSON as a whole.

use super::json;
use super::row::{Cell, Place, Row};
use crate::error::{Error, Result};
use crate::text::{counted, one_line, shown};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// The most bytes a table may have. A cell whose quote is never closed is read to the end.
const MOST_BYTES: u64 = 1 << 30;
/// How much of a table is searched for the zeros of UTF-16.
const BEGINNING: usize = 4096;
/// How many column names an error lists.
const LISTED: usize = 30;

/// The format of a table, by its file's ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a heading, quoted as RFC 4180 says.
    Csv,
    /// The same, separated by tabs.
    Tsv,
    /// An array of objects, or one object of the pairs path: label.
    Json,
    /// One object a line.
    JsonLines,
}

impl TableFormat {
    /// The format of a file.
    ///
    /// # Errors
    /// If its ending is none of a table's.
    pub fn of(file: &Path) -> Result<Self> {
        let ending = file.extension().map(|e| e.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("tsv") => Ok(Self::Tsv),
            Some("json") => Ok(Self::Json),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            _ => Err(Error::input(file, "must end in .csv, .tsv, .json or .jsonl")),
        }
    }
}

/// A table that is being read. It iterates over its rows; after an error there are no more.
pub struct Table {
    file: PathBuf,
    columns: Vec<String>,
    rows: Option<Rows>,
}

enum Rows {
    Separated(Box<csv::Reader<Box<dyn Read + Send>>>),
    Json(std::vec::IntoIter<Row>),
}

impl Table {
    /// Opens a table and reads its heading.
    ///
    /// # Errors
    /// If the file is not there, not a table, too large, or not UTF-8.
    pub fn open(file: &Path) -> Result<Self> {
        let format = TableFormat::of(file)?;
        let metadata = std::fs::metadata(file).map_err(Error::io("reading", file))?;
        if !metadata.is_file() {
            return Err(Error::input(file, "is not a file; a table is read more than once"));
        }
        if metadata.len() > MOST_BYTES {
            let message = format!(
                "has {} bytes, more than the {MOST_BYTES} allowed; split it",
                metadata.len()
            );
            return Err(Error::input(file, message));
        }
        let content = File::open(file).map_err(Error::io("reading", file))?;
        // It may grow meanwhile.
        Self::read(file, format, BufReader::new(content.take(MOST_BYTES)))
    }

    /// Reads a table from anywhere; errors name `file`.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn read(
        file: &Path,
        format: TableFormat,
        mut content: impl Read + Send + 'static,
    ) -> Result<Self> {
        let mut beginning = Vec::new();
        content
            .by_ref()
            .take(BEGINNING as u64)
            .read_to_end(&mut beginning)
            .map_err(Error::io("reading", file))?;
        if beginning.contains(&0) {
            return Err(Error::input(file, "is UTF-16 or no text; save it as UTF-8"));
        }
        let marked = beginning.starts_with("\u{feff}".as_bytes());
        let beginning = beginning.split_off(if marked { 3 } else { 0 });
        let content = Cursor::new(beginning).chain(content);
        match format {
            TableFormat::Csv => Self::separated(file, b',', Box::new(content)),
            TableFormat::Tsv => Self::separated(file, b'\t', Box::new(content)),
            TableFormat::Json => Self::of_rows(file, json::read(file, content)?),
            TableFormat::JsonLines => Self::of_rows(file, json::read_lines(file, content)?),
        }
    }

    fn separated(file: &Path, delimiter: u8, content: Box<dyn Read + Send>) -> Result<Self> {
        // So that each record ends with a newline, which tells the number of its line. A carriage
        // return before it becomes part of the last cell.
        let content: Box<dyn Read + Send> = Box::new(content.chain(Cursor::new(b"\n")));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .from_reader(content);
        let columns: Vec<String> = match next_record(file, &mut reader)? {
            Some((_, cells)) => cells.iter().map(|name| name.trim().to_owned()).collect(),
            None => Vec::new(),
        };
        if columns.iter().all(String::is_empty) {
            let message = "is empty; the first line must name the columns, such as path,label";
            return Err(Error::input(file, message));
        }
        if columns.len() == 1 && columns[0].contains(';') {
            let message = "is separated by semicolons; save it with commas, or with tabs as .tsv";
            return Err(Error::input(file, message));
        }
        let rows = Some(Rows::Separated(Box::new(reader)));
        Ok(Self { file: file.to_owned(), columns, rows })
    }

    fn of_rows(file: &Path, (columns, rows): (Vec<String>, Vec<Row>)) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::input(file, "is empty; it must hold an object for each row"));
        }
        Ok(Self { file: file.to_owned(), columns, rows: Some(Rows::Json(rows.into_iter())) })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The names of its columns.
    #[must_use]
    pub fn column_names(&self) -> &[String] {
        &self.columns
    }

    /// An error about a row.
    #[must_use]
    pub fn error(&self, place: Place, message: impl fmt::Display) -> Error {
        Error::input(&self.file, format!("{place} {message}"))
    }

    /// The text of a cell of one of its rows; empty where there is none.
    ///
    /// # Errors
    /// If it is a JSON array or object.
    pub fn text<'r>(&self, row: &'r Row, column: usize) -> Result<&'r str> {
        match row.cells.get(column) {
            Some(Cell::Text(text)) => Ok(text),
            Some(Cell::Nested) => {
                let name = one_line(&self.columns[column]);
                let message = format!("has an array or object as '{name}'; one text is needed");
                Err(self.error(row.place, message))
            }
            None => Ok(""),
        }
    }

    /// The column names for a message.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<String> =
            self.columns.iter().take(LISTED).map(|name| one_line(name)).collect();
        if self.columns.len() > LISTED {
            names.push("…".into());
        }
        names.join(", ")
    }
}

/// Checks the number of cells; `None` for a row without text, as spreadsheets leave below a table.
fn row(file: &Path, columns: usize, (place, cells): (Place, Vec<String>)) -> Result<Option<Row>> {
    if cells.iter().all(|cell| cell.trim().is_empty()) {
        return Ok(None);
    }
    if cells.len() != columns {
        let message = format!(
            "{place} has {}, but the heading has {columns}; put quotes around a cell that \
             contains the separator or a quote",
            counted(cells.len() as u64, "cell")
        );
        return Err(Error::input(file, message));
    }
    Ok(Some(Row { place, cells: cells.into_iter().map(Cell::Text).collect() }))
}

/// The next record and its first line.
fn next_record(
    file: &Path,
    reader: &mut csv::Reader<Box<dyn Read + Send>>,
) -> Result<Option<(Place, Vec<String>)>> {
    let mut record = csv::ByteRecord::new();
    let failed = |e: csv::Error| Error::io("reading", file)(e.into());
    if !reader.read_byte_record(&mut record).map_err(failed)? {
        return Ok(None);
    }
    let newlines = record.as_slice().iter().filter(|&&b| b == b'\n').count() as u64;
    let place = Place::Line(reader.position().line().saturating_sub(1 + newlines));
    let not_utf_8 = |_| Error::input(file, format!("{place} is not UTF-8; save the file as UTF-8"));
    let record = csv::StringRecord::from_byte_record(record).map_err(not_utf_8)?;
    let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
    if let Some(last) = cells.last_mut() {
        last.truncate(last.trim_end_matches('\r').len());
    }
    Ok(Some((place, cells)))
}

impl Iterator for Table {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self.rows.as_mut()? {
            Rows::Json(rows) => return rows.next().map(Ok),
            Rows::Separated(reader) => loop {
                let record = next_record(&self.file, reader).transpose()?;
                let row = record.and_then(|record| row(&self.file, self.columns.len(), record));
                if let Some(row) = row.transpose() {
                    break row;
                }
            },
        };
        if next.is_err() {
            self.rows = None;
        }
        Some(next)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({}: {:?})", shown(&self.file), self.columns)
    }
}
