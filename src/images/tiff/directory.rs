//! The first directory of a TIFF file: what it says of the first page.

use crate::images::bytes::{be, le};

/// Where the numbers of a TIFF file are, and in which order their bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory<'c> {
    content: &'c [u8],
    big_endian: bool,
    /// Where the entries begin, and how many there are.
    entries: (usize, u64),
    /// BigTIFF has numbers of 8 bytes where TIFF has 4.
    word: usize,
}

/// The place of a number; its length is 0 if it is none.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    length: usize,
}

impl<'c> Directory<'c> {
    /// `None` if the file is cut off before it.
    pub(super) fn find(content: &'c [u8]) -> Option<Self> {
        let big_endian = content.starts_with(b"MM");
        let number = if big_endian { be } else { le };
        let is_big = number(content, 2, 2)? == 43;
        // The number of entries has 2 bytes, and 8 in BigTIFF.
        let (at, word, count) = if is_big { (8, 8, 8) } else { (4, 4, 2) };
        let start = usize::try_from(number(content, at, word)?).ok()?;
        let entries = (start.checked_add(count)?, number(content, start, count)?);
        Some(Self { content, big_endian, entries, word })
    }

    /// The value of a tag that has one whole number; the largest number if it has something else.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        let Place { at, length } = self.place(tag)?;
        match length {
            0 => Some(u64::MAX),
            _ => self.read(at, length),
        }
    }

    /// The file's bytes with another value of a tag.
    pub(super) fn replaced(&self, tag: u16, value: u16) -> Option<Vec<u8>> {
        let Place { at, length } = self.place(tag).filter(|place| place.length >= 2)?;
        let mut content = self.content.to_vec();
        let bytes = content.get_mut(at..at + length)?;
        bytes.fill(0);
        if self.big_endian {
            bytes[length - 2..].copy_from_slice(&value.to_be_bytes());
        } else {
            bytes[..2].copy_from_slice(&value.to_le_bytes());
        }
        Some(content)
    }

    /// Of entries of the same tag, the decoder takes the last.
    fn place(&self, tag: u16) -> Option<Place> {
        let (start, count) = self.entries;
        // Tag, type, how many values, the values or where they are.
        let size = 4 + 2 * self.word;
        let mut found = None;
        for i in 0..usize::try_from(count).ok()? {
            let at = start.checked_add(i.checked_mul(size)?)?;
            let Some(read) = self.read(at, 2) else { break };
            if read == u64::from(tag) {
                let length = match self.read(at + 2, 2)? {
                    1 => 1,
                    3 => 2,
                    4 => 4,
                    _ => 0,
                };
                let at = at + 4 + self.word;
                found = self.read(at, self.word).map(|_| Place { at, length });
            }
        }
        found
    }

    fn read(&self, at: usize, length: usize) -> Option<u64> {
        (if self.big_endian { be } else { le })(self.content, at, length)
    }
}
