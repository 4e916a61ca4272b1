//! Steps a second with a file of bottlenecks four times as large as memory, beside those with enough
//! memory: `cargo bench --features bench --bench beyond_memory`. It needs Linux, a control group that
//! it may make, and 2.2 GB of room in the system's directory for temporary files.
//!
//! The bottlenecks are noise around a centre for each class, 1280 numbers each. What is listed are
//! links to one byte. Runs alternate; each begins with the file out of the system's cache.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/it/beyond_memory/limit.rs"]
mod limit;
#[path = "../tests/it/loading.rs"]
mod loading;
#[path = "../tests/it/beyond_memory/made.rs"]
mod made;

use chrono::NaiveDateTime;
use limit::MemoryLimit;
use made::{FLAGS, Plan, forget, make};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const LIMIT: u64 = 512 << 20;
const WIDTH: usize = 1280;
const PHOTOGRAPHS: usize = 4 * LIMIT as usize / (4 * WIDTH);
const RUNS: usize = 3;

fn main() {
    loading::load_tensorflow();
    let limit = match MemoryLimit::new(LIMIT) {
        Ok(limit) => limit,
        Err(why) => return println!("skipped: {why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let packed = make(&Plan { photographs: PHOTOGRAPHS, classes: 2, width: WIDTH }, dir.path());
    let size = fs::metadata(&packed).unwrap().len() >> 20;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{PHOTOGRAPHS} bottlenecks, {size} MiB, made in {seconds:.0} s; limit {} MiB",
        LIMIT >> 20
    );
    println!(
        "order, memory, first 1000 steps a second, next, peak of own memory in MiB, whole run in s"
    );
    for _ in 0..RUNS {
        for (order, limit) in
            [("random", None), ("random", Some(&limit)), ("epochs", None), ("epochs", Some(&limit))]
        {
            forget(&packed);
            let row = time(dir.path(), order, limit);
            println!("{order}, {}, {row}", if limit.is_some() { "limit" } else { "plenty" });
        }
    }
}

/// One run.
fn time(dir: &Path, order: &str, limit: Option<&MemoryLimit>) -> String {
    let program = std::env::var_os("RETRAIN").unwrap_or(env!("CARGO_BIN_EXE_retrain").into());
    let mut command = Command::new(program);
    command.current_dir(dir).args(FLAGS).args(["--how_many_training_steps=5001"]);
    command.arg("--eval_step_interval=1000");
    if order != "random" {
        command.arg(format!("--batch_order={order}"));
    }
    let mut command = limit.map(|limit| limit.command(&command)).unwrap_or(command);
    let start = Instant::now();
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let (mut times, mut anonymous) = (Vec::new(), 0);
    let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut all = String::new();
    for line in std::io::BufRead::lines(stderr).map_while(Result::ok) {
        anonymous = anonymous.max(held(id));
        times.extend(when(&line));
        all.push_str(&line);
        all.push('\n');
    }
    assert!(child.wait().unwrap().success(), "{all}");
    let rate = |steps: f64, of: &[NaiveDateTime]| {
        let seconds = (of[of.len() - 1] - of[0]).as_seconds_f64();
        steps / seconds
    };
    let [first, next] = [rate(1000.0, &times[..2]), rate(4000.0, &times[1..])];
    let seconds = start.elapsed().as_secs_f64();
    format!("{first:.0}, {next:.0}, {anonymous}, {seconds:.1}")
}

/// When a step's accuracy was logged.
fn when(line: &str) -> Option<NaiveDateTime> {
    let (when, _) = line.split_once("tensorflow:")?.1.split_once(": Step ")?;
    line.contains("Train accuracy").then_some(())?;
    NaiveDateTime::parse_from_str(when, "%Y-%m-%d %H:%M:%S%.f").ok()
}

/// The MiB that a process holds and the system cannot free.
fn held(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}
