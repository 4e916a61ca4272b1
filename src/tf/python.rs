//! Windows: TensorFlow's library there is made for Python, and cannot be loaded without the Python
//! DLL of its wheel's version, though none of the functions that it imports is called by the C API.
//! A DLL that has these names is as good, for every version of Python and for none.

use super::stub::{Export, dll};
use crate::fsio;
use crate::text::hex;
use libloading::os::windows::Library;
use memmap2::Mmap;
use object::LittleEndian;
use object::read::pe::{Import, PeFile64};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, String>;

/// Loads a DLL in place of the Python that `library` imports, if it imports one. The system then
/// finds it by its name among those that are loaded.
pub(super) fn stand_in_for(library: &Path) -> Result<()> {
    let told = |e: &dyn std::fmt::Display| format!("{}: {e}", library.display());
    let Some((name, exports)) = imported_python(library).map_err(|e| told(&e))? else {
        return Ok(());
    };
    let path = written(&name, &dll(&name, &exports))?;
    // SAFETY: the DLL has no code that runs when it is loaded.
    #[allow(unsafe_code)]
    let loaded = unsafe { Library::new(&path) };
    let loaded = loaded.map_err(|e| format!("{} cannot be loaded: {e}", path.display()))?;
    // It stays as long as the library.
    let _ = loaded.into_raw();
    Ok(())
}

/// The name of the Python DLL that a library imports, and what it imports from there.
fn imported_python(library: &Path) -> std::result::Result<Option<(String, Vec<Export>)>, Fault> {
    let file = File::open(library)?;
    // SAFETY: the map is only read; that no other program changes the file meanwhile is an
    // assumption that every memory map of a file makes.
    #[allow(unsafe_code)]
    let bytes = unsafe { Mmap::map(&file) }?;
    let pe = PeFile64::parse(&*bytes)?;
    let Some(table) = pe.import_table()? else { return Ok(None) };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let name = String::from_utf8_lossy(table.name(descriptor.name.get(LittleEndian))?);
        let name = name.to_ascii_lowercase();
        if !name.starts_with("python3") {
            continue;
        }
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LittleEndian))?;
        let mut exports = Vec::new();
        while let Some(thunk) = thunks.next::<object::pe::ImageNtHeaders64>()? {
            if let Import::Name(_, name) = table.import::<object::pe::ImageNtHeaders64>(thunk)? {
                exports.push(Export::of_python(&String::from_utf8_lossy(name)));
            }
        }
        return Ok(Some((name, exports)));
    }
    Ok(None)
}

/// The DLL's path in the cache, where it is written if it is not there. Its content is part of the
/// directory's name: another run may have it loaded, and then it could not be replaced.
fn written(name: &str, dll: &[u8]) -> Result<PathBuf> {
    let cache = fsio::cache_dir().ok_or("neither RETRAIN_CACHE_DIR nor LOCALAPPDATA is set")?;
    let path = cache.join(format!("python-{}", &hex(&Sha256::digest(dll))[..16])).join(name);
    if fs::read(&path).is_ok_and(|there| there == dll) {
        return Ok(path);
    }
    let written = fsio::ensure_dir_exists(fsio::directory_of(&path));
    let written = written.and_then(|()| fsio::write(&path, dll));
    written
        .map_err(|e| format!("{e}\nSet RETRAIN_CACHE_DIR to a directory that can be written."))?;
    Ok(path)
}

/// What is wrong with a library.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("is not a DLL for this processor ({0})")]
    Format(#[from] object::read::Error),
}
