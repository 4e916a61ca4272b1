//! What becomes of a run when workers fail in every way.

use super::machines::{Does, Run, Wire, Worker, megabytes};
use super::programs::{assert_same, with_reference};
use crate::support::Workspace;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;

const ONLY: &str = "--workers_only";

/// Runs on two workers, one of which `fails` after some hundred photographs. Returns the log.
fn survives(fails: impl FnOnce(&mut Worker, &Wire)) -> String {
    let workspace = with_reference(200);
    let (mut first, second) = (Worker::start(), Worker::start());
    let wire = Wire::to(&first.address);
    let workers = format!("--workers={},{}", wire.address, second.address);
    let mut run = Run::start(&workspace, "theirs", &[&workers, ONLY]);
    run.until(&format!("worker {} has joined", wire.address));
    run.until("00 bottleneck files created.");
    fails(&mut first, &wire);
    let log = run.end(0);
    assert_same(&workspace, "alone", "theirs");
    log
}

#[track_caller]
fn assert_dropped(log: &str, reason: &str) {
    let dropped = log.lines().find(|line| line.contains("is dropped: "));
    let dropped = dropped.unwrap_or_else(|| panic!("nobody was dropped in\n{log}"));
    assert!(dropped.contains(reason), "{dropped}");
}

#[test]
fn a_stopped_worker_is_dropped_and_its_batches_go_elsewhere() {
    let log = survives(|worker, _| worker.signal(libc::SIGSTOP));
    assert_dropped(&log, "it did not answer within ");
}

#[test]
fn a_worker_that_is_cut_off_is_dropped() {
    let log = survives(|_, wire| wire.does(Does::Stall));
    assert_dropped(&log, "it did not answer within ");
}

#[test]
fn a_slow_worker_stays() {
    let log = survives(|_, wire| wire.does(Does::Slow));
    assert!(!log.contains("is dropped"), "{log}");
}

#[test]
fn a_worker_whose_answers_are_noise_is_dropped() {
    let log = survives(|_, wire| wire.does(Does::Ruin));
    assert_dropped(&log, "its answer to an image is wrong (off by inf)");
}

#[test]
fn a_worker_that_gives_a_known_image_a_wrong_answer_never_joins() {
    let workspace = with_reference(10);
    let worker = Worker::start();
    let wire = Wire::to(&worker.address);
    wire.does(Does::Lie);
    workspace.write("workers", &wire.address);
    let mut run = Run::start(&workspace, "theirs", &["--workers=workers", ONLY]);
    run.until(&format!("worker {} cannot be used: its answer to a known image", wire.address));
    let honest = Worker::start();
    workspace.write("workers", &honest.address);
    run.end(0);
    assert_same(&workspace, "alone", "theirs");
}

#[test]
fn a_killed_worker_is_dropped_at_once_and_joins_again_when_it_is_back() {
    let workspace = with_reference(200);
    let mut worker = Worker::start();
    let workers = format!("--workers={}", worker.address);
    let mut run = Run::start(&workspace, "theirs", &[&workers, ONLY]);
    run.until("00 bottleneck files created.");
    worker.kill();
    run.until("is dropped: ").until("no worker is left; waiting up to 300 s for one");
    let _back = Worker::listening(&worker.address);
    run.until("has joined");
    run.end(0);
    assert_same(&workspace, "alone", "theirs");
}

#[test]
fn without_workers_this_machine_goes_on_alone() {
    let workspace = with_reference(300);
    let mut worker = Worker::start();
    let workers = format!("--workers={}", worker.address);
    let mut run = Run::start(&workspace, "theirs", &[&workers]);
    run.until("has joined");
    worker.kill();
    run.end(0);
    assert_same(&workspace, "alone", "theirs");
}

