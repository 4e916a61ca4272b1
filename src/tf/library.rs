//! Finding libtensorflow on this machine and loading it, once a process.

use crate::error::{Error, Result};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// How much TensorFlow itself may print on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chatter {
    /// Errors only.
    Quiet,
    /// Whatever it says.
    All,
}

const LIBRARY: &str =
    if cfg!(target_os = "macos") { "libtensorflow.dylib" } else { "libtensorflow.so" };
const LOADER_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

/// Where libtensorflow is, first found first: `TENSORFLOW_DIR`, the loader path, the program's own
/// directory and the `lib` beside it, the system's library directories, the cache that `cargo
/// build` filled.
#[must_use]
pub fn find_library() -> Option<PathBuf> {
    let paths = |name| {
        env::var_os(name).map(|v| env::split_paths(&v).collect::<Vec<_>>()).unwrap_or_default()
    };
    let program = env::current_exe().ok().and_then(|p| Some(p.parent()?.to_owned()));
    let beside = program.iter().flat_map(|dir| [dir.clone(), dir.join("../lib")]);
    let system =
        ["/usr/local/lib", "/usr/local/lib/libtensorflow", "/usr/lib", "/opt/homebrew/lib"];
    let directories = paths("TENSORFLOW_DIR").into_iter().chain(paths(LOADER_PATH)).chain(beside);
    let directories = directories.chain(system.map(PathBuf::from));
    let directories = directories.chain([PathBuf::from(env!("RETRAIN_TENSORFLOW_CACHE"))]);
    directories.map(|dir| dir.join(LIBRARY)).find(|file| file.is_file())
}

/// Loads libtensorflow, the first time it is called; later calls return the first one's outcome.
pub fn load(chatter: Chatter) -> Result<()> {
    static OUTCOME: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    OUTCOME.get_or_init(|| load_once(chatter)).clone().map_err(|message| Error::Library { message })
}

fn load_once(chatter: Chatter) -> std::result::Result<(), String> {
    let Some(file) = find_library() else {
        return Err(format!(
            "{LIBRARY} was not found in TENSORFLOW_DIR, on {LOADER_PATH}, beside this program or in the system's \
             library directories.\nInstall TensorFlow's C library, or set TENSORFLOW_DIR to a directory that holds \
             it (libtensorflow_cc.so.2 of the TensorFlow 2 pip wheel under that name serves)."
        ));
    };
    let directory = file.parent().unwrap_or(Path::new("."));
    if chatter == Chatter::Quiet {
        set_default_variable("TF_CPP_MIN_LOG_LEVEL", "3".as_ref());
    }
    // By itself TensorFlow uses oneDNN only on newer processors. On one with AVX2 alone it takes
    // less than half the time for a MobileNet (0.28 s of the network instead of 0.64 for 138
    // photographs), and has the fused depthwise ops.
    if cfg!(target_arch = "x86_64") {
        set_default_variable("TF_ENABLE_ONEDNN_OPTS", "1".as_ref());
    }
    // The bindings look here first, so that they load what was found above and nothing else.
    set_variable("TENSORFLOW_DIR", directory.as_os_str());
    tensorflow::library::load().map_err(|e| {
        format!("{} cannot be loaded: {e}\nSet TENSORFLOW_DIR to another copy.", file.display())
    })
}

fn set_default_variable(name: &str, value: &std::ffi::OsStr) {
    if env::var_os(name).is_none() {
        set_variable(name, value);
    }
}

#[allow(unsafe_code)]
fn set_variable(name: &str, value: &std::ffi::OsStr) {
    // SAFETY: `load` comes before any session, thus before TensorFlow's threads and before ours
    // that would read the environment through C; Rust's own readers hold the standard library's
    // lock.
    unsafe { env::set_var(name, value) }
}

/// TensorFlow's version as the loaded library states it.
#[must_use]
pub fn version() -> String {
    tensorflow::version().unwrap_or_default()
}
