//! `download_images` goes on from where an earlier run was stopped, in whatever way.

use super::download::{download, download_command, jpeg, photographs, rows};
use super::http::{Reply, Server};
use super::support::Workspace;
use retrain::download::Status;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Holds answers back until it is opened, and counts who waits.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.0).unwrap());
    }

    fn await_waiting(&self, count: usize) {
        let state = self.state.lock().unwrap();
        let wait = Duration::from_secs(60);
        let waited = self.changed.wait_timeout_while(state, wait, |state| state.1 < count).unwrap();
        assert!(!waited.1.timed_out());
    }

    fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }
}

fn number(target: &str) -> u8 {
    target.trim_start_matches('/').trim_end_matches(".jpg").parse().unwrap()
}

/// A server for `/0.jpg`, `/1.jpg`, …: from `held` on, half of each photograph waits at the gate.
fn gated(held: u8) -> (Server, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let kept = Arc::clone(&gate);
    let server = Server::concurrent(move |request, _| {
        let number = number(request.target());
        if number >= held {
            kept.pass();
        }
        Reply::ok(jpeg(number))
    });
    (server, gate)
}

fn list(server: &Server, count: u8) -> String {
    (0..count).map(|i| format!("{} rose\n", server.url(&format!("/{i}.jpg")))).collect()
}

/// Waits until the report has `count` rows.
fn await_rows(workspace: &Workspace, count: usize) {
    let began = Instant::now();
    let path = workspace.path("photos/download_report.csv");
    while fs::read_to_string(&path).map_or(0, |text| text.lines().count()) < count + 1 {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_run_goes_on() {
    let (server, gate) = gated(5);
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, 12));
    let mut child =
        download_command(&workspace, &["--parallel=3"]).stderr(Stdio::null()).spawn().unwrap();
    gate.await_waiting(3);
    await_rows(&workspace, 5);
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    // What it was writing when it was killed.
    workspace.write("photos/rose/.retrain-abc.tmp", "half");
    let report = workspace.path("photos/download_report.csv");
    let written = fs::read_to_string(&report).unwrap();
    fs::write(&report, written + "http://127.0.0.1/half,ro").unwrap();
    let asked = server.lines().len();
    download(&workspace, &[]).expect_code(0).says("7 photographs downloaded").says("5 done before");
    assert_eq!(server.lines().len() - asked, 7);
    let expected: BTreeSet<String> = (0..12).map(|i| format!("rose/{i}.jpg")).collect();
    assert_eq!(photographs(&workspace).into_iter().collect::<BTreeSet<_>>(), expected);
    for i in 0..12 {
        assert!(fs::read(workspace.path(&format!("photos/rose/{i}.jpg"))).unwrap() == jpeg(i));
    }
    assert_eq!(rows(&workspace).len(), 12);
    // Nothing is left to do.
    let asked = server.lines().len();
    download(&workspace, &[]).expect_code(0).says("0 photographs downloaded (0.0 MB), 12 done");
    assert_eq!(server.lines().len(), asked);
    assert_eq!(rows(&workspace).len(), 12);
}

#[test]
fn a_photograph_without_its_row_is_found() {
    let (server, _) = gated(255);
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, 3));
    download(&workspace, &[]).expect_code(0);
    fs::remove_file(workspace.path("photos/download_report.csv")).unwrap();
    download(&workspace, &[]).expect_code(0).says("3 photographs");
    assert_eq!(photographs(&workspace), ["rose/0.jpg", "rose/1.jpg", "rose/2.jpg"]);
    assert!(rows(&workspace).iter().all(|row| row.status == Status::Ok));
    // One that was deleted or damaged comes again.
    fs::remove_file(workspace.path("photos/rose/1.jpg")).unwrap();
    fs::write(workspace.path("photos/rose/2.jpg"), "").unwrap();
    download(&workspace, &[]).expect_code(0).says("2 photographs downloaded");
    assert!(fs::read(workspace.path("photos/rose/1.jpg")).unwrap() == jpeg(1));
    assert_eq!(rows(&workspace).len(), 3);
}

#[test]
fn what_failed_is_tried_again_unless_told_otherwise() {
    let server = Server::concurrent(|_, before| match before {
        0 => Reply::new("404 Not Found", ""),
        _ => Reply::ok(jpeg(1)),
    });
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, 1));
    download(&workspace, &[]).expect_code(1);
    download(&workspace, &["--skip_failed"]).expect_code(1).says("     1  failed before\n");
    assert_eq!(server.lines().len(), 1);
    assert_eq!(rows(&workspace)[0].reason, "http status 404");
    download(&workspace, &[]).expect_code(0);
    assert_eq!(rows(&workspace).len(), 1);
}

#[test]
fn rows_of_other_lists_stay() {
    let (server, _) = gated(255);
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, 2));
    download(&workspace, &["--report=all.csv"]).expect_code(0);
    let other = format!("{} tulip\n", server.url("/7.jpg"));
    workspace.write("list.txt", other);
    download(&workspace, &["--report=all.csv"]).expect_code(0).says("Report: all.csv");
    let report = fs::read_to_string(workspace.path("all.csv")).unwrap();
    assert_eq!(report.lines().count(), 4, "{report}");
    assert!(!workspace.path("photos/download_report.csv").exists());
}

#[test]
#[cfg(unix)]
#[allow(unsafe_code)]
fn ctrl_c_keeps_what_is_there_and_says_how_to_go_on() {
    let (server, gate) = gated(2);
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, 6));
    let mut child = download_command(&workspace, &["--parallel=2", "--stall_timeout=600"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    gate.await_waiting(2);
    await_rows(&workspace, 2);
    let pid = i32::try_from(child.id()).unwrap();
    let began = Instant::now();
    // SAFETY: kill takes any numbers; the child has not been waited for, so the pid is its own.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    let code = child.wait().unwrap().code();
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(130), "{said}");
    let expected =
        "stopped by SIGINT: 2 photographs in photos; the same command goes on from there";
    assert!(said.contains(expected), "{said}");
    assert_eq!(photographs(&workspace), ["rose/0.jpg", "rose/1.jpg"]);
    gate.open();
    download(&workspace, &[]).expect_code(0).says("4 photographs downloaded");
}

#[test]
#[cfg(unix)]
fn two_runs_do_not_write_one_report() {
    let (server, gate) = gated(0);
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, 1));
    let mut first = download_command(&workspace, &[]).stderr(Stdio::piped()).spawn().unwrap();
    gate.await_waiting(1);
    download(&workspace, &[]).expect_code(1).says("is being written by another download_images");
    gate.open();
    let lines = BufReader::new(first.stderr.take().unwrap()).lines();
    let said: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(first.wait().unwrap().success(), "{said:?}");
}
