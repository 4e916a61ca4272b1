//! The programs for Windows under wine, which RETRAIN_PEER_WINDOWS names: a directory with the
//! programs, TensorFlow's library, what wine lacks, and wine itself. Without it these tests are
//! skipped. What wine does not show: paths are never too long for it, and a file that is mapped
//! into memory can be replaced and cut off.

mod downloads;
mod files;
mod names;
mod runs;
mod texts;

use super::support::{self, Outcome};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What runs the programs.
pub(super) struct Wine {
    dir: PathBuf,
}

/// Wine and the programs, if they are there.
pub(super) fn wine() -> Option<Wine> {
    let Some(dir) = std::env::var_os("RETRAIN_PEER_WINDOWS").map(PathBuf::from) else {
        println!("skipped: RETRAIN_PEER_WINDOWS names no programs for Windows");
        return None;
    };
    for name in ["wine", "retrain.exe", "label_image.exe", "hold.exe", "tensorflow.dll"] {
        assert!(dir.join(name).exists(), "RETRAIN_PEER_WINDOWS: no {name} in {}", dir.display());
    }
    Some(Wine { dir })
}

/// A path as Windows' programs see it under wine.
pub(super) fn seen(path: &Path) -> String {
    format!("Z:{}", path.to_str().unwrap().replace('/', "\\"))
}

impl Wine {
    /// The command that runs a program of Windows in `dir`.
    pub(super) fn command<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<Path>,
        dir: &Path,
        args: &[S],
    ) -> Command {
        let mut command = support::command(self.dir.join("wine"), dir, &[] as &[&str]);
        command.arg(self.program(program.as_ref())).args(args);
        command.env("WINEPREFIX", self.dir.join("prefix")).env("WINEDEBUG", "-all");
        command.env("RETRAIN_CACHE_DIR", seen(&dir.join("cache"))).env_remove("TENSORFLOW_DIR");
        command
    }

    /// Ours by their file names; those of Windows have none.
    fn program(&self, name: &Path) -> PathBuf {
        if name.extension().is_some() { self.dir.join(name) } else { name.to_owned() }
    }

    /// Has the command prompt run a line, which may name our programs.
    pub(super) fn typed(&self, dir: &Path, line: &str) -> Outcome {
        // In a file: wine would quote an argument.
        std::fs::write(dir.join("typed.bat"), format!("@{line}\r\n")).unwrap();
        let mut command = self.command("cmd", dir, &["/c", "typed.bat"]);
        outcome(command.env("WINEPATH", seen(&self.dir)))
    }

    pub(super) fn run<S: AsRef<OsStr>>(&self, program: &str, dir: &Path, args: &[S]) -> Outcome {
        outcome(&mut self.command(program, dir, args))
    }

    /// Runs `retrain` on `photos` with the built-in backbone, as [`support::Workspace::retrain`]
    /// does, with the network in the directory.
    pub(super) fn retrain(&self, dir: &Path, args: &[&str]) -> Outcome {
        self.run("retrain.exe", dir, &retrain_args(args))
    }
}

pub(super) fn outcome(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"),
        stderr: String::from_utf8(output.stderr).unwrap().replace("\r\n", "\n"),
    }
}

pub(super) fn retrain_args<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let defaults = [
        "--image_dir=photos",
        "--architecture=miniature",
        "--how_many_training_steps=20",
        "--random_seed=1",
        "--model_dir=models",
    ];
    [&defaults, &support::OUTPUTS[..], args].concat()
}
