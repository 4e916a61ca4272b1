//! Adds rows to a packed file ([`packed`](super::packed)), which is locked while this is done.

use super::key::{Key, Name};
use super::packed::{ALIGNMENT, BLOCK_HEADER, BLOCK_MAGIC, Entry, Mapped, Packed, header};
use crate::error::{Error, Result};
use crate::fsio;
use crate::model::Identity;
use log::warn;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
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
        if let Lock::Held(file) = lock(path) {
            return Self::of(file, path, identity, size);
        }
        Self::temporary(path, identity, size)
    }

    /// Opens or creates the file at `path`, as [`open`](Self::open) does, for the only process that
    /// computes this shard: rows in a temporary file would be lost.
    ///
    /// # Errors
    /// If another process has the file, or it cannot be written.
    pub(super) fn open_shard(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let file = match lock(path) {
            Lock::Held(file) => file,
            Lock::Unsupported(file) => {
                warn!(
                    target: "retrain",
                    "{} is on a file system without locks: see to it that no other process \
                     computes this shard",
                    path.display()
                );
                file
            }
            Lock::InUse => {
                let message = "is being computed by another process; wait until that has ended";
                return Err(Error::input(path, message));
            }
            Lock::Refused(error) => return Err(Error::io("writing", path)(error)),
        };
        Self::of(file, path, identity, size)
    }

    /// Finds the rows of a file that this process may change.
    fn of(file: File, path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let packed = match Packed::scan(file, path, identity, size)? {
            Some(packed) => {
                // What a killed process left unfinished.
                packed.file.set_len(packed.end).map_err(Error::io("writing", path))?;
                packed
            }
            // Another process may have the old file mapped, so a new file takes its name.
            None => {
                let file = replace(path, &header(&identity.current, size)[..])?;
                Packed::empty(file, path, size)
            }
        };
        Ok(Self { packed, rows: Vec::new(), keys: Vec::new(), kept: true })
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

/// A file that was opened to be written, and whether it could be locked.
enum Lock {
    Held(File),
    /// Another process holds the lock.
    InUse,
    /// The file system has no locks: two processes that append could corrupt the file.
    Unsupported(File),
    /// It cannot be written.
    Refused(io::Error),
}

/// Opens or creates the file at `path` and locks it.
fn lock(path: &Path) -> Lock {
    for _ in 0..10 {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) => return Lock::Refused(error),
        };
        match file.try_lock() {
            // The process that had the lock may have replaced the file: then try again.
            Ok(()) if same_file(&file, path) => return Lock::Held(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Lock::InUse,
            Err(TryLockError::Error(_)) => return Lock::Unsupported(file),
        }
    }
    Lock::InUse
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(a), Ok(b)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(_: &File, _: &Path) -> bool {
    // Here an open file cannot be replaced.
    true
}

/// Replaces the file at `path` with a new one, which is locked before other processes can see it.
fn replace(path: &Path, content: &[u8]) -> Result<File> {
    let mut temporary = fsio::temporary_beside(path)?;
    let fail = || Error::io("writing", path);
    temporary.write_all(content).map_err(fail())?;
    // On Unix it is locked already, unless the file system has no locks.
    let _ = temporary.as_file().try_lock();
    temporary.persist(path).map_err(|e| fail()(e.error))
}
