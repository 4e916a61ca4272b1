//! Shared by the tests: where files are, and how to run the programs in directories of their own.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// A file or directory of `../shared`, or of the directory that RETRAIN_SHARED names. If it is
/// missing, the test says so and is skipped; with RETRAIN_SHARED it fails instead.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("RETRAIN_SHARED").map(PathBuf::from);
    let root =
        given.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let path = root.join(name);
    if path.exists() {
        return Some(path.canonicalize().unwrap());
    }
    assert!(given.is_none(), "RETRAIN_SHARED holds no {name}");
    println!("skipped: no {}", path.display());
    None
}

/// The Python that an environment variable names, if set. With RETRAIN_SHARED it must be set.
pub(crate) fn python(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    match path {
        Some(path) => {
            assert!(path.is_file(), "{variable}: no {}", path.display());
            Some(path)
        }
        None => {
            assert!(
                std::env::var_os("RETRAIN_SHARED").is_none(),
                "with RETRAIN_SHARED, {variable} must be set too"
            );
            println!("skipped: {variable} names no Python");
            None
        }
    }
}

/// The `python3` on the path, if there is one. With RETRAIN_SHARED there must be.
pub(crate) fn system_python() -> Option<PathBuf> {
    let answers = Command::new("python3").arg("--version").output();
    if answers.is_ok_and(|output| output.status.success()) {
        return Some("python3".into());
    }
    assert!(std::env::var_os("RETRAIN_SHARED").is_none(), "with RETRAIN_SHARED, python3 must run");
    println!("skipped: no python3");
    None
}

/// The Chromium that RETRAIN_PEER_CHROMIUM names, or the one on the path.
pub(crate) fn chromium() -> Option<PathBuf> {
    let given = std::env::var_os("RETRAIN_PEER_CHROMIUM").map(PathBuf::from);
    let named = given.clone().unwrap_or_else(|| "chromium".into());
    let answers = Command::new(&named).arg("--version").output();
    if answers.is_ok_and(|output| output.status.success()) {
        return Some(named);
    }
    assert!(given.is_none(), "RETRAIN_PEER_CHROMIUM: {} does not run", named.display());
    println!("skipped: no chromium");
    None
}

/// Where tests put pictures of what they saw: RETRAIN_SCREENSHOTS, or a directory that goes with
/// the workspace.
pub(crate) fn screenshots(workspace: &Workspace) -> PathBuf {
    let given = std::env::var_os("RETRAIN_SCREENSHOTS").map(PathBuf::from);
    let dir = given.unwrap_or_else(|| workspace.path("screenshots"));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// A file of tests/golden.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

/// Runs `f` with `dir` as the working directory of this process, one at a time.
pub(crate) fn in_dir<R>(dir: &Path, f: impl FnOnce() -> R) -> R {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    struct Back(PathBuf, #[allow(dead_code)] MutexGuard<'static, ()>);
    impl Drop for Back {
        fn drop(&mut self) {
            std::env::set_current_dir(&self.0).unwrap();
        }
    }
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _back = Back(std::env::current_dir().unwrap(), guard);
    std::env::set_current_dir(dir).unwrap();
    f()
}

/// All files under `dir` by relative path, in order, without packed bottlenecks, which the scripts
/// do not have.
pub(crate) fn files_under(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        if !entry.file_type().is_dir()
            && entry.path().extension().is_none_or(|e| e != "bottlenecks")
        {
            files.push(entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
        }
    }
    files.sort();
    files
}

/// A program's exit code and output.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Fails with the program's whole output if the exit code is another.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Fails if standard error lacks this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "'{text}' is not in\n{}", self.stderr);
        self
    }
}

/// Runs a program in `dir`, without network access or any environment variables that would change
/// its output.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(
    program: impl AsRef<Path>,
    dir: &Path,
    args: &[S],
) -> Outcome {
    run_with_env(program, dir, args, &[])
}

