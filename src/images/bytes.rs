//! Reads numbers from the headers of image files.

/// Width and height in pixels.
pub(super) type Size = (u64, u64);

/// The `length` bytes at `at` as a big-endian number; `None` past the end.
pub(super) fn be(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
}

/// The `length` bytes at `at` as a little-endian number; `None` past the end.
pub(super) fn le(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
}
