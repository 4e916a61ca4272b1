//! The bytes of a FITS file, plain or gzipped, from front to back. A gzipped file is inflated only
//! as far as it is read, and never beyond a limit.

use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::io::{self, Read, Take};

/// Headers and data come in blocks of this many bytes.
pub(super) const BLOCK: usize = 2880;

/// The most bytes that a gzipped file may inflate to: above those of the largest image allowed.
const LARGEST_INFLATED: u64 = 2 << 30;

const GZIP: &[u8] = b"\x1f\x8b";

/// What is left of a file.
pub(super) enum Source<'a> {
    Plain(&'a [u8]),
    Gzipped(Box<Take<MultiGzDecoder<&'a [u8]>>>),
}

impl<'a> Source<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        match content.starts_with(GZIP) {
            true => Self::Gzipped(Box::new(MultiGzDecoder::new(content).take(LARGEST_INFLATED))),
            false => Self::Plain(content),
        }
    }

    /// The next block; `None` if fewer bytes are left.
    pub(super) fn block(&mut self) -> Result<Option<[u8; BLOCK]>, String> {
        let block = self.bytes(BLOCK as u64)?;
        Ok(block.as_ref().try_into().ok())
    }

    /// Passes over `count` bytes; whether there were as many.
    pub(super) fn skip(&mut self, count: u64) -> Result<bool, String> {
        match self {
            Self::Plain(_) => Ok(self.bytes(count)?.len() as u64 == count),
            Self::Gzipped(inflated) => {
                let skipped = io::copy(&mut inflated.by_ref().take(count), &mut io::sink());
                let skipped = skipped.map_err(damaged)?;
                self.within_limit()?;
                Ok(skipped == count)
            }
        }
    }

    /// The next `count` bytes, or as many as are left.
    pub(super) fn bytes(&mut self, count: u64) -> Result<Cow<'a, [u8]>, String> {
        match self {
            Self::Plain(rest) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(rest.len());
                let (bytes, after) = rest.split_at(count);
                *rest = after;
                Ok(bytes.into())
            }
            Self::Gzipped(inflated) => {
                let mut bytes = Vec::new();
                inflated.by_ref().take(count).read_to_end(&mut bytes).map_err(damaged)?;
                self.within_limit()?;
                Ok(bytes.into())
            }
        }
    }

    fn within_limit(&self) -> Result<(), String> {
        match self {
            Self::Gzipped(inflated) if inflated.limit() == 0 => {
                Err(format!("inflates to more than the {LARGEST_INFLATED} bytes allowed"))
            }
            _ => Ok(()),
        }
    }
}

fn damaged(error: io::Error) -> String {
    format!("is a damaged gzip file ({error})")
}
