//! Fuzzed properties of tables.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::table::{Table, TableFormat};
use std::io::Cursor;
use std::path::Path;

/// The first byte chooses the format. What reads as a table has as many cells in each row as in its
/// heading, and reads as the same when it is written as CSV.
pub fn table(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let formats = [TableFormat::Csv, TableFormat::Tsv, TableFormat::Json, TableFormat::JsonLines];
    let format = formats[usize::from(first) % formats.len()];
    let Some(cells) = cells(format, data) else { return };
    let mut writer = csv::Writer::from_writer(Vec::new());
    cells.iter().for_each(|row| writer.write_record(row).unwrap());
    let again = writer.into_inner().unwrap();
    // Rows without any text are skipped, and a heading without any is refused.
    let has_text = |row: &[String]| row.iter().any(|cell| !cell.trim().is_empty());
    // The end of the file that is searched for zeros depends on how it is written.
    let is_plain = !again.contains(&0) && cells[0].iter().all(|n| n.trim() == n);
    let semicolon = cells[0].len() == 1 && cells[0][0].contains(';');
    let marked = cells[0][0].starts_with('\u{feff}');
    if has_text(&cells[0]) && is_plain && !semicolon && !marked {
        let kept: Vec<_> = cells.into_iter().filter(|row| has_text(row)).collect();
        assert_eq!(self::cells(TableFormat::Csv, &again), Some(kept));
    }
}

/// The heading and the rows; `None` if the table is refused, or holds nested values.
fn cells(format: TableFormat, data: &[u8]) -> Option<Vec<Vec<String>>> {
    let refused = |error| crate::fuzzing::assert_readable(&error);
    let file = Path::new("table");
    let mut table = Table::read(file, format, Cursor::new(data.to_vec())).map_err(refused).ok()?;
    let columns = table.column_names().to_vec();
    let mut rows = vec![columns.clone()];
    while let Some(row) = table.next() {
        let row = row.map_err(refused).ok()?;
        let text = |column| table.text(&row, column).map(str::to_owned).map_err(refused).ok();
        let mut row = (0..columns.len()).map(text).collect::<Option<Vec<String>>>()?;
        // CSV takes carriage returns at the end of a line for part of its end.
        row.last_mut().iter_mut().for_each(|last| **last = last.trim_end_matches('\r').into());
        rows.push(row);
    }
    // CSV cannot tell a row of no columns from none.
    (!columns.is_empty()).then_some(rows)
}
