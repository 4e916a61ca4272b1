//! Writes the labels of many images as text, one line per image, for `grep`, spreadsheets and other
//! programs.

use super::paths::Key;
use crate::text::one_line;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The format of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The path, and the label and score of the best class, separated by tabs.
    Text,
    /// Comma-separated, with a header: the path, the best labels with their scores, and the
    /// error.
    Csv,
    /// One JSON object per line, with `path`, `labels`, `scores` and `error`. If the path is not
    /// UTF-8, `path` has replacement characters and `path_base64` the exact bytes.
    Json,
}

impl Format {
    /// The names of the formats, in order of declaration.
    pub const NAMES: [&str; 3] = ["text", "csv", "json"];

    /// The format of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|n| *n == name)?;
        [Self::Text, Self::Csv, Self::Json].get(index).copied()
    }
}

/// An image and what is in it.
#[derive(Debug)]
pub struct Row {
    /// The image.
    pub path: PathBuf,
    /// What the catalogue says of it that it comes from.
    pub key: Option<Box<Key>>,
    /// The best labels with their scores, at most `top_k`, the best first; before them
    /// [`UNKNOWN`](super::UNKNOWN) with the best score, if that is below the threshold. Or what is
    /// wrong with the image.
    pub top: Result<Vec<(String, f32)>, String>,
    /// The class of the best score; `None` if that is below the threshold, or there is no score.
    pub class: Option<usize>,
}

/// Writes rows in one format.
#[derive(Debug)]
pub struct RowWriter {
    format: Format,
    /// How many labels each row of a CSV table has columns for.
    labels: usize,
    ids: Ids,
}

/// Whether a table begins with the photographs' names in their catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// It does.
    First,
    /// There are none.
    None,
}

impl RowWriter {
    /// Writes the header, if the format has one. `labels` is how many each row has at
    /// most ([`Labeller::listed`](super::Labeller::listed)).
    pub fn new(format: Format, labels: usize, ids: Ids, out: &mut impl Write) -> io::Result<Self> {
        if format == Format::Csv {
            if ids == Ids::First {
                write!(out, "id,")?;
            }
            write!(out, "image,label,score")?;
            (2..=labels).try_for_each(|n| write!(out, ",label_{n},score_{n}"))?;
            writeln!(out, ",error")?;
        }
        Ok(Self { format, labels, ids })
    }

    /// Writes a row.
    pub fn write(&self, row: &Row, out: &mut impl Write) -> io::Result<()> {
        match self.format {
            Format::Text => text(row, out),
            Format::Csv => self.csv(row, out),
            Format::Json => json(row, out),
        }
    }

    fn csv(&self, row: &Row, out: &mut impl Write) -> io::Result<()> {
        let key = row.key.as_ref();
        if self.ids == Ids::First {
            quoted(key.and_then(|key| key.id.as_ref()).map_or(b"", String::as_bytes), out)?;
            out.write_all(b",")?;
        }
        // As it stands in the catalogue, so that the tables can be joined.
        quoted(key.map_or(bytes(&row.path), |key| key.path.as_bytes()), out)?;
        let top = row.top.as_deref().unwrap_or_default();
        for place in 0..self.labels {
            out.write_all(b",")?;
            match top.get(place) {
                Some((label, score)) => {
                    quoted(label.as_bytes(), out)?;
                    write!(out, ",{score}")?;
                }
                None => out.write_all(b",")?,
            }
        }
        out.write_all(b",")?;
        quoted(row.top.as_ref().err().map_or(b"", String::as_bytes), out)?;
        out.write_all(b"\n")
    }
}

/// Writes nothing for an image that could not be labelled: it is named in the log.
fn text(row: &Row, out: &mut impl Write) -> io::Result<()> {
    let Some((label, score)) = row.top.as_ref().ok().and_then(|top| top.first()) else {
        return Ok(());
    };
    out.write_all(bytes(&row.path))?;
    writeln!(out, "\t{}\t{score:.5}", one_line(label))
}

fn json(row: &Row, out: &mut impl Write) -> io::Result<()> {
    let top = row.top.as_deref().unwrap_or_default();
    let labels = json!(top.iter().map(|(label, _)| label).collect::<Vec<_>>());
    // The shortest digits that read back as the same f32; serde_json would widen it to f64.
    let scores: Vec<String> = top.iter().map(|(_, score)| score.to_string()).collect();
    let path = match &row.key {
        Some(key) => json!(key.path),
        None => json!(row.path.to_string_lossy()),
    };
    let id = row.key.as_ref().and_then(|key| key.id.as_ref());
    let id = id.map_or_else(String::new, |id| format!(r#""id":{},"#, json!(id)));
    let error = json!(row.top.as_ref().err());
    let bytes = match (row.path.to_str(), &row.key) {
        (Some(_), _) | (None, Some(_)) => String::new(),
        (None, None) => format!(r#","path_base64":"{}""#, BASE64_STANDARD.encode(bytes(&row.path))),
    };
    writeln!(
        out,
        r#"{{{id}"path":{path}{bytes},"labels":{labels},"scores":[{}],"error":{error}}}"#,
        scores.join(",")
    )
}

/// The exact bytes of a path.
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Writes a CSV field, in quotes if it needs them.
fn quoted(field: &[u8], out: &mut impl Write) -> io::Result<()> {
    if !field.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return out.write_all(field);
    }
    let mut quoted = vec![b'"'];
    field.iter().for_each(|&b| quoted.extend(std::iter::repeat_n(b, 1 + usize::from(b == b'"'))));
    quoted.push(b'"');
    out.write_all(&quoted)
}
