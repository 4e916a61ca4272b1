//! The floors in DESIGN.md: a file uses lower floors, and on its own floor only modules listed
//! after its own; no files depend on one another in a circle.

mod house;

use super::support::Workspace;
use house::faults;
use std::path::Path;

/// The modules of `src`, from the top floor to the bottom.
const FLOORS: &[&[&str]] = &[
    &["bin"],
    &["cli"],
    &["retrain", "label_image", "download", "fetch", "worker"],
    &["report", "events", "export"],
    &["bottleneck"],
    &["inference"],
    &["layers"],
    &["model"],
    &["rewrite", "learn", "dataset"],
    &["images", "tf", "proto", "net", "fsio", "metrics"],
    &["cancel"],
    &["error"],
    &["text", "pyfmt", "parallel", "memory"],
];

#[test]
fn no_arrow_leads_upward_and_none_in_a_circle() {
    let found = faults(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), FLOORS);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// The faults of a made-up set of `files`.
fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    let workspace = Workspace::new();
    for (name, text) in files {
        workspace.write(&format!("src/{name}"), text);
    }
    faults(&workspace.path("src"), &[&["bin"], &["roof"], &["left", "right"], &["cellar"]])
}

#[test]
fn arrows_upward_are_found_wherever_they_are_written() {
    for text in [
        "use crate::roof;",
        "use crate::roof::Tile as Stone;",
        "pub use crate::{cellar::{self, deep}, roof::*};",
        "fn f() {\n    g(crate::roof::tile(1));\n}",
        "#[error(\"{}\", crate::roof::shown(path))] struct E;",
        "use super::roof::Tile;",
        "mod inner {\n    use super::super::roof;\n}",
        "use crate as house; fn f() -> house::roof::Tile {}",
        "fn f() { println!(\"{}\", crate::roof::name()) }",
        "fn f(x: crate::roof::Tile) {}",
        "fn f() { for _ in 0..crate::roof::count() {} }",
    ] {
        let found = faults_of(&[("cellar.rs", text), ("roof/mod.rs", "")]);
        let line = if text.contains("\n ") { 2 } else { 1 };
        assert_eq!(found, [format!("src/cellar.rs:{line}: cellar → roof")], "{text}");
    }
    let files =
        [("right.rs", "use crate::left;"), ("left.rs", "use crate::cellar;"), ("cellar.rs", "")];
    assert_eq!(faults_of(&files), ["src/right.rs:1: right → left"]);
    assert_eq!(faults_of(&[("shed.rs", "")]), ["src/shed.rs is on no floor"]);
    assert_eq!(
        faults_of(&[("left.rs", "use crate::bin::p;"), ("bin/p.rs", "")]),
        ["src/left.rs:1: left → bin"]
    );
}

#[test]
fn circles_are_found_within_a_floor_and_past_re_exports() {
    let circle = ["circle: src/roof/a.rs:1 → src/roof/b.rs, src/roof/b.rs:1 → src/roof/a.rs"];
    for (a, b) in [
        ("use super::b::B;", "use super::a::A;"),
        ("use super::B;", "use crate::roof::{A};"),
        ("use super::b; fn f() { b::g() }", "fn g(a: super::A) {}"),
        ("use crate::roof as r; fn f() { r::B::new() }", "use crate::roof::a::A;"),
    ] {
        let found = faults_of(&[
            ("roof/mod.rs", "mod a;\nmod b;\npub use a::A;\npub(crate) use b::B;"),
            ("roof/a.rs", a),
            ("roof/b.rs", b),
        ]);
        let known = found.last().map(String::as_str);
        assert_eq!(known, Some(circle[0]), "{a} {b}");
    }
    // Three files, and a parent that uses what it re-exports.
    let found = faults_of(&[
        ("left.rs", "use crate::cellar;"),
        ("cellar/mod.rs", "mod a;\npub use a::A;\n\nfn f() -> A {}"),
        ("cellar/a.rs", "use super::b::B;"),
        ("cellar/b.rs", "use super::f;"),
    ]);
    let circle = "circle: src/cellar/a.rs:1 → src/cellar/b.rs, \
                  src/cellar/b.rs:1 → src/cellar/mod.rs, src/cellar/mod.rs:4 → src/cellar/a.rs";
    assert_eq!(found, [circle]);
    // A program's files are separate from the library's.
    let found = faults_of(&[
        ("bin/p/main.rs", "mod a; mod b; use retrain::roof::A;"),
        ("bin/p/a.rs", "use crate::b::B;"),
        ("bin/p/b.rs", "use crate::a::A;"),
        ("roof.rs", ""),
    ]);
    assert_eq!(
        found,
        ["circle: src/bin/p/a.rs:1 → src/bin/p/b.rs, src/bin/p/b.rs:1 → src/bin/p/a.rs"]
    );
}

#[test]
fn what_only_looks_like_an_arrow_is_none() {
    let comments = "//! See crate::roof.\n/// [`A`](crate::roof::A)\nfn f() { /* crate::roof */ }";
    let strings = "fn g() { \"crate::roof\"; r#\"use crate::roof;\"# }";
    let tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n}";
    let found = faults_of(&[
        ("lib.rs", "pub mod roof; pub mod left; pub mod cellar; pub use roof::Tile;"),
        ("roof/mod.rs", "mod a;\npub use a::{A, a};\npub use crate::cellar::C;"),
        ("roof/a.rs", "use super::D;\nuse crate::{cellar, left::f as roof};\nfn f() { roof::g() }"),
        ("left.rs", "use crate::right; pub(in crate::roof) fn f<'a>(roof: &'a str) {}"),
        ("right.rs", "use crate::cellar::{self as roof}; fn f(x: X) { x.roof(); x::roof::g() }"),
        ("cellar.rs", &[comments, strings, tests].join("\n")),
        ("fuzzing.rs", "use crate::roof;"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}
