//! All bottlenecks of one model in one file, beside the scripts' text files: read by memory map,
//! without parsing. It can be deleted at any time, and is rebuilt from the text files.
//!
//! The file is a header and then blocks, each appended whole; nothing that was written is ever
//! changed, so that whoever has mapped it reads on undisturbed. A block that is not complete or not
//! as its checksum says, as a killed run may leave it, ends the file. All numbers are
//! little-endian.
//!
//! | header, 64 bytes | | block | |
//! |---|---|---|---|
//! | `RTRAINBN` | 8 bytes | `BLCK` | 4 bytes |
//! | version, numbers in a bottleneck | u32 each | rows, bytes of all keys | u32 each |
//! | identity of the model and its preprocessing | 32 bytes | CRC-32 of what follows | u32 |
//! | CRC-32 of the above, zeros | u32, 12 bytes | rows of float32, then keys ([`key`](super::key)), zeros to a multiple of 16 | |
//!
//! Of two rows with the same name the later one holds.

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
/// Rows that are written as one block: what a killed run may lose where there are no text files.
const BLOCK_ROWS: usize = 64;

/// A packed file that is open, and (unless another process is) being appended to.
#[derive(Debug)]
pub(super) struct Packed {
    file: File,
    /// What it is called, for messages.
    path: PathBuf,
    row_bytes: u64,
    /// Where the next block goes.
    end: u64,
    entries: HashMap<Name, Entry>,
    /// What waits to be written as a block.
    rows: Vec<u8>,
    keys: Vec<(Name, Key)>,
    /// Whether what is appended will be there for the next run.
    pub(super) kept: bool,
}

/// A row in the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Its first byte.
    pub(super) offset: u64,
}

impl Packed {
    /// Opens or creates the file at `path`. One that is of another model, or damaged from the
    /// start, is replaced. Where it cannot be written, or another process has it, what is
    /// appended goes to a file without a name.
    pub(super) fn open(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let (file, kept) = match lock(path) {
            Some(file) => (file, true),
            None => match File::open(path) {
                Ok(file) => (file, false),
                Err(_) => return Self::unnamed(path, identity, size),
            },
        };
        let mut packed = Self::on(file, path, size, kept);
        let valid = packed.scan(identity).map_err(Error::io("reading", path))?;
        match (valid, kept) {
            (true, true) => packed.file.set_len(packed.end).map_err(Error::io("writing", path))?,
            // Others may have the old file mapped: a new one takes its name.
            (false, true) => {
                packed =
                    Self::on(replace(path, &header(&identity.current, size)[..])?, path, size, true)
            }
            (true, false) => return packed.into_unnamed(path, identity, size),
            (false, false) => return Self::unnamed(path, identity, size),
        }
        Ok(packed)
    }

    fn on(file: File, path: &Path, size: usize, kept: bool) -> Self {
        let row_bytes = size as u64 * 4;
        let (entries, rows, keys) = (HashMap::new(), Vec::new(), Vec::new());
        Self { file, path: path.to_owned(), row_bytes, end: HEADER, entries, rows, keys, kept }
    }

    /// A file of this process alone.
    fn unnamed(path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let mut file =
            tempfile::tempfile().map_err(Error::io("making a temporary file instead of", path))?;
        file.write_all(&header(&identity.current, size)[..])
            .map_err(Error::io("writing a temporary file instead of", path))?;
        Ok(Self::on(file, path, size, false))
    }

    /// A copy of this process alone, of a file that another process appends to.
    fn into_unnamed(mut self, path: &Path, identity: &Identity, size: usize) -> Result<Self> {
        let mut copy = Self::unnamed(path, identity, size)?;
        let fail = || Error::io("copying", path);
        self.file.seek(SeekFrom::Start(HEADER)).map_err(fail())?;
        std::io::copy(&mut (&self.file).take(self.end - HEADER), &mut copy.file).map_err(fail())?;
        (copy.end, copy.entries) = (self.end, self.entries);
        Ok(copy)
    }

    /// Finds all rows. `false` where this is no file for that model.
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
                // The checksum was right: what does not parse here was written so, and is left
                // alone.
                let Some((name, key)) = Key::parse(&mut keys) else { break };
                let offset = self.end + BLOCK_HEADER + row * self.row_bytes;
                self.entries.insert(name, Entry { key, offset });
            }
            self.end += BLOCK_HEADER + body.len() as u64;
        }
        Ok(true)
    }

    /// The row of that name.
    pub(super) fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The names of all rows.
    #[cfg(feature = "fuzzing")]
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.entries.keys()
    }

    /// Adds a row, or replaces one; it is in the file after [`flush`](Self::flush).
    pub(super) fn append(&mut self, name: Name, key: Key, values: &[f32]) -> Result<()> {
        self.rows.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        self.keys.push((name, key));
        if self.keys.len() < BLOCK_ROWS { Ok(()) } else { self.flush() }
    }

    /// A row's numbers.
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

    /// Replaces the key of a row whose numbers hold.
    pub(super) fn renew(&mut self, name: Name, key: Key) -> Result<()> {
        let row = self.row(&name)?;
        self.rows.extend(row);
        self.keys.push((name, key));
        if self.keys.len() < BLOCK_ROWS { Ok(()) } else { self.flush() }
    }

    /// Writes what waits.
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

    /// Maps the whole file.
    #[allow(unsafe_code)]
    pub(super) fn map(mut self) -> Result<(memmap2::Mmap, HashMap<Name, Entry>)> {
        self.flush()?;
        // SAFETY: no process of ours changes or cuts off bytes that are in a complete block (see
        // the module's description); only these are read. That nobody else does so is what
        // every memory map of a file rests on.
        let map = unsafe { memmap2::MmapOptions::new().len(self.end as usize).map(&self.file) };
        Ok((map.map_err(|e| self.error("mapping", e))?, self.entries))
    }
}

/// Reads the block that follows into `body`: its rows and how many bytes its keys take; `None` at
/// the end, or where what is there is not a whole block. At most `room` bytes are left.
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

/// Opens the file at `path` for this process alone. `None` where another has it, or where it cannot
/// be written.
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
            // File systems without locks: appending without one could harm another process.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
            // Whoever had it may have put another in its place.
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
    // A file that is open cannot be replaced.
    true
}

/// Puts a new file in the place of the old, locked before others see it.
fn replace(path: &Path, content: &[u8]) -> Result<File> {
    let mut temporary = fsio::temporary_beside(path)?;
    let fail = || Error::io("writing", path);
    temporary.write_all(content).map_err(fail())?;
    // Elsewhere than on Unix it is not locked yet.
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
