//! Downloads: resumed after an interruption, retried, checked, with progress on a terminal.

use crate::error::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const ATTEMPTS: u32 = 3;

/// Fetches `url` to `path`. What has arrived stays in `path` + `.part` until it is whole, so that
/// an interrupted download goes on where it stopped. With `sha256` the file must have that sum.
pub fn fetch(url: &str, path: &Path, sha256: Option<&str>) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut attempt = 1;
    while let Err(error) = fetch_once(url, &part) {
        if attempt == ATTEMPTS || !matches!(error, Error::Net { .. }) {
            return Err(error);
        }
        log::warn!(target: "tensorflow", "{error}; trying again");
        std::thread::sleep(Duration::from_secs(attempt.into()));
        attempt += 1;
    }
    if let Some(expected) = sha256 {
        let bytes = crate::fsio::read(&part)?;
        let sum: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        if sum != expected {
            std::fs::remove_file(&part).map_err(Error::io("removing", &part))?;
            let message = format!(
                "what came has the sha256 {sum} instead of {expected}, and was thrown away"
            );
            return Err(Error::Net { url: url.into(), message });
        }
    }
    std::fs::rename(&part, path).map_err(Error::io("renaming to", path))
}

fn fetch_once(url: &str, part: &Path) -> Result<()> {
    let fail = |message: String| Error::Net { url: url.into(), message };
    let have = part.metadata().map_or(0, |m| m.len());
    let mut request =
        ureq::get(url).config().timeout_connect(Some(Duration::from_secs(20))).build();
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let mut response = match request.call() {
        // Nothing is left to send: the part was whole.
        Err(ureq::Error::StatusCode(416)) if have > 0 => return Ok(()),
        other => other.map_err(|e| fail(e.to_string()))?,
    };
    let resumed = response.status() == 206;
    let length = response.body().content_length();
    let bar = progress(length.map(|l| if resumed { l + have } else { l }), part);
    let mut file =
        OpenOptions::new().create(true).append(resumed).write(true).truncate(!resumed).open(part);
    let file: &mut File =
        file.as_mut().map_err(|e| fail(format!("opening {}: {e}", part.display())))?;
    if resumed {
        bar.set_position(have);
    }
    let mut reader = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    loop {
        let n = reader.read(&mut buffer).map_err(|e| fail(e.to_string()))?;
        if n == 0 {
            break;
        }
        file.write_all(&buffer[..n]).map_err(Error::io("writing", part))?;
        received += n as u64;
        bar.inc(n as u64);
    }
    bar.finish_and_clear();
    match length {
        Some(length) if received < length => {
            Err(fail(format!("only {received} of {length} bytes came")))
        }
        _ => Ok(()),
    }
}

/// A progress bar, shown only where standard error is a terminal.
fn progress(total: Option<u64>, part: &Path) -> ProgressBar {
    let name = part.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new).with_prefix(name);
    let style =
        ">> Downloading {prefix} {percent}% {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    bar.with_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}
