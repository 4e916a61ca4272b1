//! Finds a TF-Hub module or another SavedModel: a directory, an archive, or an address. Downloads
//! are cached as Python's tensorflow_hub caches them, so that each program finds what the other has
//! downloaded.

use super::archive;
use crate::error::{Error, Result};
use crate::fsio;
use crate::net::Fetch;
use crate::text::hex;
use sha1::{Digest, Sha1};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// How many names a message lists.
const LISTED: usize = 5;

/// The setting that names a module, or a model of the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Module,
    Architecture,
}

impl Setting {
    fn name(self) -> &'static str {
        match self {
            Self::Module => "tfhub_module",
            Self::Architecture => "architecture",
        }
    }

    /// What to say when an address does not lead to a module.
    fn moved(self) -> &'static str {
        match self {
            Self::Module => {
                "TensorFlow Hub's modules are now at https://www.kaggle.com/models: download the \
                 module there as a .tar.gz in the TF1 Hub format, and give that file to \
                 `tfhub_module`"
            }
            Self::Architecture => {
                "Models for TensorFlow are now at https://www.kaggle.com/models: download the \
                 model there as a .tar.gz in the TensorFlow 2 format, and give that file to \
                 `architecture`"
            }
        }
    }
}

/// Whether a handle is an address.
pub(super) fn is_address(handle: &str) -> bool {
    handle.contains("://")
}

/// Whether a file's name is that of an archive.
pub(super) fn is_archive(name: &str) -> bool {
    [".tar.gz", ".tgz"].iter().any(|ending| name.ends_with(ending))
}

/// The directory of the module that `handle`, the value of `setting`, names.
pub(super) fn find_module(handle: &str, setting: Setting) -> Result<PathBuf> {
    match handle.split_once("://") {
        Some(("http" | "https", _)) => return fetch_module(handle, setting),
        Some(_) => {
            let message = format!(
                "{handle}: only http:// and https:// can be fetched; give the module's directory"
            );
            return Err(Error::usage(setting.name(), message));
        }
        None => {}
    }
    let path = Path::new(handle);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    if !path.is_file() || !is_archive(handle) {
        return Err(Error::input(
            path,
            "is not a TF-Hub module: give a module's directory, .tar.gz or .tgz, or its address",
        ));
    }
    let archive = path.canonicalize().map_err(Error::io("opening", path))?;
    let modified =
        archive.metadata().and_then(|m| m.modified()).map_err(Error::io("opening", path))?;
    let key = format!("{}\n{modified:?}", archive.display());
    let dir = cache_dir().join(hash(&key));
    if !is_module(&dir) {
        unpack(&archive, &dir, "; download it again")?;
    }
    Ok(dir)
}

/// `TFHUB_CACHE_DIR`, or else `tfhub_modules` in the directory for temporary files.
fn cache_dir() -> PathBuf {
    let named = env::var_os("TFHUB_CACHE_DIR").filter(|dir| !dir.is_empty());
    named.map_or_else(|| env::temp_dir().join("tfhub_modules"), PathBuf::from)
}

fn hash(text: &str) -> String {
    hex(&Sha1::digest(text.as_bytes()))
}

/// Downloads a module, unless tensorflow_hub or we have done so before. Its directory is named
/// after the SHA-1 of the address exactly as given.
fn fetch_module(url: &str, setting: Setting) -> Result<PathBuf> {
    let dir = cache_dir().join(hash(url));
    if is_module(&dir) {
        return Ok(dir);
    }
    if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::input(
            dir,
            "holds no saved_model.pb; remove it to have the module fetched again",
        ));
    }
    fsio::ensure_dir_exists(&cache_dir())?;
    let archive = cache_dir().join(format!(".{}.tgz", hash(url)));
    let separator = if url.contains('?') { '&' } else { '?' };
    let fail = |message: String| Error::Net {
        url: url.into(),
        message: format!("{message}\nWithout a network: unpack the module into {}", dir.display()),
    };
    let compressed = format!("{url}{separator}tf-hub-format=compressed");
    let fetch = Fetch { moved: Some(setting.moved()), ..Fetch::new(&compressed, url) };
    fetch.to(&archive).map_err(|error| match error {
        Error::Net { message, .. } => fail(message),
        other => other,
    })?;
    let moved = if is_gzip(&archive) { String::new() } else { format!("\n{}", setting.moved()) };
    let unpacked = unpack(&archive, &dir, "");
    let _ = fs::remove_file(&archive);
    unpacked.map_err(|error| match error {
        Error::Input { message, .. } => fail(format!("the download {message}{moved}")),
        other => other,
    })?;
    describe(url, &dir)?;
    Ok(dir)
}

fn is_gzip(path: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == [0x1f, 0x8b]
}

/// Writes the note that tensorflow_hub puts beside a module, for people to read.
fn describe(url: &str, dir: &Path) -> Result<()> {
    let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
    let (host, id) = (gethostname::gethostname(), std::process::id());
    let text = format!(
        "Module: {url}\nDownload Time: {now}\nDownloader Hostname: {} (PID:{id})",
        host.to_string_lossy()
    );
    fsio::write(&dir.with_extension("descriptor.txt"), text.as_bytes())
}

fn is_module(dir: &Path) -> bool {
    dir.join("saved_model.pb").is_file()
}

/// Unpacks beside `dir` and renames, so that `dir` is either complete or missing. `remedy` ends the
/// message about a broken archive.
fn unpack(archive: &Path, dir: &Path, remedy: &str) -> Result<()> {
    let parent = dir.parent().unwrap_or(Path::new("."));
    fsio::ensure_dir_exists(parent)?;
    fsio::clear_temporary_files(parent);
    let scratch = fsio::Scratch::new_in(parent)?;
    // The scratch directory is private, but everybody who shares the cache must read the module.
    let unpacked = scratch.path().join("module");
    fsio::ensure_dir_exists(&unpacked)?;
    archive::extract(archive, &unpacked, remedy)?;
    let module = module_root(&unpacked).map_err(|message| Error::input(archive, message))?;
    match fsio::rename(&module, dir) {
        // Another process was faster.
        Err(_) if is_module(dir) => Ok(()),
        other => other.map_err(Error::io("renaming to", dir)),
    }
}

/// The unpacked module: at the top, where tensorflow_hub expects it, or one directory below.
fn module_root(dir: &Path) -> std::result::Result<PathBuf, String> {
    if is_module(dir) {
        return Ok(dir.to_owned());
    }
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    let mut modules: Vec<PathBuf> = entries.filter(|path| is_module(path)).collect();
    modules.sort();
    match modules.len() {
        0 => Err("holds no saved_model.pb".into()),
        1 => Ok(modules.remove(0)),
        count => {
            let names: Vec<_> = modules
                .iter()
                .filter_map(|m| Some(m.file_name()?.to_string_lossy()))
                .take(LISTED)
                .collect();
            Err(format!(
                "holds {count} modules, in {}; unpack it and give the directory of one of them",
                names.join(", ")
            ))
        }
    }
}
