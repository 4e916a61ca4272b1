//! Tables in JSON. serde_json limits how deep values may be nested. Objects are read as pairs: a
//! map would drop a key that is there twice.

use super::row::{Cell, Place, Row};
use crate::error::{Error, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

/// The columns and rows of a table.
type Parts = (Vec<String>, Vec<Row>);

/// A value, as far as it matters here.
enum Value {
    Cell(Cell),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Reads an array of objects, or one object of the pairs path: label.
pub(super) fn read(file: &Path, content: impl Read) -> Result<Parts> {
    let value: Value = serde_json::from_reader(content).map_err(|e| wrong(file, &e))?;
    match value {
        Value::Array(rows) => rows_of(file, rows),
        Value::Object(pairs) if pairs.iter().all(|(_, v)| matches!(v, Value::Cell(_))) => {
            let row = |(i, (path, label))| {
                let place = Place::Entry(i as u64 + 1);
                Row { place, cells: vec![Cell::Text(path), cell(label)] }
            };
            let rows = pairs.into_iter().enumerate().map(row).collect();
            Ok((vec!["path".into(), "label".into()], rows))
        }
        _ => Err(Error::input(
            file,
            "must be an array of objects, or one object with a label for each path",
        )),
    }
}

/// Reads an object a line.
pub(super) fn read_lines(file: &Path, content: impl Read) -> Result<Parts> {
    let values = serde_json::Deserializer::from_reader(content).into_iter::<Value>();
    let values: serde_json::Result<Vec<Value>> = values.collect();
    rows_of(file, values.map_err(|e| wrong(file, &e))?)
}

fn wrong(file: &Path, error: &serde_json::Error) -> Error {
    Error::input(file, format!("is not JSON ({error})"))
}

/// Rows from objects. A column is there if any object has it; the first have them in their order.
fn rows_of(file: &Path, values: Vec<Value>) -> Result<Parts> {
    let (mut columns, mut numbers) = (Vec::new(), HashMap::new());
    let mut rows = Vec::new();
    for (i, value) in values.into_iter().enumerate() {
        let place = Place::Entry(i as u64 + 1);
        let Value::Object(pairs) = value else {
            return Err(Error::input(file, format!("{place} must be an object")));
        };
        let mut cells = Vec::new();
        for (name, value) in pairs {
            let column = *numbers.entry(name.clone()).or_insert_with(|| {
                columns.push(name);
                columns.len() - 1
            });
            if cells.len() <= column {
                cells.resize(column + 1, Cell::Text(String::new()));
            }
            cells[column] = cell(value);
        }
        rows.push(Row { place, cells });
    }
    Ok((columns, rows))
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Cell(cell) => cell,
        Value::Array(_) | Value::Object(_) => Cell::Nested,
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

/// The methods of a visitor for values that are written as text.
macro_rules! as_text {
    ($($method:ident $type:ty),*) => {$(
        fn $method<E>(self, value: $type) -> std::result::Result<Value, E> {
            Ok(Value::Cell(Cell::Text(value.to_string())))
        }
    )*};
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    as_text!(visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str);

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Cell(Cell::Text(String::new())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Value::Object(pairs))
    }
}
