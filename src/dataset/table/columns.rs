//! Which column of a table is used for what.

use super::reader::Table;
use crate::error::{Error, Result};
use crate::text::one_line;
use std::fmt;

/// A column that a table may have.
#[derive(Debug, Clone, Copy)]
pub struct KnownColumn {
    /// What it is used for.
    pub name: &'static str,
    /// What it is called in tables, the most certain first, in lower case. White space, `-` and
    /// `_` are the same.
    pub aliases: &'static [&'static str],
}

/// Names of columns that the user gives, by what they are used for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// The setting that gives them.
    pub setting: &'static str,
    /// What for, and the column's name; an empty name is for no column.
    pub names: Vec<(String, String)>,
}

impl ColumnNames {
    /// Names from text such as `path=file_loc,label=summary,weight=`.
    ///
    /// # Errors
    /// If a part has no `=`, or something is named twice.
    pub fn parse(setting: &'static str, text: &str) -> Result<Self> {
        let mut names: Vec<(String, String)> = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let Some((what, name)) = part.split_once('=') else {
                let message =
                    format!("must be like path=file_loc,label=summary; '{part}' has no =");
                return Err(Error::usage(setting, message));
            };
            let what = what.trim().to_lowercase();
            if names.iter().any(|(other, _)| *other == what) {
                return Err(Error::usage(setting, format!("names a column for '{what}' twice")));
            }
            names.push((what, name.trim().to_owned()));
        }
        Ok(Self { setting, names })
    }

    /// The name that is given for this; empty for no column.
    #[must_use]
    pub fn name_of(&self, known: &KnownColumn) -> Option<&str> {
        let mut names = self.names.iter();
        names.find(|(what, _)| what == known.name).map(|(_, called)| called.as_str())
    }
}

impl fmt::Display for ColumnNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> =
            self.names.iter().map(|(what, name)| format!("{what}={name}")).collect();
        f.write_str(&names.join(","))
    }
}

/// The columns that were found: what for, and their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    found: Vec<(&'static str, usize)>,
    setting: &'static str,
}

impl Columns {
    /// The number of the column that is used for this, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<usize> {
        self.found.iter().find(|(found, _)| *found == name).map(|(_, column)| *column)
    }

    /// The number of the column that is used for this.
    ///
    /// # Errors
    /// If there is none; the error lists what it could be called.
    pub fn required(&self, table: &Table, known: &KnownColumn) -> Result<usize> {
        self.get(known.name).ok_or_else(|| {
            let KnownColumn { name, aliases } = known;
            let message = format!(
                "has no column for the {name} ({}); it has: {}; name one with `{}={name}=…`",
                aliases.join(", "),
                table.names(),
                self.setting
            );
            Error::input(table.file(), message)
        })
    }

    /// What is used for what, for a message: "path from 'file_loc', label".
    #[must_use]
    pub fn said(&self, table: &Table) -> String {
        let said = |(name, column): &(&str, usize)| match &table.column_names()[*column] {
            called if called == name => (*name).to_owned(),
            called => format!("{name} from '{}'", one_line(called)),
        };
        self.found.iter().map(said).collect::<Vec<_>>().join(", ")
    }
}

impl Table {
    /// Finds columns: those that `given` names, else by the aliases of `known`, of which the first
    /// wins.
    ///
    /// # Errors
    /// If a column that is given is not there, or two have the name that is looked for.
    pub fn columns(&self, known: &[KnownColumn], given: &ColumnNames) -> Result<Columns> {
        find(self, known, given)
    }
}

fn find(table: &Table, known: &[KnownColumn], given: &ColumnNames) -> Result<Columns> {
    for (what, _) in &given.names {
        if !known.iter().any(|k| k.name == what) {
            let names: Vec<&str> = known.iter().map(|k| k.name).collect();
            let message = format!("'{what}' is none of: {}", names.join(", "));
            return Err(Error::usage(given.setting, message));
        }
    }
    let mut columns = Columns { found: Vec::new(), setting: given.setting };
    for known in known {
        let KnownColumn { name, aliases } = known;
        let column = match given.name_of(known) {
            Some("") => None,
            Some(called) => Some(exact(table, called)?),
            None => by_alias(table, aliases)?,
        };
        columns.found.extend(column.map(|column| (*name, column)));
    }
    Ok(columns)
}

/// The column of exactly this name.
fn exact(table: &Table, called: &str) -> Result<usize> {
    let columns = table.column_names();
    let mut places = columns.iter().enumerate().filter(|(_, name)| *name == called);
    match (places.next(), places.next()) {
        (Some((column, _)), None) => Ok(column),
        (None, _) => {
            let message =
                format!("has no column '{}'; it has: {}", one_line(called), table.names());
            Err(Error::input(table.file(), message))
        }
        _ => Err(twice(table, called)),
    }
}

fn by_alias(table: &Table, aliases: &[&str]) -> Result<Option<usize>> {
    let columns: Vec<String> = table.column_names().iter().map(|name| plain(name)).collect();
    for alias in aliases {
        let mut places = (0..columns.len()).filter(|&i| columns[i] == plain(alias));
        match (places.next(), places.next()) {
            (None, _) => {}
            (Some(column), None) => return Ok(Some(column)),
            _ => return Err(twice(table, alias)),
        }
    }
    Ok(None)
}

fn twice(table: &Table, called: &str) -> Error {
    let message = format!("has two columns called '{}'; rename one of them", one_line(called));
    Error::input(table.file(), message)
}

/// A name in lower case, with one kind of separator.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}
