//! GIF: its first frame, in the colours of its palette.
//!
//! That is what TensorFlow 1.15, which the scripts ran on, gave. Later versions decode a
//! transparent colour to black, and cut off what a frame at an offset has beyond its own width and
//! height (1.15 refused such a file). All versions decode every frame, and there may be thousands.
//! So the file is reduced to its header, its palette and the first frame, in the corner; where 1.15
//! decoded a file, every version then gives the same pixels.

use super::bytes::{Size, le};
use std::ops::Range;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

/// Leaves the first frame alone. The size is the larger of those that screen and frame claim.
pub(super) fn prepare(content: &mut Vec<u8>) -> Result<Option<Size>, String> {
    let Parts { extensions, frame_end, size } =
        Parts::find(content).ok_or("is a GIF that is cut off in its first frame")?;
    content.truncate(frame_end);
    content.push(TRAILER);
    // The frame's left and top.
    content[extensions.end + 1..extensions.end + 5].fill(0);
    // Among them is what says which colour is transparent.
    content.drain(extensions);
    Ok(Some(size))
}

struct Parts {
    /// What lies between the header and the first frame.
    extensions: Range<usize>,
    frame_end: usize,
    size: Size,
}

impl Parts {
    /// `None` where the file ends before the first frame does.
    fn find(content: &[u8]) -> Option<Self> {
        // A palette of 2ⁿ⁺¹ colours follows where the flags say so.
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

/// The place after a chain of blocks, each of which begins with its length; the last is empty.
fn skip_blocks(content: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *content.get(at)?;
        at += 1 + usize::from(length);
        if length == 0 {
            return Some(at);
        }
    }
}