#[test]
fn a_worker_that_is_asked_to_stop_finishes_what_it_has_begun() {
    let workspace = with_reference(200);
    let (mut first, second) = (Worker::start(), Worker::start());
    let workers = format!("--workers={},{}", first.address, second.address);
    let mut run = Run::start(&workspace, "theirs", &[&workers, ONLY]);
    run.until(&format!("worker {} has joined", first.address));
    run.until("00 bottleneck files created.");
    first.signal(libc::SIGTERM);
    let (code, log) = first.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping: "), "{log}");
    run.end(0);
    assert_same(&workspace, "alone", "theirs");
}

#[test]
fn twenty_faults_in_one_run_change_nothing() {
    let workspace = with_reference(1100);
    let mut random = ChaCha8Rng::seed_from_u64(14);
    let mut workers: Vec<(Worker, Wire, bool)> = (0..3)
        .map(|_| {
            let worker = Worker::start();
            let wire = Wire::to(&worker.address);
            (worker, wire, true)
        })
        .collect();
    let list: Vec<_> = workers.iter().map(|(_, wire, _)| wire.address.clone()).collect();
    workspace.write("workers", list.join("\n"));
    let mut run = Run::start(&workspace, "theirs", &["--workers=workers"]);
    let mut faults = Vec::new();
    while let Some(line) = run.next_line() {
        if !line.contains("00 bottleneck files created.") || faults.len() == 20 {
            continue;
        }
        let which = random.random_range(0..workers.len());
        let (worker, wire, well) = &mut workers[which];
        let fault = if *well { random.random_range(0..6) } else { 6 };
        *well = fault == 6;
        match fault {
            0 => worker.kill(),
            1 => worker.signal(libc::SIGSTOP),
            2 => worker.signal(libc::SIGTERM),
            3 => wire.does(Does::Stall),
            4 => wire.does(Does::Ruin),
            5 => wire.does(Does::Slow),
            _ => {
                // Whatever it was, it is mended.
                wire.does(Does::Pass);
                worker.signal(libc::SIGCONT);
                if !matches!(worker.child.try_wait(), Ok(None)) {
                    *worker = Worker::listening(&worker.address.clone());
                }
            }
        }
        faults.push((which, fault));
    }
    println!("faults: {faults:?}");
    assert_eq!(faults.len(), 20);
    run.end(0);
    assert_same(&workspace, "alone", "theirs");
}

/// Photographs in `crowd`, which share the files of those in `photos`.
fn crowd(workspace: &Workspace, count: usize) {
    let photos: Vec<_> = crate::support::files_under(&workspace.path("photos"));
    fs::create_dir(workspace.path("crowd")).unwrap();
    for i in 0..count {
        let from = workspace.path("photos").join(&photos[i % photos.len()]);
        fs::hard_link(from, workspace.path(&format!("crowd/{i:05}.jpg"))).unwrap();
    }
}

#[test]
fn twenty_thousand_images_take_no_more_memory_than_five_thousand() {
    use crate::support::{LABEL_IMAGE, command};
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let workspace = with_reference(20);
    crowd(&workspace, 20_000);
    let worker = Worker::start();
    let workers = format!("--workers={}", worker.address);
    let args = ["--graph=alone.pb", "--labels=labels.txt", "crowd", &workers, ONLY];
    let mut child = command(LABEL_IMAGE, workspace.root(), &args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let memory = |child: u32| [megabytes(child), megabytes(worker.child.id())];
    let (mut early, mut late) = ([0; 2], [0; 2]);
    for (n, _) in BufReader::new(child.stdout.take().unwrap()).lines().enumerate() {
        match n {
            5_000 => early = memory(child.id()),
            19_900 => late = memory(child.id()),
            _ => {}
        }
    }
    assert!(child.wait().unwrap().success());
    println!("client and worker: {early:?} MB after 5,000 images, {late:?} MB after 19,900");
    for (early, late) in early.into_iter().zip(late) {
        assert!(early > 0 && late < early + 60, "{early} MB, then {late} MB");
    }
}
