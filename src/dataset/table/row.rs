//! Rows of tables.

use std::fmt;

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where in the file it is.
    pub place: Place,
    pub(super) cells: Vec<Cell>,
}

/// Where in a file a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The number of its first line, from 1.
    Line(u64),
    /// The number of its object or pair in JSON, from 1.
    Entry(u64),
}

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Text, or a number or truth value as JSON writes it; empty where there is none.
    Text(String),
    /// A JSON array or object.
    Nested,
}

impl Place {
    /// The number of the line or entry.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Line(number) | Self::Entry(number) => *number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Entry(number) => write!(f, "entry {number}"),
        }
    }
}
