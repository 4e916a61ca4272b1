//! Workers, runs and what lies between them, for the tests.

use crate::support::{Workspace, command};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) const RETRAIN_WORKER: &str = env!("CARGO_BIN_EXE_retrain_worker");

/// A worker in a process of its own.
pub(crate) struct Worker {
    pub(super) child: Child,
    pub(crate) address: String,
}

impl Worker {
    pub(crate) fn start() -> Self {
        Self::listening("127.0.0.1:0")
    }

    pub(super) fn listening(listen: &str) -> Self {
        let arg = format!("--listen={listen}");
        Self::of(command(RETRAIN_WORKER, Path::new("."), &[arg]))
    }

    /// Starts a worker, which prints its address.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        assert!(!address.is_empty(), "the worker did not start");
        Self { child, address: address.trim().to_owned() }
    }

    pub(super) fn signal(&self, signal: i32) {
        send(self.child.id(), signal);
    }

    pub(super) fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Waits for its end. Returns its exit code and its log.
    pub(super) fn end(&mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(unsafe_code)]
pub(super) fn send(process: u32, signal: i32) {
    // SAFETY: kill has no memory effects; the process is a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(process as i32, signal) }, 0);
}

/// How many megabytes of memory a process uses.
pub(super) fn megabytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() >> 10
}

/// A run of `retrain` whose log is read while it goes on.
pub(crate) struct Run {
    pub(super) child: Child,
    lines: BufReader<ChildStderr>,
    pub(super) log: String,
}

impl Run {
    /// Of all photographs in `workspace`, with bottlenecks in `into`.
    pub(crate) fn start(workspace: &Workspace, into: &str, args: &[&str]) -> Self {
        let (dir, graph) =
            (format!("--bottleneck_dir={into}"), format!("--output_graph={into}.pb"));
        let own = [&dir, &graph, "--noreport"];
        let mut command = workspace.retrain_command(&[&own, args].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines, log: String::new() }
    }

    /// Reads the log up to a line that holds `text`.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> &mut Self {
        while !self
            .next_line()
            .unwrap_or_else(|| panic!("no '{text}' in\n{}", self.log))
            .contains(text)
        {}
        self
    }

    pub(super) fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).unwrap();
        self.log.push_str(&line);
        (read > 0).then_some(line)
    }

    /// Reads the rest of the log, and checks the exit code.
    #[track_caller]
    pub(crate) fn end(mut self, code: i32) -> String {
        while self.next_line().is_some() {}
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "\n{}", self.log);
        std::mem::take(&mut self.log)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a wire does to the bytes that pass.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// Nothing.
    Pass,
    /// It lets none pass.
    Stall,
    /// It makes all numbers in answers NaN.
    Ruin,
    /// It makes numbers in answers wrong.
    Lie,
    /// It holds each piece for a while.
    Slow,
}

/// A wire to a worker.
pub(super) struct Wire {
    pub(super) address: String,
    does: Arc<AtomicU8>,
}

impl Wire {
    pub(super) fn to(worker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let does = Arc::new(AtomicU8::new(Does::Pass as u8));
        let (worker, passed) = (worker.to_owned(), Arc::clone(&does));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&worker)) else {
                    continue;
                };
                for (from, to, answers) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap(), false),
                    (server, client, true),
                ] {
                    let does = Arc::clone(&passed);
                    thread::spawn(move || pass(from, to, &does, answers));
                }
            }
        });
        Self { address, does }
    }

    pub(super) fn does(&self, what: Does) {
        self.does.store(what as u8, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, does: &AtomicU8, answers: bool) {
    let mut frames = Payloads::default();
    let mut bytes = vec![0; 1 << 14];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        let is = |what: Does| does.load(Ordering::SeqCst) == what as u8;
        while is(Does::Stall) {
            thread::sleep(Duration::from_millis(5));
        }
        if is(Does::Slow) {
            thread::sleep(Duration::from_millis(20));
        }
        if answers {
            frames.each(&mut bytes[..n], |byte| {
                if is(Does::Ruin) {
                    *byte = 0xff;
                } else if is(Does::Lie) {
                    *byte ^= 0x11;
                }
            });
        }
        if to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// The payloads of long HTTP/2 DATA frames, without their first and last bytes, which describe the
/// numbers in between.
#[derive(Default)]
struct Payloads {
    head: Vec<u8>,
    length: usize,
    at: usize,
}

const DESCRIBES: usize = 256;

impl Payloads {
    fn each(&mut self, bytes: &mut [u8], mut on: impl FnMut(&mut u8)) {
        for byte in bytes {
            if self.at < self.length {
                let inner = DESCRIBES..self.length.saturating_sub(DESCRIBES);
                if self.head[3] == 0 && inner.contains(&self.at) {
                    on(byte);
                }
                self.at += 1;
                if self.at == self.length {
                    self.head.clear();
                }
                continue;
            }
            if self.head.len() == 9 {
                self.head.clear();
            }
            self.head.push(*byte);
            if let [a, b, c, ..] = self.head[..]
                && self.head.len() == 9
            {
                (self.length, self.at) = (u32::from_be_bytes([0, a, b, c]) as usize, 0);
            }
        }
    }
}
