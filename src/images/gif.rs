//! GIF: reduces a file to its first frame, in the colours of its palette.
//!
//! That is what the scripts used of a GIF in TensorFlow 1.15. Later versions decode transparent
//! colours to black and crop a frame at an offset to its own size (1.15 refused such a file). All
//! versions decode every frame, and there may be thousands. So the file is cut down to its header,
//! its palette and the first frame, moved to the origin. If 1.15 decoded the original, every
//! version then gives the same pixels.

use super::bytes::{Size, le};
use std::ops::Range;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

/// Removes everything but the first frame. Returns the larger of the screen's and the frame's size.
pub(super) fn prepare(content: &mut Vec<u8>) -> Result<Option<Size>, String> {
    let Parts { extensions, frame_end, size } =
        Parts::find(content).ok_or("is a GIF that is cut off in its first frame")?;
    content.truncate(frame_end);
    content.push(TRAILER);
    // The frame's left and top become 0.
    content[extensions.end + 1..extensions.end + 5].fill(0);
    // One of the extensions would make a colour transparent.
    content.drain(extensions);
    Ok(Some(size))
}

struct Parts {
    /// The bytes between the header and the first frame.
    extensions: Range<usize>,
    frame_end: usize,
    size: Size,
}

impl Parts {
    /// `None` if the file ends before its first frame does.
    fn find(content: &[u8]) -> Option<Self> {
        // The flags say whether a palette follows, of 2ⁿ⁺¹ colours of three bytes.
        let palette = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
        let screen = (le(content, 6, 2)?, le(content, 8, 2)?);
        let start = 13 + palette(*content.get(10)?);
        let mut at = start;
        while *content.get(at)? == EXTENSION {
            at = skip_blocks(content, at + 2)?;
        }
        if content[at] != IMAGE {
            return None;
        }
        let frame = (le(content, at + 5, 2)?, le(content, at + 7, 2)?);
        let data = at + 11 + palette(*content.get(at + 9)?);
        Some(Self {
            extensions: start..at,
            frame_end: skip_blocks(content, data)?,
            size: (screen.0.max(frame.0), screen.1.max(frame.1)),
        })
    }
}

/// The position after a chain of blocks. Each block begins with its length; the last is empty.
fn skip_blocks(content: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *content.get(at)?;
        at += 1 + usize::from(length);
        if length == 0 {
            return Some(at);
        }
    }
}
