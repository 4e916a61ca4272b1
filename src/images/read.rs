//! Reading a photograph's file.

use std::fs;
use std::path::Path;

/// The most bytes a photograph's file may have.
const LARGEST_IMAGE: u64 = 1 << 30;

/// Reads a photograph's file, of which nothing is known but its name: whoever opens a named pipe
/// waits for ever, and a device may never end.
///
/// # Errors
/// A sentence that says what is wrong with the file, without its name.
pub fn read_image(path: &Path) -> std::result::Result<(fs::Metadata, Vec<u8>), String> {
    let failed = |e| format!("cannot be read ({e})");
    // Before it is read: if it changes meanwhile, whoever keeps this sees that.
    let metadata = fs::metadata(path).map_err(failed)?;
    match metadata.len() {
        _ if metadata.is_dir() => Err("is a directory".into()),
        _ if !metadata.is_file() => Err("is a pipe, a socket or a device, not a file".into()),
        n if n > LARGEST_IMAGE => {
            Err(format!("has {n} bytes, more than the {LARGEST_IMAGE} that are allowed"))
        }
        _ => Ok((metadata, fs::read(path).map_err(failed)?)),
    }
}
