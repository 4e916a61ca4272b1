//! Labels of many images as text: one line an image, for `grep`, for spreadsheets, for programs.

use super::TOP;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Path, label and score of the best class, with tabs between them.
    Text,
    /// Comma-separated, with a header: the path, up to five labels with their scores, and what went
    /// wrong.
    Csv,
    /// A JSON object on each line, with `path`, `labels`, `scores` and `error`. Where the path is
    /// no UTF-8, `path` shows it with replacement characters, and `path_base64` has its bytes.
    Json,
}

impl Format {
    /// The words that name them, in their order.
    pub const NAMES: [&str; 3] = ["text", "csv", "json"];

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|n| *n == name)?;
        [Self::Text, Self::Csv, Self::Json].get(place).copied()
    }
}

/// An image and what is in it.
#[derive(Debug)]
pub struct Row {
    /// The image.
    pub path: PathBuf,
    /// Labels and scores, the best first, at most five; or what is wrong with the image.
    pub top: Result<Vec<(String, f32)>, String>,
}

/// Writes rows.
#[derive(Debug)]
pub struct RowWriter {
    format: Format,
    /// How many labels each row of a table has room for.
    labels: usize,
}

impl RowWriter {
    /// Writes the header, if the format has one; `classes` are those of the graph.
    pub fn new(format: Format, classes: usize, out: &mut impl Write) -> io::Result<Self> {
        let labels = classes.min(TOP);
        if format == Format::Csv {
            write!(out, "image,label,score")?;
            (2..=labels).try_for_each(|n| write!(out, ",label_{n},score_{n}"))?;
            writeln!(out, ",error")?;
        }
        Ok(Self { format, labels })
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
        quoted(bytes(&row.path), out)?;
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

/// A bad image has no line: it is named on standard error.
fn text(row: &Row, out: &mut impl Write) -> io::Result<()> {
    let Some((label, score)) = row.top.as_ref().ok().and_then(|top| top.first()) else {
        return Ok(());
    };
    out.write_all(bytes(&row.path))?;
    writeln!(out, "\t{label}\t{score:.5}")
}

fn json(row: &Row, out: &mut impl Write) -> io::Result<()> {
    let top = row.top.as_deref().unwrap_or_default();
    let labels = json!(top.iter().map(|(label, _)| label).collect::<Vec<_>>());
    // As few digits as tell a 32-bit float from its neighbours.
    let scores: Vec<String> = top.iter().map(|(_, score)| score.to_string()).collect();
    let (path, error) = (json!(row.path.to_string_lossy()), json!(row.top.as_ref().err()));
    let bytes = match row.path.to_str() {
        Some(_) => String::new(),
        None => format!(r#","path_base64":"{}""#, BASE64_STANDARD.encode(bytes(&row.path))),
    };
    writeln!(
        out,
        r#"{{"path":{path}{bytes},"labels":{labels},"scores":[{}],"error":{error}}}"#,
        scores.join(",")
    )
}

/// A path as the system has it, so that it can be opened.
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// A field of a comma-separated table, in quotes where it needs them.
fn quoted(field: &[u8], out: &mut impl Write) -> io::Result<()> {
    if !field.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return out.write_all(field);
    }
    let mut quoted = vec![b'"'];
    field.iter().for_each(|&b| quoted.extend(std::iter::repeat_n(b, 1 + usize::from(b == b'"'))));
    quoted.push(b'"');
    out.write_all(&quoted)
}
