//! Servers that TensorFlow's Python starts, of this and other versions.

use super::machines::{Run, Worker};
use super::programs::{assert_same, with_reference};
use crate::support::{Workspace, files_under, python};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// A stock server, and TensorFlow's version.
fn stock(python: &Path) -> (Worker, String) {
    // A server that is not told its port does not say which it took.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/server.py");
    let mut command = Command::new(python);
    command.arg("-B").arg(script).arg(port.to_string());
    command.env("TF_CPP_MIN_LOG_LEVEL", "3").env("CUDA_VISIBLE_DEVICES", "");
    let mut worker = Worker::of(command);
    let version = std::mem::replace(&mut worker.address, format!("localhost:{port}"));
    (worker, version)
}

/// The largest difference between bottlenecks, relative to each one's largest number.
fn difference(workspace: &Workspace, a: &str, b: &str) -> f32 {
    let files = files_under(&workspace.path(a));
    assert_eq!(files, files_under(&workspace.path(b)));
    let numbers = |dir: &str, file: &str| -> Vec<f32> {
        let text = fs::read_to_string(workspace.path(dir).join(file)).unwrap();
        text.split(',').map(|number| number.parse().unwrap()).collect()
    };
    let mut worst = 0f32;
    for file in &files {
        let (ours, theirs) = (numbers(a, file), numbers(b, file));
        assert_eq!(ours.len(), theirs.len());
        let largest = ours.iter().fold(0f32, |largest, n| largest.max(n.abs()));
        let off = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs() / largest);
        worst = off.fold(worst, f32::max);
    }
    worst
}

/// Another TensorFlow computes bottlenecks within 1e-4 of ours, and it is said how near they are.
fn assert_serves(variable: &str) {
    let Some(python) = python(variable) else { return };
    let workspace = with_reference(20);
    let (server, version) = stock(&python);
    let workers = format!("--workers={}", server.address);
    let log = Run::start(&workspace, "theirs", &[&workers, "--workers_only"]).end(0);
    assert!(log.contains("has joined (it does not say which TensorFlow it is): "), "{log}");
    assert!(log.contains(&format!("worker {} has computed 40 images", server.address)), "{log}");
    let off = difference(&workspace, "alone", "theirs");
    println!("TensorFlow {version}: bottlenecks differ by {off:.1e}");
    assert!(off < 1e-4);
    if log.contains("its answers are this machine's to the last bit") {
        assert_same(&workspace, "alone", "theirs");
    } else {
        assert!(log.contains("its answers differ from this machine's in the last bits"), "{log}");
    }
}

#[test]
fn a_stock_server_serves() {
    assert_serves("RETRAIN_PEER_TF2");
}

#[test]
fn an_older_tensorflow_serves() {
    assert_serves("RETRAIN_PEER_TF213");
}

#[test]
fn a_newer_tensorflow_serves() {
    assert_serves("RETRAIN_PEER_TF221");
}
