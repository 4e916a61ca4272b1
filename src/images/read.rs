//! Reading a photograph's file, of which nothing is known but its name: whoever opens a named pipe
//! waits for ever, and a device may never end.

use super::format::{ImageFormat, MAGIC_LENGTH};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes a photograph's file may have.
const LARGEST_IMAGE: u64 = 1 << 30;

/// Reads a photograph's file.
///
/// # Errors
/// A sentence that says what is wrong with the file, without its name.
pub fn read_image(path: &Path) -> Result<(Metadata, Vec<u8>), String> {
    let metadata = checked_metadata(path)?;
    within_limit(&metadata)?;
    Ok((metadata, fs::read(path).map_err(failed)?))
}

/// The same of a file that may hold anything: `None` where its first bytes, all that is read then,
/// are not those of an image.
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
    Ok(Some(content))
}

/// From before the file is read: if it changes meanwhile, whoever keeps this sees that.
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
            Err(format!("has {n} bytes, more than the {LARGEST_IMAGE} that are allowed"))
        }
        _ => Ok(()),
    }
}

fn failed(error: io::Error) -> String {
    format!("cannot be read ({error})")
}
