//! Reads lists of addresses: text with an address a line, or CSV and TSV with named columns.

use crate::text::one_line;
use std::path::Path;

/// The format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// An address a line; after white space its class, and after a tab its name.
    Text,
    /// Comma-separated values, with the columns' names in the first row.
    Csv,
    /// The same, separated by tabs.
    Tsv,
}

impl ListFormat {
    /// The names of the formats.
    pub const NAMES: [&str; 3] = ["text", "csv", "tsv"];

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some([Self::Text, Self::Csv, Self::Tsv][at])
    }

    /// The format of a file, by its ending, else by its first line.
    #[must_use]
    pub fn of(path: &Path, content: &str) -> Self {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match (ending.as_str(), first_line(content)) {
            ("tsv", _) => Self::Tsv,
            ("txt" | "list" | "lst" | "urls", _) => Self::Text,
            (_, line) if line.contains("://") => Self::Text,
            ("csv", _) => Self::Csv,
            (_, line) if line.contains('\t') => Self::Tsv,
            (_, line) if line.contains([',', ';']) => Self::Csv,
            _ => Self::Text,
        }
    }
}

/// The first line that is neither blank nor a comment.
fn first_line(content: &str) -> &str {
    let mut lines = content.lines().map(str::trim);
    lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()
}

/// The names of a list's columns, where they are not the usual ones.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// The column of addresses.
    pub url: Option<String>,
    /// The column of classes.
    pub class: Option<String>,
    /// The column of the files' names.
    pub name: Option<String>,
}

/// The usual names, in lower case; the first that a list has is taken.
const URLS: [&str; 12] = [
    "url",
    "image_url",
    "imageurl",
    "img_url",
    "photo_url",
    "file_url",
    "uri",
    "link",
    "image_link",
    "href",
    "originalurl",
    "identifier",
];
const CLASSES: [&str; 8] =
    ["class", "label", "class_name", "classname", "category", "species", "scientificname", "type"];
const NAMES: [&str; 8] =
    ["name", "filename", "file_name", "file", "id", "id_str", "image_id", "imageid"];

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The address, as it is written.
    pub url: String,
    /// The class, if the line has one.
    pub class: Option<String>,
    /// The file's name, if the line has one.
    pub name: Option<String>,
}

/// A list that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its lines.
    pub entries: Vec<Entry>,
    /// Which columns were taken, in words; nothing for text.
    pub taken: Option<String>,
}

/// Reads a list.
///
/// # Errors
/// A sentence that says what is wrong with it, without its name.
pub fn parse(content: &str, format: ListFormat, columns: &Columns) -> Result<List, String> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    match format {
        ListFormat::Text => {
            let named = [
                ("url_column", &columns.url),
                ("class_column", &columns.class),
                ("name_column", &columns.name),
            ];
            if let Some((setting, _)) = named.iter().find(|(_, name)| name.is_some()) {
                return Err(format!(
                    "is text without columns, but `{setting}` names one; if it has columns, give \
                     `format=csv` or `format=tsv`"
                ));
            }
            Ok(List { entries: content.lines().filter_map(entry_of).collect(), taken: None })
        }
        ListFormat::Csv => table(content, delimiter(content), columns),
        ListFormat::Tsv => table(content, b'\t', columns),
    }
}

/// A line of text: the address, its class after white space, and its name after a tab.
fn entry_of(line: &str) -> Option<Entry> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (url, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (class, name) = rest.trim_start().split_once('\t').unwrap_or((rest, ""));
    Some(Entry { url: url.into(), class: filled(class), name: filled(name) })
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A spreadsheet writes semicolons where the comma is the decimal mark.
fn delimiter(content: &str) -> u8 {
    let line = first_line(content);
    if line.contains(';') && !line.contains(',') { b';' } else { b',' }
}

fn table(content: &str, delimiter: u8, columns: &Columns) -> Result<List, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(content.as_bytes());
    let header = reader.headers().map_err(|e| format!("cannot be read ({e})"))?.clone();
    let header: Vec<&str> = header.iter().collect();
    let find = |setting, given: &Option<String>, usual: &[&str]| match given {
        Some(name) => position(&header, name)
            .map(Some)
            .ok_or_else(|| format!("has no column '{name}' (`{setting}`); {}", listed(&header))),
        None => Ok(usual.iter().find_map(|name| position(&header, name))),
    };
    let url = find("url_column", &columns.url, &URLS)?;
    let class = find("class_column", &columns.class, &CLASSES)?;
    let name = find("name_column", &columns.name, &NAMES)?;
    let url = url.ok_or_else(|| {
        format!("has no column of addresses; name it with `url_column`; {}", listed(&header))
    })?;
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("cannot be read ({e})"))?;
        let field = |at: Option<usize>| filled(record.get(at?)?);
        if let Some(url) = field(Some(url)) {
            entries.push(Entry { url, class: field(class), name: field(name) });
        }
    }
    let said = |at: Option<usize>, none: &str| match at {
        Some(at) => format!("'{}'", one_line(header[at])),
        None => none.to_owned(),
    };
    let taken = format!(
        "address from the column {}, class from {}, name from {}",
        said(Some(url), ""),
        said(class, "`class`"),
        said(name, "the address")
    );
    Ok(List { entries, taken: Some(taken) })
}

fn position(header: &[&str], name: &str) -> Option<usize> {
    let exact = header.iter().position(|column| *column == name);
    exact.or_else(|| header.iter().position(|column| column.eq_ignore_ascii_case(name)))
}

/// How many columns an error names.
const NAMED: usize = 20;

fn listed(header: &[&str]) -> String {
    let names: Vec<String> = header.iter().take(NAMED).map(|name| one_line(name)).collect();
    let more = if header.len() > NAMED { ", …" } else { "" };
    format!("its columns are: {}{more}", names.join(", "))
}
