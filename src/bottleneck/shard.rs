//! Shards: the photographs of a cache in N parts, for N processes that know nothing of each other.
//!
//! The SHA-256 of a row's name decides the shard: its first eight bytes as a little-endian number,
//! modulo N. So the parts are about equal, and a photograph stays in its shard when others are
//! added or removed.

use sha2::{Digest, Sha256};
use std::ffi::{OsStr, OsString};
use std::fmt::{Display, Formatter, Result};

/// Shard `index` of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    // In this order, shards of one set are sorted together.
    /// At least 1.
    count: u32,
    /// From 1 to `count`.
    index: u32,
}

impl Shard {
    /// Shard `index` of `count`, counted from 1; `None` if there is no such shard.
    #[must_use]
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (1..=count).contains(&index).then_some(Self { count, index })
    }

    /// The shard that `I/N` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_numbers(text.split_once('/')?)
    }

    /// From digits alone, so that each shard has one name.
    fn of_numbers((index, count): (&str, &str)) -> Option<Self> {
        let number = |text: &str| {
            let is_plain = !text.starts_with(['0', '+']);
            is_plain.then(|| text.parse().ok()).flatten()
        };
        Self::new(number(index)?, number(count)?)
    }

    /// Which of the shards it is, from 1 on.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many shards there are in all.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// Which of `count` shards, at least 1, the row of that name belongs to.
    pub(super) fn of(name: &[u8], count: u32) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(name));
        let part = u64::from_le_bytes([a, b, c, d, e, f, g, h]) % u64::from(count);
        // Less than a u32.
        Self { count, index: part as u32 + 1 }
    }

    /// Whether the row of that name belongs to it.
    pub(super) fn holds(self, name: &[u8]) -> bool {
        Self::of(name, self.count) == self
    }

    /// The name of its file, beside the packed file of that name.
    pub(super) fn file_name(self, packed: &OsStr) -> OsString {
        let mut name = packed.to_owned();
        name.push(format!(".shard-{}-of-{}", self.index, self.count));
        name
    }

    /// The shard whose file has this name, beside the packed file `packed`.
    pub(super) fn of_file_name(name: &OsStr, packed: &OsStr) -> Option<Self> {
        let rest = name.as_encoded_bytes().strip_prefix(packed.as_encoded_bytes())?;
        let numbers = std::str::from_utf8(rest).ok()?.strip_prefix(".shard-")?;
        Self::of_numbers(numbers.split_once("-of-")?)
    }
}

impl Display for Shard {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}
