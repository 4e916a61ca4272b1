//! Tables of the user's: CSV, TSV, JSON and JSON Lines, row by row. Columns are found by name, and
//! every error about a row says where it is.

mod columns;
mod json;
mod reader;
mod row;

pub use columns::{ColumnNames, Columns, KnownColumn};
pub use reader::{Table, TableFormat};
pub use row::{Place, Row};
