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
use crate::model::Identity;
use memmap2::{Mmap, MmapOptions};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

pub(super) const MAGIC: &[u8; 8] = b"RTRAINBN";
const VERSION: u32 = 1;
pub(super) const HEADER: u64 = 64;
pub(super) const BLOCK_MAGIC: &[u8; 4] = b"BLCK";
pub(super) const BLOCK_HEADER: u64 = 16;
/// Blocks start at multiples of this, so that rows of floats are aligned.
pub(super) const ALIGNMENT: u64 = 16;

/// The rows of a packed file, as far as it is whole.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) file: File,
    /// The path, for messages.
    pub(super) path: PathBuf,
    pub(super) row_bytes: u64,
    /// Where the last whole block ends.
    pub(super) end: u64,
    pub(super) entries: HashMap<Name, Entry>,
}

/// A row in the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Where in the file it begins.
    pub(super) offset: u64,
}

impl Packed {
    /// A file that has a header and, as far as is known, no rows.
    pub(super) fn empty(file: File, path: &Path, size: usize) -> Self {
        let row_bytes = size as u64 * 4;
        Self { file, path: path.to_owned(), row_bytes, end: HEADER, entries: HashMap::new() }
    }

    /// Finds the rows of `file`; `None` if this is not a packed file of that model with bottlenecks
    /// of `size` numbers.
    pub(super) fn scan(
        file: File,
        path: &Path,
        identity: &Identity,
        size: usize,
    ) -> Result<Option<Self>> {
        let mut packed = Self::empty(file, path, size);
        let valid = packed.find_rows(identity).map_err(|e| packed.error("reading", e))?;
        Ok(valid.then_some(packed))
    }

    fn find_rows(&mut self, identity: &Identity) -> io::Result<bool> {
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

    /// The bytes of the row that begins at `offset`.
    pub(super) fn row(&self, offset: u64) -> Result<Vec<u8>> {
        let mut row = vec![0; self.row_bytes as usize];
        read_at(&self.file, &mut row, offset).map_err(|e| self.error("reading", e))?;
        Ok(row)
    }

    /// An error about this file.
    pub(super) fn error(&self, doing: &'static str, error: io::Error) -> Error {
        Error::io(doing, &self.path)(error)
    }

    /// Maps the rows into memory.
    #[allow(unsafe_code)]
    pub(super) fn map(self) -> Result<Mapped> {
        // SAFETY: only complete blocks are read, and none of our processes changes or truncates
        // these (see the module's description). That no other program does is an assumption that
        // every memory map of a file makes.
        let map = unsafe { MmapOptions::new().len(self.end as usize).map(&self.file) };
        let map = Map {
            map: map.map_err(|e| self.error("mapping", e))?,
            #[cfg(windows)]
            _file: self.file,
        };
        Ok(Mapped { map, entries: self.entries, row_bytes: self.row_bytes as usize })
    }
}

/// A map of a file. On Unix the file itself is closed: a cache may have more shards than a process
/// may have open files. On Windows it stays open, and so stays this process's to write; a temporary
/// one could not be removed if it were closed before the map.
#[derive(Debug)]
pub(super) struct Map {
    map: Mmap,
    // Dropped last.
    #[cfg(windows)]
    _file: File,
}

impl std::ops::Deref for Map {
    type Target = Mmap;

    fn deref(&self) -> &Mmap {
        &self.map
    }
}

/// The rows of a packed file, mapped into memory.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) map: Map,
    pub(super) entries: HashMap<Name, Entry>,
    row_bytes: usize,
}

impl Mapped {
    /// Maps the file at `path`, to which another process may append; `None` if there is none, or it
    /// is not a packed file of that model with bottlenecks of `size` numbers.
    pub(super) fn open(path: &Path, identity: &Identity, size: usize) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::io("reading", path))?,
        };
        Packed::scan(file, path, identity, size)?.map(Packed::map).transpose()
    }

    /// The bytes of the row that begins at `offset`.
    pub(super) fn row(&self, offset: u64) -> &[u8] {
        &self.map[offset as usize..][..self.row_bytes]
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
) -> io::Result<Option<(u64, usize)>> {
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

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    file.read_exact(into)
}
