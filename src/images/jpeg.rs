//! JPEG: reads the image's size and its EXIF data.

use super::bytes::{Size, be, slice};

const APP1: u8 = 0xe1;
const START_OF_SCAN: u8 = 0xda;

/// The size in the first frame header, for every kind of JPEG.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    find(content, |marker, segment| match marker {
        0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
            Some((be(segment, 5, 2)?, be(segment, 3, 2)?))
        }
        _ => None,
    })
}

/// The EXIF data, which comes before the pixels.
pub(super) fn exif(content: &[u8]) -> Option<&[u8]> {
    find(content, |marker, segment| match marker {
        APP1 => {
            let length = be(segment, 0, 2)? as usize;
            slice(segment, 2, length.checked_sub(2)?)?.strip_prefix(b"Exif\0\0").map(Some)
        }
        START_OF_SCAN => Some(None),
        _ => None,
    })?
}

/// What `wanted` finds in a segment, given its marker and everything from its length on.
fn find<'c, T>(content: &'c [u8], wanted: impl Fn(u8, &'c [u8]) -> Option<T>) -> Option<T> {
    let mut at = 2;
    loop {
        let marker = *content.get(at + 1)?;
        match (*content.get(at)?, marker) {
            // Fill bytes may precede a marker; restart markers and the like have no length.
            (0xff, 0xff) => at += 1,
            (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, _) => {
                if let Some(found) = wanted(marker, &content[at + 2..]) {
                    return Some(found);
                }
                at += 2 + be(content, at + 2, 2)? as usize;
            }
            _ => at += 1,
        }
    }
}
