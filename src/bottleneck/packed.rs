//! The packed file: all bottlenecks of one model, in addition to the scripts' text files. It is
//! memory-mapped, so nothing is parsed. It can be deleted at any time, and is rebuilt from the text
//! files.
//!
//! The file is a header followed by blocks. Blocks are appended whole and never changed, so that
//! other processes can keep the file mapped. The first block that is incomplete or fails its
//! checksum, as a killed run may leave it, ends the file. All numbers are little-endian.
//!
//! | header, 64 bytes | |
//! |---|---|
//! | `RTRAINBN` | 8 bytes |
//! | version, numbers in a bottleneck | u32 each |
//! | identity of the model and its preprocessing | 32 bytes |
//! | CRC-32 of the above, zeros | u32, 12 bytes |
//!
//! | block | |
//! |---|---|
//! | `BLCK` | 4 bytes |
//! | number of rows, bytes of all keys | u32 each |
//! | CRC-32 of what follows | u32 |
//! | rows of float32, keys ([`key`](super::key)), zeros | to a multiple of 16 bytes |
//!
//! If two rows have the same name, the later one counts.

use super::key::{Key, Name};
use crate::error::{Error, Result};
use crate::fsio;
use crate::model::Identity;
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub(super) const MAGIC: &[u8; 8] = b"RTRAINBN";
const VERSION: u32 = 1;
const HEADER: u64 = 64;
pub(super) const BLOCK_MAGIC: &[u8; 4] = b"BLCK";
const BLOCK_HEADER: u64 = 16;
/// Blocks start at multiples of this, so that rows of floats are aligned.
const ALIGNMENT: u64 = 16;
/// Rows per block. A killed run without text files may lose this many.
const BLOCK_ROWS: usize = 64;

/// An open packed file. It can be appended to; the rows last unless another process has the file.
#[derive(Debug)]
pub(super) struct Packed {
    file: File,
    /// The path, for messages.
    path: PathBuf,
    row_bytes: u64,
    /// Where the next block goes.
    end: u64,
    entries: HashMap<Name, Entry>,
    /// The rows of the next block, still to be written, and their keys.
    rows: Vec<u8>,
    keys: Vec<(Name, Key)>,
    /// Whether the next run will find the rows appended now.
    pub(super) kept: bool,
}

/// A row in the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Where in the file it begins.
    pub(super) offset: u64,
}

impl Packed {
    /// Opens or creates the file at `path` for bottlenecks of `size` numbers. A file of another
    /// model, or with a damaged header, is replaced. If the file cannot be written or another
    /// process has it, a temporary file takes the rows appended.
    pub(super) fn open(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let (file, kept) = match lock(path) {
            Some(file) => (file, true),
            None => match File::open(path) {
                Ok(file) => (file, false),
                Err(_) => return Self::temporary(path, identity, size),
            },
        };
        let mut packed = Self::empty(file, path, size, kept);
        let valid = packed.scan(identity).map_err(Error::io("reading", path))?;
        match (valid, kept) {
            (true, true) => packed.file.set_len(packed.end).map_err(Error::io("writing", path))?,
            // Another process may have the old file mapped, so a new file takes its name.
            (false, true) => {
                let file = replace(path, &header(&identity.current, size)[..])?;
                packed = Self::empty(file, path, size, true);
            }
            (true, false) => return packed.into_temporary(path, identity, size),
            (false, false) => return Self::temporary(path, identity, size),
        }
        Ok(packed)
    }

    /// A file that has a header and, as far as is known, no rows.
    fn empty(file: File, path: &Path, size: usize, kept: bool) -> Self {
        let row_bytes = size as u64 * 4;
        let (entries, rows, keys) = (HashMap::new(), Vec::new(), Vec::new());
        Self { file, path: path.to_owned(), row_bytes, end: HEADER, entries, rows, keys, kept }
    }

    /// A temporary file that only this process can see.
    fn temporary(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let mut file = tempfile::tempfile()
            .map_err(Error::io("creating a temporary file in place of", path))?;
        file.write_all(&header(&identity.current, size)[..])
            .map_err(Error::io("writing a temporary file in place of", path))?;
        Ok(Self::empty(file, path, size, false))
    }

    /// Copies a file that another process may append to into a temporary one.
    fn into_temporary(mut self, path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let mut copy = Self::temporary(path, identity, size)?;
        let fail = || Error::io("copying", path);
        self.file.seek(SeekFrom::Start(HEADER)).map_err(fail())?;
        std::io::copy(&mut (&self.file).take(self.end - HEADER), &mut copy.file).map_err(fail())?;
        (copy.end, copy.entries) = (self.end, self.entries);
        Ok(copy)
    }

    /// Finds all rows. Returns `false` if this is not a packed file of that model.
    fn scan(&mut self, identity: &Identity) -> std::io::Result<bool> {
        let length = self.file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        let mut head = [0; HEADER as usize];
        if length < HEADER
            || reader.read_exact(&mut head).is_err()
            || ![identity.current, identity.earlier]
                .iter()
                .any(|identity| head == *header(identity, self.row_bytes as usize / 4))
        {
            return Ok(false);
        }
        let mut body = Vec::new();
        while let Some((rows, keys)) =
            read_block(&mut reader, length - self.end, self.row_bytes, &mut body)?
        {
            let mut keys = &body[(rows * self.row_bytes) as usize..][..keys];
            for row in 0..rows {
                // The checksum was right, so a key that does not parse was written that way:
                // ignore the rest of the block.
                let Some((name, key)) = Key::parse(&mut keys) else { break };
                let offset = self.end + BLOCK_HEADER + row * self.row_bytes;
                self.entries.insert(name, Entry { key, offset });
            }
            self.end += BLOCK_HEADER + body.len() as u64;
        }
        Ok(true)
    }