/// Like [`run`], with `env` set as well.
pub(crate) fn run_with_env<S: AsRef<std::ffi::OsStr>>(
    program: impl AsRef<Path>,
    dir: &Path,
    args: &[S],
    env: &[(&str, &str)],
) -> Outcome {
    outcome(command(program, dir, args).envs(env.iter().copied()))
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The command that [`run`] runs.
pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(
    program: impl AsRef<Path>,
    dir: &Path,
    args: &[S],
) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(dir).args(args);
    for name in [
        "RUST_LOG",
        "TF_CPP_MIN_LOG_LEVEL",
        "TF_ENABLE_ONEDNN_OPTS",
        "RUST_BACKTRACE",
        "NO_PROXY",
        "no_proxy",
    ] {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    {
        command.env(name, "http://127.0.0.1:9");
    }
    command
}

pub(crate) const RETRAIN: &str = env!("CARGO_BIN_EXE_retrain");
pub(crate) const CACHE_BOTTLENECKS: &str = env!("CARGO_BIN_EXE_cache_bottlenecks");
pub(crate) const DOWNLOAD_IMAGES: &str = env!("CARGO_BIN_EXE_download_images");
pub(crate) const LABEL_IMAGE: &str = env!("CARGO_BIN_EXE_label_image");

/// Where the built-in backbone is kept between tests: made once for each build of the program.
pub(crate) fn miniature_dir() -> PathBuf {
    let built =
        fs::metadata(RETRAIN).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("models-{}", built.as_nanos()))
}

/// A directory of its own for one test, in which programs run. Photographs are given by relative
/// paths: the split hashes paths as typed, so it is the same in every run.
pub(crate) struct Workspace {
    dir: tempfile::TempDir,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        super::loading::prepare();
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With `per_class` simulated photographs each in `photos/{globular cluster,open cluster}`.
    pub(crate) fn with_photos(per_class: u64) -> Self {
        let workspace = Self::new();
        let plan = crate::simulate::Plan {
            per_class,
            size: 96,
            ..crate::simulate::Plan::new(workspace.path("photos"))
        };
        crate::simulate::simulate_clusters(&plan).unwrap();
        workspace
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `retrain` here on `photos` with the built-in backbone and all outputs here. `args` come
    /// before all of these.
    pub(crate) fn retrain(&self, args: &[&str]) -> Outcome {
        run(RETRAIN, self.root(), &Self::retrain_args(args))
    }

    /// The command that [`Self::retrain`] runs.
    pub(crate) fn retrain_command(&self, args: &[&str]) -> Command {
        command(RETRAIN, self.root(), &Self::retrain_args(args))
    }

    fn retrain_args(args: &[&str]) -> Vec<String> {
        let model_dir = format!("--model_dir={}", miniature_dir().display());
        let defaults = [
            "--image_dir=photos",
            "--architecture=miniature",
            "--how_many_training_steps=20",
            "--random_seed=1",
            &model_dir,
        ];
        [&defaults, &OUTPUTS[..], args].concat().into_iter().map(str::to_owned).collect()
    }

    /// Runs `label_image` here, by default on the outputs of [`Self::retrain`].
    pub(crate) fn label_image(&self, args: &[&str]) -> Outcome {
        run(
            LABEL_IMAGE,
            self.root(),
            &[&["--graph=graph.pb", "--labels=labels.txt"], args].concat(),
        )
    }
}

/// All outputs of `retrain`, in the working directory.
pub(crate) const OUTPUTS: [&str; 5] = [
    "--output_graph=graph.pb",
    "--output_labels=labels.txt",
    "--bottleneck_dir=bottlenecks",
    "--summaries_dir=summaries",
    "--intermediate_output_graphs_dir=intermediate/",
];

/// The labels and scores that label_image printed.
pub(crate) fn scores(stdout: &str) -> Vec<(String, f32)> {
    let score = |line: &str| {
        let (label, score) = line.strip_suffix(')')?.split_once(" (score=")?;
        Some((label.to_owned(), score.parse().unwrap()))
    };
    stdout.lines().filter_map(score).collect()
}

/// Sends a JSON request to the standard input of a Python script of tests/peers, and returns its
/// JSON answer.
pub(crate) fn ask_peer(python: &Path, script: &str, request: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let mut command = Command::new(python);
    command.arg("-B").arg(script).env("TF_CPP_MIN_LOG_LEVEL", "3").env("CUDA_VISIBLE_DEVICES", "");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let last = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).last();
    assert!(child.wait().unwrap().success(), "the Python side failed: {request}");
    serde_json::from_str(&last.unwrap()).unwrap()
}
