//! Writes log lines to standard error in TensorFlow's format (`INFO:tensorflow:…`), and copies them
//! to a run's own log file.

use super::bars;
use super::settings::as_flags;
use crate::error::{Error, Result};
use log::{Level, LevelFilter};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// Where log lines are copied to.
enum Sink {
    Nowhere,
    /// To memory, until the file is known.
    Memory(Vec<u8>),
    File(File),
}

static SINK: Mutex<Sink> = Mutex::new(Sink::Nowhere);

/// Whether the log is also written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogFile {
    /// It is not.
    None,
    /// It is, once [`keep_log_in`] names the file.
    Later,
}

/// Writes to standard error and to [`SINK`].
struct Tee;

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut sink) = SINK.lock() {
            // A log that cannot be written (a full disk) must not end the run.
            let _ = match &mut *sink {
                Sink::Nowhere => Ok(()),
                Sink::Memory(lines) => lines.write_all(bytes),
                Sink::File(file) => file.write_all(bytes),
            };
        }
        bars::above(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts logging. The environment variable RUST_LOG overrides `verbosity`.
pub(super) fn init(verbosity: LevelFilter, file: LogFile) {
    if let (LogFile::Later, Ok(mut sink)) = (file, SINK.lock()) {
        *sink = Sink::Memory(Vec::new());
    }
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Warn);
    builder.filter_module("tensorflow", verbosity).filter_module("retrain", verbosity);
    // The bindings' crate is called tensorflow like the scripts' logger; its own lines say nothing
    // that a user needs.
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
    // This fails only on a second call, which then changes nothing.
    let _ = builder.try_init();
}

/// Appends what has been logged so far, and everything from now on, to the file at `path`.
pub(super) fn keep_log_in(path: &Path) -> Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.map_err(Error::io("opening", path))?;
    if let Ok(mut sink) = SINK.lock() {
        if let Sink::Memory(lines) = &*sink {
            file.write_all(lines).map_err(Error::io("writing", path))?;
        }
        *sink = Sink::File(file);
    }
    Ok(())
}
