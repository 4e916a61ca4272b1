//! Model archives: downloaded once into model_dir and unpacked there. Nothing in them is trusted.

use super::missing::Missing;
use crate::error::{Error, Result};
use crate::fsio;
use crate::model::wheels;
use crate::net::{Fetch, Sum};
use crate::text::shown;
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

// Limits against archives made to fill the disk or memory; no real model comes near them.

/// The largest file, in bytes: protobuf's own limit, which no graph can exceed.
const LARGEST_FILE: u64 = 2 << 30;
/// The most files and directories an archive may hold.
const MOST_ENTRIES: usize = 10_000;
/// The longest path of a file in an archive, in bytes.
const LONGEST_NAME: usize = 1_000;
/// The bytes that any archive may unpack to, however small it is.
const FREE_SIZE: u64 = 256 << 20;
/// The further bytes allowed for each byte of the archive. Weights hardly compress, but gzip can
/// reach a ratio of 1000.
const LARGEST_RATIO: u64 = 20;

/// The published archives' checksums, as far as we know them.
const SUMS: &[(&str, Sum)] = &[
    (
        "inception-2015-12-05.tgz",
        Sum::Sha256("f6b539e07358fc4622efdd40cdb5577672c46cd416bbfccf9d4d2438f9b93a1c"),
    ),
    (
        "mobilenet_v1_0.25_128_frozen.tgz",
        Sum::Sha256("30af63cf9039861bc03f86c7b8092fab754d51b27f042830c456ddbfa2b72fce"),
    ),
    (
        "mobilenet_v1_0.25_224_frozen.tgz",
        Sum::Sha256("1cddeede49eb35af36061aaa66bf643b81f7ea89abc85f6ffef8f0bf00891756"),
    ),
    ("mobilenet_v1_0.50_224_frozen.tgz", Sum::GitBlob("12630d4a619efccfa7510d66646b360be2e21e03")),
    ("mobilenet_v1_0.75_128_frozen.tgz", Sum::GitBlob("0ec5a743798ee8fae08f9536d8ca4f2cbd7d9236")),
    ("mobilenet_v1_0.75_224_frozen.tgz", Sum::GitBlob("926f0c09bec63720c3cbb2ec130cb83760bc5d23")),
    ("mobilenet_v1_1.0_224_frozen.tgz", Sum::GitBlob("16561d828360a3f8f1c2dbfee1ab687eb011610c")),
];

/// Downloads the archive `name` of an architecture into `model_dir` unless it is there, and unpacks
/// it (the script's function of the same name). Does nothing if `graph` exists and is no older than
/// the archive, or cannot be replaced: on a USB stick the dates are those of copying.
///
/// # Errors
/// If the download fails, or the archive is broken, unsafe or does not hold `graph`.
pub fn maybe_download_and_extract(
    architecture: &str,
    base_url: &str,
    name: &str,
    model_dir: &Path,
    graph: &Path,
) -> Result<()> {
    let archive = model_dir.join(name);
    let is_current = || !archive.is_file() || !is_newer(&archive, graph);
    if graph.is_file() && (is_current() || fsio::check_dir(model_dir).is_err()) {
        return Ok(());
    }
    if !archive.is_file() {
        let missing = Missing { file: &archive, network: architecture, model_dir };
        missing.check_online()?;
        fsio::ensure_dir_exists(model_dir)?;
        let url = format!("{base_url}{name}");
        let sum = SUMS.iter().find(|(n, _)| *n == name).map(|(_, sum)| *sum);
        let fetch = Fetch { sum, ..Fetch::new(&url, name) };
        fetch.to(&archive).map_err(|error| without_network(error, &missing))?;
    }
    extract(&archive, model_dir, "; remove it to have it downloaded again")?;
    if graph.is_file() {
        return Ok(());
    }
    let message =
        format!("does not hold {}; remove it to have it downloaded again", graph.display());
    Err(Error::input(archive, message))
}

fn is_newer(a: &Path, b: &Path) -> bool {
    let modified = |p: &Path| p.metadata().and_then(|m| m.modified()).ok();
    matches!((modified(a), modified(b)), (Some(a), Some(b)) if a > b)
}