    /// The row of that name, if it has been written.
    pub(super) fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The names of all rows.
    #[cfg(feature = "fuzzing")]
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.entries.keys()
    }

    /// Adds a row or replaces the one of that name. It is in the file after [`flush`](Self::flush).
    pub(super) fn append(&mut self, name: Name, key: Key, values: &[f32]) -> Result<()> {
        self.rows.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        self.keys.push((name, key));
        if self.keys.len() < BLOCK_ROWS { Ok(()) } else { self.flush() }
    }

    /// The numbers of a row; empty if there is no such row.
    pub(super) fn values(&self, name: &[u8]) -> Result<Vec<f32>> {
        let row = self.row(name)?;
        Ok(row.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    fn row(&self, name: &[u8]) -> Result<Vec<u8>> {
        let Some(entry) = self.entries.get(name) else { return Ok(Vec::new()) };
        let mut row = vec![0; self.row_bytes as usize];
        read_at(&self.file, &mut row, entry.offset).map_err(|e| self.error("reading", e))?;
        Ok(row)
    }

    /// Replaces the key of a row, and keeps its numbers.
    pub(super) fn replace_key(&mut self, name: Name, key: Key) -> Result<()> {
        let row = self.row(&name)?;
        self.rows.extend(row);
        self.keys.push((name, key));
        if self.keys.len() < BLOCK_ROWS { Ok(()) } else { self.flush() }
    }

    /// Writes the rows added so far as a block.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let mut body = std::mem::take(&mut self.rows);
        self.keys.iter().for_each(|(name, key)| key.write(name, &mut body));
        let key_bytes = body.len() as u64 - self.keys.len() as u64 * self.row_bytes;
        body.resize((body.len() as u64).next_multiple_of(ALIGNMENT) as usize, 0);
        let mut head = Vec::with_capacity(BLOCK_HEADER as usize);
        head.extend(BLOCK_MAGIC);
        head.extend((self.keys.len() as u32).to_le_bytes());
        head.extend((key_bytes as u32).to_le_bytes());
        head.extend(crc32fast::hash(&body).to_le_bytes());
        let size = body.len() as u64;
        head.extend(body);
        let written =
            self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(&head));
        written.map_err(|e| self.error("writing", e))?;
        for (row, (name, key)) in self.keys.drain(..).enumerate() {
            let offset = self.end + BLOCK_HEADER + row as u64 * self.row_bytes;
            self.entries.insert(name, Entry { key, offset });
        }
        self.end += BLOCK_HEADER + size;
        Ok(())
    }

    fn error(&self, doing: &'static str, error: std::io::Error) -> Error {
        Error::io(doing, &self.path)(error)
    }

    /// Writes the remaining rows and maps the whole file.
    #[allow(unsafe_code)]
    pub(super) fn map(mut self) -> Result<(memmap2::Mmap, HashMap<Name, Entry>)> {
        self.flush()?;
        // SAFETY: only complete blocks are read, and none of our processes changes or truncates
        // these (see the module's description). That no other program does is an assumption that
        // every memory map of a file makes.
        let map = unsafe { memmap2::MmapOptions::new().len(self.end as usize).map(&self.file) };
        Ok((map.map_err(|e| self.error("mapping", e))?, self.entries))
    }
}

/// Reads the next block into `body`. Returns its number of rows and the length of its keys in
/// bytes; `None` at the end of the file, or if the block is incomplete or damaged. `room` is how
/// many bytes of the file are left.
fn read_block(
    reader: &mut impl Read,
    room: u64,
    row_bytes: u64,
    body: &mut Vec<u8>,
) -> std::io::Result<Option<(u64, usize)>> {
    let mut head = [0; BLOCK_HEADER as usize];
    if room < BLOCK_HEADER {
        return Ok(None);
    }
    reader.read_exact(&mut head)?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (rows, keys, checksum) = (u64::from(number(4)), u64::from(number(8)), number(12));
    let size =
        (rows.saturating_mul(row_bytes).saturating_add(keys)).checked_next_multiple_of(ALIGNMENT);
    let Some(size) = size
        .filter(|&size| head.starts_with(BLOCK_MAGIC) && rows > 0 && size <= room - BLOCK_HEADER)
    else {
        return Ok(None);
    };
    body.resize(size as usize, 0);
    reader.read_exact(body)?;
    Ok((crc32fast::hash(body) == checksum).then_some((rows, keys as usize)))
}

pub(super) fn header(identity: &[u8; 32], size: usize) -> Box<[u8; HEADER as usize]> {
    let mut header = Box::new([0; HEADER as usize]);
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&(size as u32).to_le_bytes());
    header[16..48].copy_from_slice(identity);
    let checksum = crc32fast::hash(&header[..48]);
    header[48..52].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Opens and locks the file at `path`. `None` if another process has locked it, or it cannot be
/// written.
fn lock(path: &Path) -> Option<File> {
    for _ in 0..10 {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .ok()?;
        match file.try_lock() {
            // An error means a file system without locks, where appending could corrupt the file of
            // another process.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
            // The process that had the lock may have replaced the file: then try again.
            Ok(()) if same_file(&file, path) => return Some(file),
            Ok(()) => {}
        }
    }
    None
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
    // On Unix it is locked already.
    temporary.as_file().lock().map_err(fail())?;
    temporary.persist(path).map_err(|e| fail()(e.error))
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, into: &mut [u8], offset: u64) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(into)
}
