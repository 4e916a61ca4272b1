//! A TensorFlow that pip has installed, and a directory in the cache with links to its libraries.
//! The build script includes this file, so it uses std alone.
//!
//! The bindings load a file of one name from one directory. A library finds what it needs by
//! `$ORIGIN`, which is the directory of the link that it was loaded by: so all that TensorFlow's
//! wheel bundles is linked into one directory.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) type Result<T> = std::result::Result<T, String>;

/// Prints where TensorFlow is installed, without importing it, which would take seconds.
const ASK_PYTHON: &str = "
import importlib.metadata, importlib.util, platform
for name in 'tensorflow', 'tensorflow-cpu', 'tensorflow-intel':
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        continue
    location = importlib.util.find_spec('tensorflow').submodule_search_locations[0]
    print(platform.machine(), version, location, sep='\\n')
    break
";

/// A TensorFlow in Python's site-packages.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) version: String,
    /// The directory `site-packages/tensorflow`.
    pub(crate) package: PathBuf,
}

/// The name of the library file that the bindings look for on an operating system, which is named
/// as by [`std::env::consts::OS`].
pub(crate) fn library_name(os: &str) -> &'static str {
    match os {
        "macos" => "libtensorflow.dylib",
        "windows" => "tensorflow.dll",
        _ => "libtensorflow.so",
    }
}

/// The Pythons to ask: first that of an active virtual environment.
pub(crate) fn pythons() -> Vec<PathBuf> {
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let active = env::var_os("VIRTUAL_ENV").map(|dir| PathBuf::from(dir).join(python));
    active.into_iter().chain(["python3", "python"].map(PathBuf::from)).collect()
}

impl Installed {
    /// The TensorFlow that a Python would import; `None` if it has none for the processor `arch`.
    pub(crate) fn of_python(python: &Path, arch: &str) -> Option<Self> {
        let mut ask = Command::new(python);
        // Windows' own encoding does not have every name.
        let output = ask.args(["-c", ASK_PYTHON]).env("PYTHONIOENCODING", "utf-8").output().ok()?;
        let answer = String::from_utf8(output.stdout).ok()?;
        let mut lines = answer.lines();
        let (machine, version, package) = (lines.next()?, lines.next()?, lines.next()?);
        let machine = match machine {
            "arm64" | "ARM64" => "aarch64",
            "AMD64" => "x86_64",
            other => other,
        };
        let installed = Self { version: version.to_owned(), package: package.into() };
        (machine == arch).then_some(installed)
    }

    /// The 18 of TensorFlow 2.18.1; `None` for another major version.
    pub(crate) fn minor_version(&self) -> Option<u32> {
        self.version.strip_prefix("2.")?.split('.').next()?.parse().ok()
    }

    /// A directory in `cache` with links to the libraries, made where it is not there yet; `None`
    /// if there are no libraries. What an installation holds is part of the directory's name, so a
    /// directory that is complete is never out of date.
    pub(crate) fn link_into(&self, cache: &Path, library: &str) -> Result<Option<PathBuf>> {
        let files = self.libraries()?;
        if !files.iter().any(|file| is_main(file)) {
            return Ok(None);
        }
        let mut place = DefaultHasher::new();
        (&self.package, &files).hash(&mut place);
        let directory = cache.join(format!("{LINKS}{}-{:016x}", self.version, place.finish()));
        if !is_complete(&directory, library) {
            let _ = fs::remove_dir_all(&directory);
            remove_dangling(cache, library);
            make_directory(&directory, library, |scratch| {
                files.iter().try_for_each(|file| link(file, &scratch.join(name_of(file))))
            })?;
        }
        Ok(Some(directory))
    }

    /// TensorFlow's libraries and those that its wheel bundles for them, in order.
    fn libraries(&self) -> Result<Vec<PathBuf>> {
        if cfg!(windows) {
            let library = WINDOWS_LIBRARIES.map(|name| self.package.join("python").join(name));
            return Ok(library.into_iter().find(|file| file.is_file()).into_iter().collect());
        }
        let mut files = files_in(&self.package)?;
        files.retain(|file| name_of(file).starts_with("libtensorflow_"));
        let packages = self.package.parent().unwrap_or(Path::new("/"));
        let entries = fs::read_dir(packages).map_err(|e| told(packages, &e))?;
        for bundled in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = name_of(&bundled);
            if name.starts_with("tensorflow") && name.ends_with(".libs") {
                files.extend(files_in(&bundled)?);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// How the names of directories with links begin.
const LINKS: &str = "tensorflow-site-";

/// Whether a directory holds the library, and none of its links dangles, as they do when a Python
/// environment is deleted or another version is installed in it.
pub(crate) fn is_complete(directory: &Path, library: &str) -> bool {
    let whole = |entries: fs::ReadDir| entries.flatten().all(|entry| entry.path().is_file());
    directory.join(library).is_file()
        && (!name_of(directory).starts_with(LINKS) || fs::read_dir(directory).is_ok_and(whole))
}

/// Removes the links to installations that are gone.
fn remove_dangling(cache: &Path, library: &str) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for directory in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if name_of(&directory).starts_with(LINKS) && !is_complete(&directory, library) {
            let _ = fs::remove_dir_all(&directory);
        }
    }
}

/// Fills a scratch directory with `fill`, adds libtensorflow_cc under the name that the bindings
/// look for, and renames it to `directory`, so that `directory` is always complete.
pub(crate) fn make_directory(
    directory: &Path,
    library: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    // A home directory may be shared by machines, whose processes have the same numbers.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let scratch = directory.with_file_name(format!(".tensorflow-{}-{now}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|e| told(&scratch, &e))?;
    let outcome = fill(&scratch).and_then(|()| {
        let main = files_in(&scratch)?.into_iter().find(|file| is_main(file));
        let main = main.ok_or("the wheel does not hold TensorFlow's C API")?;
        link(name_of(&main).as_ref(), &scratch.join(library))?;
        // A directory without the library is useless and would block the renaming.
        if !directory.join(library).is_file() {
            let _ = fs::remove_dir_all(directory);
        }
        // If another process was faster, its directory is used.
        match fs::rename(&scratch, directory) {
            Err(_) if directory.join(library).is_file() => Ok(()),
            other => other.map_err(|e| told(directory, &e)),
        }
    });
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

/// The library with the C API in Windows' wheels: since 2.20, and before. Beside the first, the
/// second is another library.
const WINDOWS_LIBRARIES: [&str; 2] =
    ["_pywrap_tensorflow_common.dll", "_pywrap_tensorflow_internal.pyd"];

/// Whether a file is the library that the bindings load.
fn is_main(file: &Path) -> bool {
    let name = name_of(file);
    name.starts_with("libtensorflow_cc") || WINDOWS_LIBRARIES.contains(&name)
}

/// The paths of the files in a directory.
pub(crate) fn files_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|e| told(directory, &e))?;
    Ok(entries.filter_map(|e| Some(e.ok()?.path())).filter(|path| path.is_file()).collect())
}

/// The last component of a path; empty if it is not UTF-8.
fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Makes `link` another name of `target`, which is relative to the link's directory.
#[cfg(unix)]
fn link(target: &Path, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, link).map_err(|e| told(link, &e))
}

/// Windows makes symbolic links for administrators only, and hard links within a volume.
#[cfg(not(unix))]
fn link(target: &Path, link: &Path) -> Result<()> {
    let source = link.parent().unwrap_or(Path::new(".")).join(target);
    let linked = fs::hard_link(&source, link);
    linked.or_else(|_| fs::copy(&source, link).map(drop)).map_err(|e| told(link, &e))
}
