//! PNG: reads the image's size and its EXIF data.

use super::bytes::{Size, be, slice};

/// The size in the header chunk, which comes first.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    Some((be(content, 16, 4)?, be(content, 20, 4)?))
}

/// The EXIF data, which may come before or after the pixels.
pub(super) fn exif(content: &[u8]) -> Option<&[u8]> {
    let mut at = 8;
    loop {
        let length = be(content, at, 4)? as usize;
        if slice(content, at + 4, 4)? == b"eXIf" {
            return slice(content, at + 8, length);
        }
        // The checksum has four bytes.
        at += 12 + length;
    }
}
