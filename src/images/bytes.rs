//! Reads numbers from the headers of image files.

/// Width and height in pixels.
pub type Size = (u64, u64);

/// The `length` bytes at `at` as a big-endian number; `None` past the end.
pub(super) fn be(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(slice(bytes, at, length)?.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
}

/// The `length` bytes at `at` as a little-endian number; `None` past the end.
pub(super) fn le(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(slice(bytes, at, length)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
}

/// The `length` bytes at `at`; `None` past the end.
pub(super) fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}
