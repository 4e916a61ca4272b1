//! Tables of photographs: columns by name, rows with their places, errors that name them.

use super::support::Workspace;
use retrain::dataset::table::{ColumnNames, KnownColumn, Place, Table};
use std::path::Path;

const PATH: KnownColumn = KnownColumn { name: "path", aliases: &["path", "file_loc", "image"] };
const LABEL: KnownColumn = KnownColumn { name: "label", aliases: &["label", "class"] };

/// What a table says: each row's place, path and label; or the error.
fn read(file: &Path, given: &str) -> Result<(String, Vec<String>), String> {
    let rows = || -> retrain::Result<(String, Vec<String>)> {
        let mut table = Table::open(file)?;
        let given = ColumnNames::parse("image_list_columns", given)?;
        let columns = table.columns(&[PATH, LABEL], &given)?;
        let [path, label] = [columns.required(&table, &PATH)?, columns.required(&table, &LABEL)?];
        let (said, mut rows) = (columns.said(&table), Vec::new());
        while let Some(row) = table.next() {
            let row = row?;
            let [path, label] = [table.text(&row, path)?, table.text(&row, label)?];
            rows.push(format!("{} {path} {label}", row.place));
        }
        Ok((said, rows))
    };
    rows().map_err(|e| e.to_string())
}

#[test]
fn formats_read_alike() {
    let workspace = Workspace::new();
    for (name, text, place) in [
        ("a.csv", "label,x,path\r\nM 13,,a.jpg\r\n\r\n,,\n\"x,\"\"y\"\"\",1,b.jpg", "line"),
        ("a.CSV", "\u{feff}label,path\nM 13,a.jpg\n\n\n\"x,\"\"y\"\"\",b.jpg\n", "line"),
        ("a.tsv", "path\tlabel\na.jpg\tM 13\n\n\nb.jpg\t\"x,\"\"y\"\"\"\n", "line"),
        (
            "a.json",
            r#"[{"path": "a.jpg", "label": "M 13"}, {"label": "x,\"y\"", "path": "b.jpg"}]"#,
            "entry",
        ),
        ("b.json", r#"{"a.jpg": "M 13", "b.jpg": "x,\"y\""}"#, "entry"),
        (
            "a.jsonl",
            "{\"path\": \"a.jpg\", \"label\": \"M 13\"}\n{\"path\": \"b.jpg\", \"label\": \
            \"x,\\\"y\\\"\"}\n",
            "entry",
        ),
    ] {
        let (_, rows) = read(&workspace.write(name, text), "").unwrap();
        let [first, second] = if place == "line" { [2, 5] } else { [1, 2] };
        let wanted =
            [format!("{place} {first} a.jpg M 13"), format!("{place} {second} b.jpg x,\"y\"")];
        assert_eq!(rows, wanted, "{name}");
    }
}

#[test]
fn numbers_in_json_keep_their_digits() {
    let workspace = Workspace::new();
    let text = r#"[{"path": 587722981742084224, "label": true}, {"path": 2.5, "label": null}]"#;
    let (_, rows) = read(&workspace.write("a.json", text), "").unwrap();
    assert_eq!(rows, ["entry 1 587722981742084224 true", "entry 2 2.5 "]);
}

#[test]
fn columns_are_found_by_alias_and_by_what_is_given() {
    let workspace = Workspace::new();
    let file = workspace.write("a.csv", "id_str,File-Loc,Class,other\n1,a.jpg,ring,bar\n");
    let said = |given| read(&file, given);
    let (words, rows) = said("").unwrap();
    assert_eq!(words, "path from 'File-Loc', label from 'Class'");
    assert_eq!(rows, ["line 2 a.jpg ring"]);
    assert_eq!(said("label = other,").unwrap().1, ["line 2 a.jpg bar"]);
    for (given, wanted) in [
        (
            "label=",
            "has no column for the label (label, class); it has: id_str, File-Loc, Class, \
            other; name one with `image_list_columns=label=…`",
        ),
        ("label=x", "has no column 'x'; it has: id_str, File-Loc, Class, other"),
        ("lable=x", "`image_list_columns`: 'lable' is none of: path, label"),
        ("label", "'label' has no ="),
        ("label=x,label=y", "names a column for 'label' twice"),
    ] {
        let error = said(given).unwrap_err();
        assert!(error.contains(wanted), "{given}: {error}");
    }
    // The first alias wins; two columns of one name do not.
    let file = workspace.write("b.csv", "image,path,label\nx,a.jpg,ring\n");
    assert_eq!(read(&file, "").unwrap().1, ["line 2 a.jpg ring"]);
    let file = workspace.write("c.csv", "path,PATH,label\nx,a.jpg,ring\n");
    assert!(read(&file, "").unwrap_err().contains("has two columns called 'path'"));
    assert_eq!(read(&file, "path=PATH").unwrap().1, ["line 2 a.jpg ring"]);
}

#[test]
fn what_is_no_table_is_refused_with_its_place() {
    let workspace = Workspace::new();
    for (name, bytes, wanted) in [
        ("a.csv", &b""[..], "a.csv: is empty; the first line must name the columns"),
        ("b.csv", b"path;label\na;b\n", "b.csv: is separated by semicolons"),
        ("c.csv", b"path,label\na,b\n\nc\n", "c.csv: line 4 has 1 cell, but the heading has 2"),
        ("d.csv", b"path,label\na,b\nc,\xe9\n", "d.csv: line 3 is not UTF-8"),
        ("e.csv", b"\xff\xfep\0a\0", "e.csv: is UTF-16 or no text"),
        (
            "f.json",
            b"[{\"path\": \"a\", \"label\": [1]}]",
            "f.json: entry 1 has an array or object",
        ),
        ("g.json", b"[1]", "g.json: entry 1 must be an object"),
        ("h.json", b"[{]", "h.json: is not JSON ("),
        ("i.json", b"[]", "i.json: is empty"),
        ("j.json", b"{\"a\": {}}", "j.json: must be an array of objects"),
        ("k.txt", b"path,label\n", "k.txt: must end in .csv, .tsv, .json or .jsonl"),
    ] {
        let file = workspace.path(name);
        std::fs::write(&file, bytes).unwrap();
        let error = read(&file, "").unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
    std::fs::create_dir(workspace.path("l.csv")).unwrap();
    assert!(read(&workspace.path("l.csv"), "").unwrap_err().contains("is not a file"));
    let deep = workspace.write("m.json", "[".repeat(100_000));
    assert!(read(&deep, "").unwrap_err().contains("is not JSON"));
}

#[test]
fn an_error_ends_the_table() {
    let workspace = Workspace::new();
    let file = workspace.write("a.csv", "path,label\na\nb,c\n");
    let mut table = Table::open(&file).unwrap();
    assert!(table.next().unwrap().is_err());
    assert!(table.next().is_none());
    let mut table = Table::open(&workspace.write("b.csv", "path,label\na,b\n")).unwrap();
    assert_eq!(table.next().unwrap().unwrap().place, Place::Line(2));
}
