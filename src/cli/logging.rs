//! Log lines in TensorFlow's wording on standard error (`INFO:tensorflow:…`), and a copy in a run's
//! own log file.

use super::bars;
use super::settings::as_flags;
use crate::error::{Error, Result};
use log::{Level, LevelFilter};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// What becomes of log lines, besides being shown.
enum Kept {
    /// Nothing.
    Nowhere,
    /// They wait for the file to be known.
    Lines(Vec<u8>),
    File(File),
}

static KEPT: Mutex<Kept> = Mutex::new(Kept::Nowhere);

/// Whether the log will be kept in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogFile {
    /// It is only shown.
    None,
    /// [`keep_log_in`] will name the file.
    Later,
}

/// Writes to standard error and to the kept log.
struct Tee;

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut kept) = KEPT.lock() {
            // A full disk must not end a run by way of its log.
            let _ = match &mut *kept {
                Kept::Nowhere => Ok(()),
                Kept::Lines(lines) => lines.write_all(bytes),
                Kept::File(file) => file.write_all(bytes),
            };
        }
        bars::above(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts logging. What the environment variable RUST_LOG says goes before `verbosity`.
pub(super) fn init(verbosity: LevelFilter, file: LogFile) {
    if let (LogFile::Later, Ok(mut kept)) = (file, KEPT.lock()) {
        *kept = Kept::Lines(Vec::new());
    }
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Warn);
    builder.filter_module("tensorflow", verbosity).filter_module("retrain", verbosity);
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
        let text = record.args().to_string();
        writeln!(out, "{level}:{}:{}", record.target(), as_flags(&text))
    });
    // Only a second call fails, which then changes nothing.
    let _ = builder.try_init();
}

/// From now on, and for what was logged so far, the log is also kept in `path`.
pub(super) fn keep_log_in(path: &Path) -> Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.map_err(Error::io("opening", path))?;
    if let Ok(mut kept) = KEPT.lock() {
        if let Kept::Lines(lines) = &*kept {
            file.write_all(lines).map_err(Error::io("writing", path))?;
        }
        *kept = Kept::File(file);
    }
    Ok(())
}
