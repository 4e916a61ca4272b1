//! Where a TF-Hub module is: a directory, an archive of one, or an address whose archive is kept as Python's
//! tensorflow_hub keeps it, so that either finds what the other has brought.

use super::archive;
use crate::error::{Error, Result};
use crate::{fsio, net};
use sha1::{Digest, Sha1};
use std::env;
use std::path::{Path, PathBuf};

/// The directory of the module that `handle` names.
pub(super) fn find_module(handle: &str) -> Result<PathBuf> {
    if handle.contains("://") {
        return fetch_module(handle);
    }
    let path = Path::new(handle);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    let is_archive = [".tar.gz", ".tgz"].iter().any(|ending| handle.ends_with(ending));
    if !path.is_file() || !is_archive {
        return Err(Error::input(
            path,
            "is no TF-Hub module: give its directory, a .tar.gz or .tgz of it, or its address",
        ));
    }
    let archive = path.canonicalize().map_err(Error::io("opening", path))?;
    let modified = archive.metadata().and_then(|m| m.modified()).map_err(Error::io("opening", path))?;
    let key = format!("{}\n{modified:?}", archive.display());
    let dir = cache_dir().join(hash(&key));
    unpack(&archive, &dir)?;
    Ok(dir)
}

/// `TFHUB_CACHE_DIR`, else `tfhub_modules` in the directory for temporary files.
fn cache_dir() -> PathBuf {
    env::var_os("TFHUB_CACHE_DIR").map_or_else(|| env::temp_dir().join("tfhub_modules"), PathBuf::from)
}

fn hash(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// tensorflow_hub's name for an address: its SHA-1, without a trailing slash.
fn fetch_module(url: &str) -> Result<PathBuf> {
    let dir = cache_dir().join(hash(url.trim_end_matches('/')));
    if is_module(&dir) {
        return Ok(dir);
    }
    fsio::ensure_dir_exists(&cache_dir())?;
    let archive = cache_dir().join(format!(".{}.tgz", hash(url)));
    let separator = if url.contains('?') { '&' } else { '?' };
    net::fetch(&format!("{url}{separator}tf-hub-format=compressed"), &archive, None).map_err(|error| match error {
        Error::Net { message, .. } => Error::Net {
            url: url.into(),
            message: format!("{message}\nWithout a network: unpack the module into {}", dir.display()),
        },
        other => other,
    })?;
    let unpacked = unpack(&archive, &dir);
    let _ = std::fs::remove_file(&archive);
    unpacked.map(|()| dir)
}

fn is_module(dir: &Path) -> bool {
    dir.join("saved_model.pb").is_file()
}

/// Unpacks beside `dir` and renames, so that `dir` holds a whole module or is not there.
fn unpack(archive: &Path, dir: &Path) -> Result<()> {
    if is_module(dir) {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(Path::new("."));
    fsio::ensure_dir_exists(parent)?;
    let scratch = tempfile::Builder::new().prefix(".module-").tempdir_in(parent);
    let scratch = scratch.map_err(Error::io("writing to the directory", parent))?;
    archive::extract(archive, scratch.path())?;
    let module = module_root(scratch.path()).ok_or_else(|| Error::input(archive, "holds no saved_model.pb"))?;
    match std::fs::rename(&module, dir) {
        Err(_) if is_module(dir) => Ok(()),
        other => other.map_err(Error::io("renaming to", dir)),
    }
}

/// The module at the top of the archive or in its only directory.
fn module_root(dir: &Path) -> Option<PathBuf> {
    if is_module(dir) {
        return Some(dir.to_owned());
    }
    let mut inner = std::fs::read_dir(dir).ok()?.filter_map(|e| Some(e.ok()?.path())).filter(|p| is_module(p));
    inner.next().filter(|_| inner.next().is_none())
}