fn without_network(error: Error, missing: &Missing<'_>) -> Error {
    let mut error = missing.advise(error, &format!("put that file at {}", missing.file.display()));
    if let Error::Net { advice, .. } = &mut error {
        *advice += &format!("\nOther networks come with pip: {}", wheels::listed());
    }
    error
}

/// Unpacks a `.tgz` into `dir`. Only plain files and directories below `dir` are made; anything
/// else in the archive is an error that names it. Files appear under their names only once they are
/// complete. Files that desktops add, such as `.DS_Store`, are skipped. `remedy` ends the message
/// about a broken archive.
pub(in crate::model) fn extract(archive: &Path, dir: &Path, remedy: &str) -> Result<()> {
    let file = File::open(archive).map_err(Error::io("opening", archive))?;
    let packed = file.metadata().map_err(Error::io("opening", archive))?.len();
    let limit = FREE_SIZE.saturating_add(packed.saturating_mul(LARGEST_RATIO));
    let unpacked = GzDecoder::new(BufReader::new(file));
    let mut tar = tar::Archive::new(Bounded { inner: unpacked, remaining: limit });
    let broken = |e: io::Error| match e.kind() {
        ErrorKind::FileTooLarge => {
            let message =
                format!("is refused: its {packed} bytes unpack to more than {} MiB", limit >> 20);
            Error::input(archive, message)
        }
        _ => Error::input(archive, format!("is not a complete .tgz archive ({e}){remedy}")),
    };
    let refused = |why: String| Error::input(archive, format!("is refused: {why}"));
    for (count, entry) in tar.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        if count >= MOST_ENTRIES {
            return Err(refused(format!("it holds more than {MOST_ENTRIES} files")));
        }
        let path = entry.path().map_err(broken)?.into_owned();
        let length = path.as_os_str().len();
        if length > LONGEST_NAME {
            let why = format!("it holds a name of {length} bytes, more than {LONGEST_NAME}");
            return Err(refused(why));
        }
        let target = target_of(&entry, &path, dir).map_err(|why| {
            Error::input(archive, format!("holds '{}', which {why}", shown(&path)))
        })?;
        match target {
            Target::Nothing => {}
            Target::Directory(target) => fsio::ensure_dir_exists(&target)?,
            Target::File(target) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(broken)?;
                if (bytes.len() as u64) < entry.size() {
                    return Err(broken(ErrorKind::UnexpectedEof.into()));
                }
                target.parent().map_or(Ok(()), fsio::ensure_dir_exists)?;
                fsio::write(&target, &bytes)?;
            }
        }
    }
    Ok(())
}

/// What an archive's entry becomes.
enum Target {
    Nothing,
    Directory(PathBuf),
    File(PathBuf),
}

/// Where the entry named `path` goes below `dir`, or why it must not be unpacked.
fn target_of<R: Read>(
    entry: &tar::Entry<'_, R>,
    path: &Path,
    dir: &Path,
) -> std::result::Result<Target, &'static str> {
    let kind = entry.header().entry_type();
    // `git archive` writes one for the whole archive; it is not a file.
    if kind.is_pax_global_extensions() {
        return Ok(Target::Nothing);
    }
    let name = safe_path(path).ok_or("is outside the directory")?;
    if name.iter().any(fsio::is_desktop_file) {
        return Ok(Target::Nothing);
    }
    if kind.is_dir() {
        return Ok(Target::Directory(dir.join(name)));
    }
    if !kind.is_file() {
        return Err("is neither a file nor a directory");
    }
    if name.as_os_str().is_empty() {
        return Err("is a file without a name");
    }
    if entry.size() > LARGEST_FILE {
        return Err("is larger than 2 GiB");
    }
    Ok(Target::File(dir.join(name)))
}

/// A reader that fails with `FileTooLarge` once it has read more than `remaining` bytes.
struct Bounded<R> {
    inner: R,
    remaining: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.remaining = self.remaining.checked_sub(n as u64).ok_or(ErrorKind::FileTooLarge)?;
        Ok(n)
    }
}

/// The path, if all its components are plain names.
fn safe_path(path: &Path) -> Option<PathBuf> {
    let mut safe = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => safe.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(safe)
}
