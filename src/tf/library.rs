//! Finds libtensorflow on this machine and loads it once per process. Nothing here sets environment
//! variables; that is up to programs, before they start threads.

use super::installed::{Installed, is_complete, library_name, pythons};
use super::site::installed_beside;
use super::wheels::{MINOR_VERSIONS, Wheel};
use crate::error::{Error, Result};
use crate::fsio;
use std::env;
use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const LOADER_PATH: &str = if cfg!(windows) {
    "PATH"
} else if cfg!(target_os = "macos") {
    "DYLD_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};
/// The system's own directories. Windows has none that only its administrator fills.
const SYSTEM: &[&str] = if cfg!(windows) {
    &[]
} else {
    &["/usr/local/lib", "/usr/local/lib/libtensorflow", "/usr/lib", "/opt/homebrew/lib"]
};
/// What a wheel calls the library.
const MAIN_LIBRARY: &str =
    if cfg!(windows) { "_pywrap_tensorflow_internal.pyd" } else { "libtensorflow_cc" };
/// The directories in which the build script puts libtensorflow, as a search path. Empty in a
/// program that was built with the feature `portable`.
const FROM_THE_BUILD: &str = env!("RETRAIN_TENSORFLOW_CACHES");

/// Where libtensorflow is looked for, in this order.
#[derive(Debug, Clone, Default)]
pub struct LibrarySearch {
    /// Directories that may hold it.
    pub directories: Vec<PathBuf>,
    /// A program: TensorFlow may be installed in its Python environment.
    pub program: Option<PathBuf>,
    /// The per-user cache, which may hold the unpacked wheel. It also gets a directory of links to
    /// a TensorFlow that Python has: the bindings look for one file name, which no wheel has.
    pub cache: Option<PathBuf>,
    /// Pythons, of which each is asked for its TensorFlow.
    pub pythons: Vec<PathBuf>,
}

impl LibrarySearch {
    /// This program's: `TENSORFLOW_DIR`; the loader path; the program's own directory and `../lib`;
    /// the system's library directories; what the build script found or fetched; the Python
    /// environment that the program was installed into; the cache; the Python beside the program,
    /// of the active virtual environment, and on the path.
    #[must_use]
    pub fn here() -> Self {
        let program = env::current_exe().ok();
        let own = program.as_deref().and_then(Path::parent);
        let beside = own.iter().flat_map(|own| [own.to_path_buf(), own.join("../lib")]);
        let directories = paths("TENSORFLOW_DIR").into_iter().chain(paths(LOADER_PATH));
        let directories = directories.chain(beside).chain(SYSTEM.iter().map(PathBuf::from));
        let directories = directories.chain(from_the_build()).collect();
        let resolved = program.as_deref().and_then(|program| fsio::real(program).ok());
        let resolved = resolved.as_deref().and_then(Path::parent);
        let own_pythons = resolved.iter().flat_map(|dir| {
            ["python3", "python"].map(|python| dir.join(format!("{python}{EXE_SUFFIX}")))
        });
        let own_pythons = own_pythons.filter(|python| python.is_file()).take(1);
        let pythons = own_pythons.chain(pythons()).collect();
        Self { directories, program, cache: fsio::cache_dir(), pythons }
    }

    /// The first libtensorflow.
    ///
    /// # Errors
    /// What stands in the way of each TensorFlow that was found but cannot be used.
    pub fn find(&self) -> std::result::Result<PathBuf, Vec<String>> {
        let library = library_name(OS);
        let complete = |directory: &&PathBuf| is_complete(directory, library);
        if let Some(directory) = self.directories.iter().find(complete) {
            return Ok(directory.join(library));
        }
        let mut complaints = Vec::new();
        // pipx and the like link to a program from a directory on the path.
        let program = self.program.as_deref().and_then(|program| fsio::real(program).ok());
        let beside = program.iter().flat_map(|program| installed_beside(program));
        if let Some(links) = self.first_linked(beside, &mut complaints) {
            return Ok(links.join(library));
        }
        let fetched = Wheel::of(OS, ARCH).zip(self.cache.as_deref());
        let fetched = fetched.map(|(wheel, cache)| cache.join(wheel.directory()));
        if let Some(directory) = fetched.filter(|directory| is_complete(directory, library)) {
            return Ok(directory.join(library));
        }
        let asked = self.pythons.iter().filter_map(|python| Installed::of_python(python, ARCH));
        let links = self.first_linked(asked, &mut complaints);
        links.map(|links| links.join(library)).ok_or(complaints)
    }

    /// The links to the first of these TensorFlows that can be used.
    fn first_linked(
        &self,
        mut installed: impl Iterator<Item = Installed>,
        complaints: &mut Vec<String>,
    ) -> Option<PathBuf> {
        installed.find_map(|one| {
            let linked = self.links_to(&one);
            linked.map_err(|why| (!complaints.contains(&why)).then(|| complaints.push(why))).ok()
        })
    }

    /// The directory of links to a TensorFlow, or why there is none and what to do.
    fn links_to(&self, installed: &Installed) -> std::result::Result<PathBuf, String> {
        let Installed { version, package } = installed;
        let package = package.display();
        if !installed.minor_version().is_some_and(|minor| MINOR_VERSIONS.contains(&minor)) {
            let (first, last) = (MINOR_VERSIONS.start(), MINOR_VERSIONS.end());
            return Err(format!(
                "TensorFlow {version} in {package} cannot be used. Install a version from \
                 2.{first} to 2.{last}."
            ));
        }
        let unlinked = |why: &str| {
            format!(
                "Links to the TensorFlow in {package} cannot be made: {why}. Set \
                 RETRAIN_CACHE_DIR to a directory that can be written."
            )
        };
        let cache = self.cache.as_deref();
        let cache = cache.ok_or_else(|| unlinked("the environment names no home directory"))?;
        let links = installed.link_into(cache, library_name(OS)).map_err(|why| unlinked(&why))?;
        links.ok_or_else(|| {
            format!("TensorFlow {version} in {package} has no {MAIN_LIBRARY}. Install it again.")
        })
    }
}

fn paths(variable: &str) -> Vec<PathBuf> {
    let paths = env::var_os(variable).map(|paths| env::split_paths(&paths).collect());
    paths.unwrap_or_default()
}

fn from_the_build() -> impl Iterator<Item = PathBuf> {
    env::split_paths(FROM_THE_BUILD).filter(|directory| !directory.as_os_str().is_empty())
}

/// The libtensorflow that [`LibrarySearch::here`] finds.
#[must_use]
pub fn find_library() -> Option<PathBuf> {
    LibrarySearch::here().find().ok()
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

/// What to do about a library that is there but cannot be loaded.
const REMEDY: &str = if cfg!(windows) {
    "TensorFlow needs Microsoft's Visual C++ Redistributable, which Windows does not have by \
     itself; else set TENSORFLOW_DIR to another copy."
} else {
    "Set TENSORFLOW_DIR to another copy."
};

/// Loads what the library needs and would not find.
#[cfg(windows)]
fn beforehand(library: &Path) -> std::result::Result<(), String> {
    super::python::stand_in_for(library)
}

#[cfg(not(windows))]
fn beforehand(_: &Path) -> std::result::Result<(), String> {
    Ok(())
}

fn load_once() -> std::result::Result<(), String> {
    match tensorflow::library::find() {
        Some(file) => beforehand(&file).and_then(|()| {
            tensorflow::library::load()
                .map_err(|e| format!("{} cannot be loaded: {e}\n{REMEDY}", file.display()))
        }),
        None => Err(not_loaded(LibrarySearch::here().find())),
    }
}

/// Says why the bindings found no library, and what to do.
fn not_loaded(elsewhere: std::result::Result<PathBuf, Vec<String>>) -> String {
    let library = library_name(OS);
    let any_copy = format!(
        "set TENSORFLOW_DIR to a directory that holds {library} (a copy of or link to the \
         {MAIN_LIBRARY} of a TensorFlow 2 wheel will do)."
    );
    let complaints = match elsewhere {
        Ok(file) => {
            return format!(
                "{} is not where the TensorFlow bindings look.\nSet TENSORFLOW_DIR={} before the \
                 program starts, or as the first thing it does.",
                file.display(),
                file.parent().unwrap_or(Path::new(".")).display()
            );
        }
        Err(complaints) => complaints,
    };
    if !complaints.is_empty() {
        return format!("{}\nOr {any_copy}", complaints.join("\n"));
    }
    let package = Wheel::of(OS, ARCH).map(|wheel| wheel.distribution);
    // For Windows, only old versions are called otherwise.
    let package = package.filter(|_| !cfg!(windows)).unwrap_or("tensorflow");
    format!(
        "{}\nInstall TensorFlow (pip install {package}), or {any_copy}",
        links_gone(library).unwrap_or_else(|| format!(
            "{library} was not found in TENSORFLOW_DIR, on {LOADER_PATH}, beside this program, in \
             the system's library directories or in the cache, and no Python has a TensorFlow."
        ))
    )
}

/// Says so if the build found a TensorFlow that is not there any more.
fn links_gone(library: &str) -> Option<String> {
    let mut links = from_the_build().map(|directory| directory.join(library));
    let (link, target) = links.find_map(|link| Some((link.clone(), link.read_link().ok()?)))?;
    Some(format!(
        "{} links to {}, which is gone, perhaps with its Python environment.",
        link.display(),
        target.display()
    ))
}

/// The version that the loaded TensorFlow reports.
#[must_use]
pub fn version() -> String {
    tensorflow::version().unwrap_or_default()
}
