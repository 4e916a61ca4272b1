//! Wheels by Python's pip, which knows the user's package index, proxies and certificates.

use super::sum::Sum;
use crate::error::{Error, Result};
use crate::fsio;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The longest complaint of pip that is repeated.
const LONGEST: usize = 400;

/// A wheel to download.
#[derive(Debug, Clone, Copy)]
pub struct WheelFetch<'a> {
    /// The package's name.
    pub distribution: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The file that comes.
    pub file: &'a str,
    /// What its SHA-256 must be.
    pub sha256: &'static str,
}

impl WheelFetch<'_> {
    /// Downloads to `path` by the first Python that can. The file appears there complete, or not at
    /// all.
    ///
    /// # Errors
    /// [`Error::Net`] with what each Python said, [`Error::Io`] for the directory.
    pub fn to(&self, path: &Path) -> Result<()> {
        let dir = fsio::directory_of(path);
        fsio::ensure_dir_exists(dir)?;
        fsio::clear_temporary_files(dir);
        let scratch = fsio::Scratch::new_in(dir)?;
        let mut complaints = Vec::new();
        for python in pythons() {
            match self.by(&python, scratch.path()) {
                Ok(file) => {
                    return fsio::rename(&file, path).map_err(Error::io("renaming to", path));
                }
                Err(complaint) => complaints.push(format!("{}: {complaint}", python.display())),
            }
        }
        Err(Error::Net { url: format!("{self} with pip"), message: complaints.join("\n") })
    }

    /// Where the wheel is once it is whole.
    fn by(&self, python: &Path, into: &Path) -> std::result::Result<PathBuf, String> {
        let requirements = into.join("requirements.txt");
        let line = format!("{self} --hash=sha256:{}\n", self.sha256);
        fs::write(&requirements, line).map_err(|e| e.to_string())?;
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--no-cache-dir", "--only-binary=:all:", "--retries", "1", "--dest"]).arg(into);
        pip.arg("--require-hashes").arg("--requirement").arg(&requirements);
        let output = pip.output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(reason(&String::from_utf8_lossy(&output.stderr)));
        }
        let file = into.join(self.file);
        let sum = Sum::Sha256(self.sha256);
        match sum.of(&file) {
            Ok(found) if found == sum.expected() => Ok(file),
            Ok(found) => Err(format!("{} came with the sha256 {found}", self.file)),
            Err(_) => Err(format!("pip brought no {}", self.file)),
        }
    }
}

/// As pip is asked for it.
impl std::fmt::Display for WheelFetch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=={}", self.distribution, self.version)
    }
}

/// The Pythons there may be: that of an active virtual environment first.
fn pythons() -> Vec<PathBuf> {
    let active = env::var_os("VIRTUAL_ENV").filter(|dir| !dir.is_empty());
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let active = active.map(|dir| PathBuf::from(dir).join(python));
    active.into_iter().chain(["python3", "python"].map(PathBuf::from)).collect()
}

/// pip's errors without its warnings; else the last thing it wrote.
fn reason(written: &str) -> String {
    let lines: Vec<&str> = written.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let errors: Vec<&str> = lines.iter().filter_map(|l| l.strip_prefix("ERROR: ")).collect();
    let reason = if errors.is_empty() {
        lines.last().map_or("pip failed without a word".to_owned(), |last| (*last).to_owned())
    } else {
        errors.join("; ")
    };
    reason.chars().take(LONGEST).collect()
}
