//! Log lines in TensorFlow's wording on standard error (`INFO:tensorflow:…`), and a copy in the
//! run's own log file.

use crate::error::{Error, Result};
use log::{Level, LevelFilter};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// Lines until a file is given, then the file.
enum Kept {
    Lines(Vec<u8>),
    File(File),
}

static KEPT: Mutex<Kept> = Mutex::new(Kept::Lines(Vec::new()));

/// Writes to standard error and to the kept log.
struct Tee;

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut kept) = KEPT.lock() {
            // A full disk must not end a run by way of its log.
            let _ = match &mut *kept {
                Kept::Lines(lines) => lines.write_all(bytes),
                Kept::File(file) => file.write_all(bytes),
            };
        }
        io::stderr().write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts logging. What the environment variable RUST_LOG says goes before `verbosity`.
pub fn init(verbosity: LevelFilter) {
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(LevelFilter::Warn)
        .filter_module("tensorflow", verbosity)
        .filter_module("retrain", verbosity);
    // The bindings' own crate logs under the same name as the scripts' logger, with nothing a user
    // needs.
    builder.filter_module("tensorflow_sys_runtime", LevelFilter::Warn);
    builder.parse_default_env();
    builder.target(env_logger::Target::Pipe(Box::new(Tee)));
    builder.format(|out, record| {
        let level = match record.level() {
            Level::Error => "ERROR",
            Level::Warn => "WARNING",
            Level::Info => "INFO",
            Level::Debug | Level::Trace => "DEBUG",
        };
        writeln!(out, "{level}:{}:{}", record.target(), record.args())
    });
    // Only a second call fails, which then changes nothing.
    let _ = builder.try_init();
}

/// From now on, and for what was logged so far, the log is also kept in `path`.
pub fn keep_log_in(path: &Path) -> Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(Error::io("opening", path))?;
    if let Ok(mut kept) = KEPT.lock() {
        if let Kept::Lines(lines) = &*kept {
            file.write_all(lines).map_err(Error::io("writing", path))?;
        }
        *kept = Kept::File(file);
    }
    Ok(())
}
