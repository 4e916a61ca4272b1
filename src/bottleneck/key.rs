//! The key of a packed bottleneck: which image it belongs to, and how to tell whether that image
//! has changed since.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The name of a row: `class directory/image file`, as bytes of the file system, like the path of
/// the text file.
pub(super) type Name = Box<[u8]>;

/// A file's size and modification time. If both are unchanged, so is the content, we assume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) mtime: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |d: std::time::Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
        let mtime = metadata.modified().map_or(0, |t| match t.duration_since(UNIX_EPOCH) {
            Ok(after) => nanoseconds(after),
            Err(before) => -nanoseconds(before.duration()),
        });
        Self { size: metadata.len(), mtime }
    }

    /// The stamp of a file; `None` if it cannot be read.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// The state of an image and its text file when the bottleneck was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The image.
    pub(super) image: Stamp,
    /// The SHA-256 of the image; `None` if the bottleneck came from a text file.
    pub(super) hash: Option<[u8; 32]>,
    /// The text file, if there was one.
    pub(super) text: Option<Stamp>,
}

const HAS_HASH: u8 = 1;
const HAS_TEXT: u8 = 2;

impl Key {
    /// Appends a record: length of the name (u32), `HAS_HASH` and `HAS_TEXT` (u8), size (u64) and
    /// time (i64) of the image, its hash (32 bytes), size and time of the text file, name.
    pub(super) fn write(&self, name: &[u8], into: &mut Vec<u8>) {
        let known =
            u8::from(self.hash.is_some()) * HAS_HASH + u8::from(self.text.is_some()) * HAS_TEXT;
        into.extend((name.len() as u32).to_le_bytes());
        into.push(known);
        let text = self.text.unwrap_or(Stamp { size: 0, mtime: 0 });
        let stamp = |s: Stamp, into: &mut Vec<u8>| {
            into.extend(s.size.to_le_bytes());
            into.extend(s.mtime.to_le_bytes());
        };
        stamp(self.image, into);
        into.extend(self.hash.unwrap_or_default());
        stamp(text, into);
        into.extend(name);
    }

    /// Takes a record off the front of `bytes`.
    pub(super) fn parse(bytes: &mut &[u8]) -> Option<(Name, Self)> {
        let length = u32::from_le_bytes(take(bytes)?) as usize;
        let [known] = take(bytes)?;
        let image = take_stamp(bytes)?;
        let hash = take::<32>(bytes)?;
        let text = take_stamp(bytes)?;
        let (name, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        let (hash, text) =
            ((known & HAS_HASH > 0).then_some(hash), (known & HAS_TEXT > 0).then_some(text));
        Some((name.into(), Self { image, hash, text }))
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn take_stamp(bytes: &mut &[u8]) -> Option<Stamp> {
    Some(Stamp { size: u64::from_le_bytes(take(bytes)?), mtime: i64::from_le_bytes(take(bytes)?) })
}
