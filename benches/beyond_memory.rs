//! Steps a second with a file of bottlenecks four times as large as memory, beside those with
//! enough: `cargo bench --features bench --bench beyond_memory`. It needs Linux, a control group
//! that it may make in its own, and 1.1 GB of room in the system's directory for temporary files.
//!
//! The bottlenecks are noise around a centre for each class, 1280 numbers each. What is listed are
//! links to one byte. Runs alternate; each begins with the file out of the system's cache.
//!
//! Then the memory that a photograph takes beside its bottleneck: the difference between a run on
//! 1,100,000 photographs, with 16 numbers each, and one on 100,000.

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
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: u64 = 256 << 20;
const WIDTH: usize = 1280;
const PHOTOGRAPHS: usize = 4 * LIMIT as usize / (4 * WIDTH);
const RUNS: usize = 3;

/// Few numbers, so that the rest counts.
const NARROW: usize = 16;
const FEW: usize = 100_000;
const MORE: usize = 1_000_000;

fn main() {
    loading::load_tensorflow();
    match MemoryLimit::new(LIMIT) {
        Ok(limit) => rates(&limit),
        Err(why) => println!("skipped: {why}"),
    }
    bytes_of_a_photograph();
}

/// Steps a second.
fn rates(limit: &MemoryLimit) {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let packed = make(&Plan { photographs: PHOTOGRAPHS, classes: 2, width: WIDTH }, dir.path());
    let size = fs::metadata(&packed).unwrap().len() >> 20;
    let seconds = start.elapsed().as_secs_f64();
    println!("{PHOTOGRAPHS} bottlenecks, {size} MiB, made in {seconds:.0} s; limit {LIMIT} bytes");
    println!("order, memory, first 1000 steps a second, next 4000, own memory in MiB, run in s");
    for _ in 0..RUNS {
        for (order, limit) in
            [("random", None), ("random", Some(limit)), ("epochs", None), ("epochs", Some(limit))]
        {
            forget(&packed);
            let row = time(dir.path(), order, limit);
            println!("{order}, {}, {row}", if limit.is_some() { "limit" } else { "plenty" });
        }
    }
}

/// What a photograph takes beside its bottleneck.
fn bytes_of_a_photograph() {
    let peak = |photographs: usize| {
        let dir = tempfile::tempdir().unwrap();
        make(&Plan { photographs, classes: 2, width: NARROW }, dir.path());
        let mut command = retrain(dir.path());
        command.args(["--how_many_training_steps=100"]);
        run(command).anonymous
    };
    let (few, more) = (peak(FEW), peak(FEW + MORE));
    println!(
        "own memory: {} MiB with {FEW} photographs, {} MiB with {MORE} more: {} bytes each",
        few >> 20,
        more >> 20,
        (more - few) / MORE as u64
    );
}

/// The program, in `dir`. `RETRAIN` may name another build of it.
fn retrain(dir: &Path) -> Command {
    let program = std::env::var_os("RETRAIN").unwrap_or(env!("CARGO_BIN_EXE_retrain").into());
    let mut command = Command::new(program);
    command.current_dir(dir).args(FLAGS);
    command
}

/// One run.
fn time(dir: &Path, order: &str, limit: Option<&MemoryLimit>) -> String {
    let mut command = retrain(dir);
    command.args(["--how_many_training_steps=5001", "--eval_step_interval=1000"]);
    if order != "random" {
        command.arg(format!("--batch_order={order}"));
    }
    let start = Instant::now();
    let ran = run(limit.map(|limit| limit.command(&command)).unwrap_or(command));
    let seconds = start.elapsed().as_secs_f64();
    let rate = |from: usize, to: usize| {
        (to - from) as f64 * 1000.0 / (ran.times[to] - ran.times[from]).as_seconds_f64()
    };
    let (first, next) = (rate(0, 1), rate(1, 5));
    format!("{first:.0}, {next:.0}, {}, {seconds:.1}", ran.anonymous >> 20)
}

/// What was seen of a run.
struct Ran {
    /// When accuracies were logged.
    times: Vec<NaiveDateTime>,
    /// The most bytes that it held and the system could not free.
    anonymous: u64,
}

fn run(mut command: Command) -> Ran {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let sampled = thread::spawn(move || {
        let mut most = 0;
        while let Some(bytes) = held(id) {
            most = most.max(bytes);
            thread::sleep(Duration::from_millis(5));
        }
        most
    });
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let lines: Vec<String> = lines.map_while(Result::ok).collect();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}\n{}", lines.join("\n"));
    let times = lines.iter().filter_map(|line| when(line)).collect();
    Ran { times, anonymous: sampled.join().unwrap() }
}

/// When a step's accuracy was logged.
fn when(line: &str) -> Option<NaiveDateTime> {
    let (when, _) = line.split_once("tensorflow:")?.1.split_once(": Step ")?;
    line.contains("Train accuracy").then_some(())?;
    NaiveDateTime::parse_from_str(when, "%Y-%m-%d %H:%M:%S%.f").ok()
}

/// The bytes that a process holds and the system cannot free; `None` once it has ended.
fn held(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}
