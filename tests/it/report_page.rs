//! The report's page in a browser: Chromium, opened from disk, without a network.

use super::report::hostile_report;
use super::support::{Workspace, ask_peer, chromium, python, screenshots};
use serde_json::{Value, json};
use std::path::Path;

/// What the browser says of a page in the workspace. Its screenshots are named `name`.
fn look_at(workspace: &Workspace, page: &str, name: &str) -> Option<Value> {
    let (chromium, python) = (chromium()?, python("RETRAIN_PEER_TF2")?);
    let (page, screenshots) = (workspace.path(page), screenshots(workspace).join(name));
    let request = json!({"chromium": chromium, "page": page, "screenshots": screenshots});
    let answer = ask_peer(&python, "page.py", &request);
    for file in answer["screenshots"].as_array().unwrap() {
        assert!(Path::new(file.as_str().unwrap()).is_file(), "{file}");
    }
    Some(answer)
}

/// What must hold of every page.
fn check(answer: &Value) {
    assert_eq!(answer["complaints"], json!([]), "console messages");
    assert_eq!(answer["requests"].as_array().unwrap().len(), 1, "{}", answer["requests"]);
    assert_eq!(answer["unnamed"], json!([]), "without a name for screen readers");
    assert_eq!(answer["axe"], json!([]), "accessibility faults");
    assert!(answer["overflow"].as_i64().unwrap() <= 0, "{} pixels too wide", answer["overflow"]);
    assert!(answer["tabs"].as_u64().is_some(), "Tab does not reach the matrix");
    let cells = answer["cells"].as_array().unwrap();
    assert!(cells.len() > 2);
    for cell in cells {
        assert!(cell["opened"] == true && cell["seen"] == true && cell["others"] == 0, "{cell}");
    }
}

#[test]
fn the_page_works_from_disk_without_a_network() {
    let workspace = Workspace::with_photos(60);
    workspace.retrain(&["--testing_percentage=25"]).expect_code(0);
    let page = "summaries/report/index.html";
    let Some(answer) = look_at(&workspace, page, "report") else { return };
    check(&answer);
    assert!(answer["pictures"][0].as_u64().unwrap() > 100 && answer["pictures"][1] == 0);
    for cell in answer["cells"].as_array().unwrap() {
        assert_eq!(cell["pictures"], cell["count"], "{cell}");
    }
}

#[test]
fn a_page_of_hostile_names_does_nothing() {
    let workspace = hostile_report();
    let Some(answer) = look_at(&workspace, "report/index.html", "hostile_report") else { return };
    check(&answer);
    assert!(answer["pictures"][1] == 0, "{}", answer["pictures"]);
}
