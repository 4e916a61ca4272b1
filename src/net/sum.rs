//! Sums of files as others have published them.

use crate::error::{Error, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file's sum in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// Of the bytes.
    Sha256(&'static str),
    /// Git's name of a file's content: SHA-1 of `blob`, a space, the length, a zero byte and the
    /// bytes. Nobody can make another file for the name of a given one, which is all that counts.
    GitBlob(&'static str),
}

impl Sum {
    /// What a message calls it.
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

    /// The file's own sum of this kind.
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
            return Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect());
        }
        hasher.update(&buffer[..n]);
    }
}
