//! The Pythons of this machine. The build script includes this file, so it uses std alone.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Code that goes before any other: without it, Python takes modules of the working directory for
/// its own, such as a `platform.py` beside a tutorial's photographs.
const NOT_FROM_HERE: &str = "import sys\nsys.path = [path for path in sys.path if path]\n";

const PIP: &str = "import runpy\nrunpy.run_module('pip', run_name='__main__', alter_sys=True)\n";

/// The Pythons to try: first that of an active virtual environment.
pub(crate) fn pythons() -> Vec<PathBuf> {
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let active = active.map(|dir| dir.join(python));
    active.into_iter().chain(["python3", "python"].map(PathBuf::from)).collect()
}

/// A call of Python that runs `code`, whose arguments are the caller's to add.
pub(crate) fn python(python: &Path, code: &str) -> Command {
    let mut command = Command::new(python);
    // Windows' own encoding does not have every name.
    command.arg("-c").arg(format!("{NOT_FROM_HERE}{code}")).env("PYTHONIOENCODING", "utf-8");
    command
}

/// `python -m pip`, which would take a `pip.py` of the working directory.
pub(crate) fn pip(with: &Path) -> Command {
    python(with, PIP)
}
