//! The report: a CSV file with a row for each address, written as it goes. The next run reads what
//! is done from it.

use crate::error::{Error, Result};
use crate::fsio::{self, Alone};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What became of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its photograph is there.
    Ok,
    /// Its photograph is there already, under another address.
    Duplicate,
    /// There is no photograph.
    Failed,
    /// It was not downloaded, because a limit was reached.
    Skipped,
}

/// A row of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The address, as the list has it.
    pub url: String,
    /// The class, as the list has it.
    pub class: String,
    /// The photograph, in `image_dir`; of a duplicate, the one that was kept.
    pub file: String,
    /// What became of it.
    pub status: Status,
    /// The photograph's bytes.
    pub bytes: Option<u64>,
    /// Its width in pixels.
    pub width: Option<u64>,
    /// Its height in pixels.
    pub height: Option<u64>,
    /// How often it was tried.
    pub tries: u32,
    /// Why it failed, was left out, or is a duplicate.
    pub reason: String,
    /// The photograph's SHA-256.
    pub sha256: String,
}

const HEADER: [&str; 10] =
    ["url", "class", "file", "status", "bytes", "width", "height", "tries", "reason", "sha256"];

/// The report, being written.
#[derive(Debug)]
pub(super) struct Report {
    path: PathBuf,
    file: File,
}

/// The rows of an earlier run, and its report, which nobody else can write.
pub(super) struct Earlier {
    pub(super) rows: Vec<Row>,
    held: Option<File>,
}

impl Earlier {
    /// Reads the report of an earlier run. A row that a full disk cut off is left out.
    ///
    /// # Errors
    /// If there is another file, or another run is writing it.
    pub(super) fn read(path: &Path) -> Result<Self> {
        fsio::check_writable(path)?;
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            let message = "is not a file; `report` must be one, because the next run reads it";
            return Err(Error::input(path, message));
        }
        let file = match open(path) {
            Alone::Held(file) | Alone::Unsupported(file) => file,
            Alone::Refused(_) => return Ok(Self { rows: Vec::new(), held: None }),
            Alone::InUse => return Err(in_use(path)),
        };
        let content = fsio::read(path)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content.as_slice());
        let is_ours = reader.headers().is_ok_and(|header| header.iter().eq(HEADER));
        if !is_ours && !content.is_empty() {
            let message = "is not a report of download_images; give another path with `report`";
            return Err(Error::input(path, message));
        }
        Ok(Self { rows: reader.deserialize().filter_map(Result::ok).collect(), held: Some(file) })
    }
}

impl Report {
    /// Begins the report with the rows that stay.
    pub(super) fn begin<'r>(
        path: &Path,
        earlier: Earlier,
        rows: impl Iterator<Item = &'r Row>,
    ) -> Result<Self> {
        let mut content = line(|writer| writer.write_record(HEADER), path)?;
        for row in rows {
            content.extend(line(|writer| writer.serialize(row), path)?);
        }
        let _held = earlier.held.and_then(fsio::while_replaced);
        fsio::write(path, &content)?;
        match open(path) {
            Alone::Held(file) | Alone::Unsupported(file) => {
                Ok(Self { path: path.to_owned(), file })
            }
            Alone::Refused(error) => Err(Error::io("opening", path)(error)),
            Alone::InUse => Err(in_use(path)),
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &Row) -> Result<()> {
        let line = line(|writer| writer.serialize(row), &self.path)?;
        self.file.write_all(&line).map_err(Error::io("writing", &self.path))
    }
}

/// Opens the report for this run alone.
fn open(path: &Path) -> Alone {
    fsio::open_alone(File::options().read(true).append(true), path)
}

fn in_use(path: &Path) -> Error {
    let message = "is being written by another download_images; wait for it, or give another \
                   `image_dir` or `report`";
    Error::input(path, message)
}

fn line(
    write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>,
    path: &Path,
) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let failed = |e: csv::Error| Error::input(path, format!("cannot be written ({e})"));
    write(&mut writer).map_err(failed)?;
    writer.into_inner().map_err(|e| Error::input(path, format!("cannot be written ({e})")))
}
