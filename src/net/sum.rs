//! Checksums of files, in the forms in which others have published them.

use crate::error::{Error, Result};
use crate::text::hex;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file's checksum in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// SHA-256 of the bytes.
    Sha256(&'static str),
    /// Git's id of a file's content: SHA-1 of `blob`, a space, the length, a zero byte and the
    /// bytes. SHA-1 suffices here: nobody can make a second file with a given file's SHA-1.
    GitBlob(&'static str),
}

impl Sum {
    /// Its name in messages.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::GitBlob(_) => "git blob id",
        }
    }

    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Sha256(hex) | Self::GitBlob(hex) => hex,
        }
    }

    /// Computes the checksum of this kind of the file at `path`.
    pub(crate) fn of(self, path: &Path) -> Result<String> {
        let mut file = File::open(path).map_err(Error::io("reading", path))?;
        match self {
            Self::Sha256(_) => digest(Sha256::new(), &mut file, path),
            Self::GitBlob(_) => {
                let length = file.metadata().map_err(Error::io("reading", path))?.len();
                digest(Sha1::new_with_prefix(format!("blob {length}\0")), &mut file, path)
            }
        }
    }
}

fn digest<D: Digest>(mut hasher: D, file: &mut File, path: &Path) -> Result<String> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer).map_err(Error::io("reading", path))?;
        if n == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..n]);
    }
}

/// The SHA-256 of bytes in memory, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
