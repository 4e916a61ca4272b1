//! Finds libtensorflow on this machine and loads it once per process. Nothing here sets environment
//! variables; that is up to programs, before they start threads.

use crate::error::{Error, Result};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const LIBRARY: &str =
    if cfg!(target_os = "macos") { "libtensorflow.dylib" } else { "libtensorflow.so" };
const LOADER_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
/// The directories in which the build script puts libtensorflow, as a search path.
const FROM_THE_BUILD: &str = env!("RETRAIN_TENSORFLOW_CACHES");

/// The first libtensorflow found in: `TENSORFLOW_DIR`; the loader path; the program's own directory
/// and `../lib`; the system's library directories; and what the build script found or fetched
/// (TensorFlow in Python's site-packages, or the unpacked wheel).
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
    let directories = directories.chain(env::split_paths(FROM_THE_BUILD));
    directories.map(|dir| dir.join(LIBRARY)).find(|file| file.is_file())
}

/// Loads libtensorflow on the first call; later calls return the first one's outcome.
///
/// The bindings look for it in `TENSORFLOW_DIR`, on the loader path and in `/usr/local/lib`. They
/// and TensorFlow read other variables too (`TF_CPP_MIN_LOG_LEVEL`, `TF_ENABLE_ONEDNN_OPTS`), which
/// the program must set before its first thread.
///
/// # Errors
/// [`Error::Library`], which says what to install or which variable to set.
pub fn load() -> Result<()> {
    static OUTCOME: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    OUTCOME.get_or_init(load_once).clone().map_err(|message| Error::Library { message })
}

fn load_once() -> std::result::Result<(), String> {
    match tensorflow::library::find() {
        Some(file) => tensorflow::library::load().map_err(|e| {
            format!("{} cannot be loaded: {e}\nSet TENSORFLOW_DIR to another copy.", file.display())
        }),
        None => Err(not_loaded(find_library())),
    }
}

/// Says why the bindings found no library.
fn not_loaded(elsewhere: Option<PathBuf>) -> String {
    if let Some(file) = elsewhere {
        let directory = file.parent().unwrap_or(Path::new("."));
        return format!(
            "{} is not where the TensorFlow bindings look.\nSet TENSORFLOW_DIR={} before the \
             program starts, or as the first thing it does.",
            file.display(),
            directory.display()
        );
    }
    let link = env::split_paths(FROM_THE_BUILD).map(|dir| dir.join(LIBRARY));
    if let Some((link, target)) =
        link.into_iter().find_map(|l| Some((l.clone(), l.read_link().ok()?)))
    {
        return format!(
            "{} links to {}, which is gone, perhaps with its Python environment.\nBuild again, \
             to find or fetch another TensorFlow, or set TENSORFLOW_DIR to a directory that \
             holds {LIBRARY}.",
            link.display(),
            target.display()
        );
    }
    format!(
        "{LIBRARY} was not found in TENSORFLOW_DIR, on {LOADER_PATH}, beside this program or in \
         the system's library directories.\nInstall TensorFlow's C library, or set TENSORFLOW_DIR \
         to a directory that holds it (a copy of libtensorflow_cc.so.2 from the TensorFlow 2 pip \
         wheel, under that name, will do)."
    )
}

/// The version that the loaded TensorFlow reports.
#[must_use]
pub fn version() -> String {
    tensorflow::version().unwrap_or_default()
}
