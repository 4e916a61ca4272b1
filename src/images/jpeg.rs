//! JPEG: reads the image's size.

use super::bytes::{Size, be};

/// The size in the first frame header, for every kind of JPEG.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    let mut at = 2;
    loop {
        let marker = *content.get(at + 1)?;
        match (*content.get(at)?, marker) {
            // Fill bytes may precede a marker; restart markers and the like have no length.
            (0xff, 0xff) => at += 1,
            (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                return Some((be(content, at + 7, 2)?, be(content, at + 5, 2)?));
            }
            (0xff, _) => at += 2 + be(content, at + 2, 2)? as usize,
            _ => at += 1,
        }
    }
}
