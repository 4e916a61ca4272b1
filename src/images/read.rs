//! Reads the files of photographs. Only regular files of limited size are opened: opening a named
//! pipe may block, and a device may never end.

use super::fits::is_fits;
use super::format::{ImageFormat, MAGIC_LENGTH};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes a photograph's file may have.
const LARGEST_IMAGE: u64 = 1 << 30;

/// Reads a photograph's file. The metadata is from before the read, so that a file that changes
/// meanwhile looks changed later.
///
/// # Errors
/// A sentence that says what is wrong with the file, without its name.
pub fn read_image(path: &Path) -> Result<(Metadata, Vec<u8>), String> {
    let metadata = checked_metadata(path)?;
    within_limit(&metadata)?;
    Ok((metadata, fs::read(path).map_err(failed)?))
}

/// Reads a file that may not be an image: `None`, after reading only its first bytes, if those are
/// not an image's.
///
/// # Errors
/// A sentence that says what is wrong with the file, without its name.
pub fn read_if_image(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let metadata = checked_metadata(path)?;
    let mut file = File::open(path).map_err(failed)?;
    let mut content = Vec::with_capacity(MAGIC_LENGTH);
    file.by_ref().take(MAGIC_LENGTH as u64).read_to_end(&mut content).map_err(failed)?;
    if ImageFormat::of(&content).is_err() {
        return Ok(None);
    }
    within_limit(&metadata)?;
    file.read_to_end(&mut content).map_err(failed)?;
    // What is gzipped may be anything.
    let is_image = ImageFormat::of(&content) != Ok(ImageFormat::Fits) || is_fits(&content);
    Ok(is_image.then_some(content))
}

/// The metadata of a file, as far as it can be accessed.
pub(super) fn metadata(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path)
}

/// The metadata of a regular file; an error for anything else.
fn checked_metadata(path: &Path) -> Result<Metadata, String> {
    let metadata = fs::metadata(path).map_err(failed)?;
    match metadata.is_file() {
        true => Ok(metadata),
        false if metadata.is_dir() => Err("is a directory".into()),
        false => Err("is a pipe, a socket or a device, not a file".into()),
    }
}

fn within_limit(metadata: &Metadata) -> Result<(), String> {
    match metadata.len() {
        n if n > LARGEST_IMAGE => {
            Err(format!("has {n} bytes, more than the {LARGEST_IMAGE} allowed"))
        }
        _ => Ok(()),
    }
}

fn failed(error: io::Error) -> String {
    format!("cannot be read ({error})")
}
