//! The report's page in a browser: Chromium, opened from disk, without a network.

use super::report::hostile_report;
use super::support::{Workspace, ask_peer, python};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Chromium that RETRAIN_PEER_CHROMIUM names, or that is on the path. With RETRAIN_SHARED there
/// must be one.
fn chromium() -> Option<PathBuf> {
    let program =
        std::env::var_os("RETRAIN_PEER_CHROMIUM").map_or_else(|| "chromium".into(), PathBuf::from);
    if Command::new(&program).arg("--version").output().is_ok_and(|o| o.status.success()) {
        return Some(program);
    }
    assert!(
        std::env::var_os("RETRAIN_SHARED").is_none(),
        "with RETRAIN_SHARED, {} must run",
        program.display()
    );
    println!("skipped: {} does not run", program.display());
    None
}

/// What the browser says of a page. Screenshots go to `target/tmp/report/<name>`.
fn look_at(page: &Path, name: &str) -> Option<Value> {
    let (chromium, python) = (chromium()?, python("RETRAIN_PEER_TF2")?);
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
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
    let page = workspace.path("summaries/report/index.html");
    let Some(answer) = look_at(&page, "simulated") else { return };
    check(&answer);
    assert!(answer["pictures"][0].as_u64().unwrap() > 100 && answer["pictures"][1] == 0);
    for cell in answer["cells"].as_array().unwrap() {
        assert_eq!(cell["pictures"], cell["count"], "{cell}");
    }
}

#[test]
fn a_page_of_hostile_names_does_nothing() {
    let workspace = hostile_report();
    let Some(answer) = look_at(&workspace.path("report/index.html"), "hostile") else { return };
    check(&answer);
    assert!(answer["pictures"][1] == 0, "{}", answer["pictures"]);
}
