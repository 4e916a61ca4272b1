//! Adds rows to a packed file ([`packed`](super::packed)), which is locked while this is done.

use super::key::{Key, Name};
use super::packed::{ALIGNMENT, BLOCK_HEADER, BLOCK_MAGIC, Entry, Mapped, Packed, header};
use crate::error::{Error, Result};
use crate::fsio::{self, Alone};
use crate::model::Identity;
use log::warn;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// Rows per block. A killed run without text files may lose this many.
const BLOCK_ROWS: usize = 64;

/// A packed file that is open to be appended to.
#[derive(Debug)]
pub(super) struct Appender {
    packed: Packed,
    /// The rows of the next block, still to be written, and their keys.
    rows: Vec<u8>,
    keys: Vec<(Name, Key)>,
    /// Whether the next run will find the rows appended now.
    pub(super) kept: bool,
}

impl Appender {
    /// Opens or creates the file at `path` for bottlenecks of `size` numbers. A file of another
    /// model, or with a damaged header, is replaced. If the file cannot be written or another
    /// process has it, a temporary file takes the rows appended, and has no others.
    pub(super) fn open(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let appender = match open_packed(path) {
            Alone::Held(file) => Self::of(file, path, identity, size)?,
            Alone::InUse | Alone::Unsupported(_) | Alone::Refused(_) => None,
        };
        appender.map_or_else(|| Self::temporary(path, identity, size), Ok)
    }

    /// Opens or creates the file at `path`, as [`open`](Self::open) does, for the only process that
    /// computes this shard: rows in a temporary file would be lost.
    ///
    /// # Errors
    /// If another process has the file, or it cannot be written.
    pub(super) fn open_shard(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let in_use = || {
            let message = "is being computed by another process; wait until that has ended";
            Error::input(path, message)
        };
        let file = match open_packed(path) {
            Alone::Held(file) => file,
            Alone::Unsupported(file) => {
                warn!(
                    target: "retrain",
                    "{} is on a file system without locks: see to it that no other process \
                     computes this shard",
                    path.display()
                );
                file
            }
            Alone::InUse => return Err(in_use()),
            Alone::Refused(error) => return Err(Error::io("writing", path)(error)),
        };
        Self::of(file, path, identity, size)?.ok_or_else(in_use)
    }

    /// Finds the rows of a file that this process may change; `None` if it is another model's and
    /// cannot be replaced.
    fn of(file: File, path: &Path, identity: &Identity, size: usize) -> Result<Option<Self>> {
        let packed = match Packed::scan(file, path, identity, size)? {
            Some(packed) => {
                // What a killed process left unfinished. Windows does not cut off a file that
                // another process has mapped; there the next block overwrites it.
                if let Err(error) = packed.file.set_len(packed.end)
                    && !fsio::is_in_use(&error)
                {
                    return Err(Error::io("writing", path)(error));
                }
                packed
            }
            // Another process may have the old file mapped, so a new file takes its name.
            None => {
                let Some(file) = replace(path, &header(&identity.current, size)[..])? else {
                    return Ok(None);
                };
                Packed::empty(file, path, size)
            }
        };
        Ok(Some(Self { packed, rows: Vec::new(), keys: Vec::new(), kept: true }))
    }

    /// A temporary file that only this process can see.
    fn temporary(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let mut file = tempfile::tempfile()
            .map_err(Error::io("creating a temporary file in place of", path))?;
        file.write_all(&header(&identity.current, size)[..])
            .map_err(Error::io("writing a temporary file in place of", path))?;
        let packed = Packed::empty(file, path, size);
        Ok(Self { packed, rows: Vec::new(), keys: Vec::new(), kept: false })
    }

    /// The row of that name, if it has been written.
    pub(super) fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.packed.entries.get(name)
    }

    /// The names of all rows.
    #[cfg(feature = "fuzzing")]
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.packed.entries.keys()
    }

    /// The bytes of the row that begins at `offset`.
    pub(super) fn row(&self, offset: u64) -> Result<Vec<u8>> {
        self.packed.row(offset)
    }

    /// Adds a row or replaces the one of that name. It is in the file after [`flush`](Self::flush).
    pub(super) fn append(&mut self, name: Name, key: Key, values: &[f32]) -> Result<()> {
        self.rows.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        self.keys.push((name, key));
        if self.keys.len() < BLOCK_ROWS { Ok(()) } else { self.flush() }
    }

    /// Writes the rows added so far as a block.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let Packed { row_bytes, end, .. } = self.packed;
        let mut body = std::mem::take(&mut self.rows);
        self.keys.iter().for_each(|(name, key)| key.write(name, &mut body));
        let key_bytes = body.len() as u64 - self.keys.len() as u64 * row_bytes;
        body.resize((body.len() as u64).next_multiple_of(ALIGNMENT) as usize, 0);
        let mut head = Vec::with_capacity(BLOCK_HEADER as usize);
        head.extend(BLOCK_MAGIC);
        head.extend((self.keys.len() as u32).to_le_bytes());
        head.extend((key_bytes as u32).to_le_bytes());
        head.extend(crc32fast::hash(&body).to_le_bytes());
        let size = body.len() as u64;
        head.extend(body);
        let file = &mut self.packed.file;
        let written = file.seek(SeekFrom::Start(end)).and_then(|_| file.write_all(&head));
        written.map_err(|e| self.packed.error("writing", e))?;
        for (row, (name, key)) in self.keys.drain(..).enumerate() {
            let offset = end + BLOCK_HEADER + row as u64 * row_bytes;
            self.packed.entries.insert(name, Entry { key, offset });
        }
        self.packed.end += BLOCK_HEADER + size;
        Ok(())
    }

    /// Writes the remaining rows and maps the whole file.
    pub(super) fn map(mut self) -> Result<Mapped> {
        self.flush()?;
        self.packed.map()
    }
}

/// Opens or creates the file at `path`, to be written by this process alone.
fn open_packed(path: &Path) -> Alone {
    let mut options = OpenOptions::new();
    fsio::open_alone(options.read(true).write(true).create(true).truncate(false), path)
}

/// Replaces the file at `path` with a new one, which other processes cannot write. `None` where
/// Windows does not replace it, because another process has it open, or another got hold of it.
fn replace(path: &Path, content: &[u8]) -> Result<Option<File>> {
    let mut temporary = fsio::temporary_beside(path)?;
    let fail = || Error::io("writing", path);
    temporary.write_all(content).map_err(fail())?;
    match fsio::persist(temporary, path) {
        Ok(file) => match fsio::still_alone(file, path) {
            Alone::Held(file) | Alone::Unsupported(file) => Ok(Some(file)),
            Alone::InUse => Ok(None),
            Alone::Refused(error) => Err(fail()(error)),
        },
        Err(refused) if fsio::is_in_use(&refused.error) => Ok(None),
        Err(refused) => Err(fail()(refused.error)),
    }
}
