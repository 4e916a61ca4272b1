//! What a terminal shows, and what stays in memory.

use super::support::{LABEL_IMAGE, RETRAIN, Workspace, ask_peer, command, miniature_dir};
use super::support::{OUTPUTS, system_python};
use regex::Regex;
use serde_json::json;
use std::io::Write;
use std::process::Stdio;

/// The visible line after this text is written: carriage returns go back to its start, and erasing
/// clears it.
fn visible(line: &str) -> String {
    let erase = Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").unwrap();
    let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    erase.replace_all(last, "").into_owned()
}

/// Runs `retrain` on a terminal and returns all that was written there.
fn on_a_terminal(workspace: &Workspace, args: &[&str]) -> Option<String> {
    let python = system_python()?;
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let fixed = ["--image_dir=photos", "--architecture=miniature", &model_dir];
    let argv: Vec<&str> = [&[RETRAIN], &fixed[..], &OUTPUTS, args].concat();
    let request = json!({ "argv": argv, "cwd": workspace.root() });
    let answer = ask_peer(&python, "terminal.py", &request);
    assert_eq!(answer["code"], 0, "{answer}");
    Some(answer["output"].as_str().unwrap().to_owned())
}

#[test]
fn a_live_line_shows_how_far_the_training_is() {
    let workspace = Workspace::with_photos(20);
    // Long enough for the line to be drawn, on any machine.
    let args = ["--how_many_training_steps=4000", "--eval_step_interval=100"];
    let Some(output) = on_a_terminal(&workspace, &args) else { return };
    let line =
        Regex::new(r"Step (\d+)/4000 \S+ accuracy \d+\.\d%, loss \d+\.\d{3}, .*left").unwrap();
    let steps: Vec<u32> = line.captures_iter(&output).map(|c| c[1].parse().unwrap()).collect();
    assert!(!steps.is_empty() && steps.is_sorted(), "{steps:?} {output}");
    assert_lines_stand_alone(&output);
    // It is gone at the end.
    assert_eq!(visible(output.rsplit('\n').next().unwrap()), "");
}

/// Fails if a log line shares its line on the terminal, and returns how many there are.
fn assert_lines_stand_alone(output: &str) -> usize {
    let is_log = |line: &&str| line.contains(":tensorflow:") || line.contains(":retrain:");
    let lines = output.split('\n').filter(is_log).map(|line| (line, visible(line)));
    lines
        .inspect(|(line, shown)| {
            let alone = ["INFO:", "WARNING:"].iter().any(|level| shown.starts_with(level));
            assert!(alone, "{shown:?} in {line:?}");
        })
        .count()
}

#[test]
fn log_lines_stand_alone_below_and_above_the_progress_bar() {
    let workspace = Workspace::with_photos(150);
    let args = ["--how_many_training_steps=5"];
    let Some(output) = on_a_terminal(&workspace, &args) else { return };
    assert!(output.contains("Bottlenecks "), "no bar: {output}");
    assert!(assert_lines_stand_alone(&output) > 10, "{output}");
    assert!(output.contains("300 bottleneck files created."), "{output}");
}

/// The peak memory of a process, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
fn label_image_does_not_keep_its_log() {
    let workspace = super::label_image::trained();
    // This many log lines of this length would take 80 MB.
    let line = format!("{}.jpg\n", "missing/".repeat(100));
    let args = ["--graph=graph.pb", "--labels=labels.txt", "-"];
    let mut child = command(LABEL_IMAGE, workspace.root(), &args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut write = |count: usize| {
        (0..count).for_each(|_| input.write_all(line.as_bytes()).unwrap());
        input.flush().unwrap();
    };
    write(5_000);
    let before = peak_memory(child.id());
    write(100_000);
    let after = peak_memory(child.id());
    drop(input);
    child.wait().unwrap();
    assert!(after - before < 30 << 20, "grew by {} bytes", after - before);
}
