//! How large an image says it is, read from its header alone: before TensorFlow sets memory aside
//! for it. And of a GIF its first frame alone: TensorFlow would decode all of them, and there may
//! be thousands.

use super::format::ImageFormat;

/// How many pixels an image may have: what Pillow, too, takes for a decompression bomb. (It would
/// be half a gigabyte in memory.)
pub const MAX_PIXELS: u64 = 178_956_970;

/// The image as it may be given to TensorFlow, and how many pixels it has, as far as its header can
/// be read.
///
/// # Errors
/// A sentence about an image that is too large, without its name.
pub fn checked(
    format: ImageFormat,
    mut content: Vec<u8>,
) -> Result<(Vec<u8>, Option<u64>), String> {
    let size = match format {
        ImageFormat::Jpeg => jpeg_size(&content),
        ImageFormat::Png => be(&content, 16, 4).zip(be(&content, 20, 4)),
        ImageFormat::Bmp => bmp_size(&content),
        ImageFormat::Gif => {
            let (end, size) =
                first_frame(&content).ok_or("is a GIF that is cut off in its first frame")?;
            content.truncate(end);
            content.push(GIF_TRAILER);
            Some(size)
        }
    };
    let Some((width, height)) = size else { return Ok((content, None)) };
    let pixels = width.saturating_mul(height);
    if pixels > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height} pixels, more than the {MAX_PIXELS} that are allowed; make it smaller"
        ));
    }
    Ok((content, Some(pixels)))
}

/// The `length` bytes at `at` as a big-endian number.
fn be(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
}

/// The `length` bytes at `at` as a little-endian number.
fn le(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
}

/// Heights may be negative: rows then go from top to bottom.
fn bmp_size(content: &[u8]) -> Option<(u64, u64)> {
    let side = |at| le(content, at, 4).map(|n| u64::from((n as u32 as i32).unsigned_abs()));
    Some((side(18)?, side(22)?))
}

/// From the first frame header, whatever kind of JPEG it is of.
fn jpeg_size(content: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        let marker = *content.get(at + 1)?;
        match (*content.get(at)?, marker) {
            // Any number of fill bytes may stand before a marker; restart markers and the like have
            // no length.
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

const GIF_TRAILER: u8 = 0x3b;

/// Where the first frame ends, and the larger of the sizes that screen and frame claim.
fn first_frame(content: &[u8]) -> Option<(usize, (u64, u64))> {
    // A palette of 2ⁿ⁺¹ colours follows where the flags say so.
    let palette = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let screen = (le(content, 6, 2)?, le(content, 8, 2)?);
    let mut at = 13 + palette(*content.get(10)?);
    loop {
        match *content.get(at)? {
            0x21 => at = skip_blocks(content, at + 2)?,
            0x2c => {
                let frame = (le(content, at + 5, 2)?, le(content, at + 7, 2)?);
                let data = at + 11 + palette(*content.get(at + 9)?);
                return Some((
                    skip_blocks(content, data)?,
                    (screen.0.max(frame.0), screen.1.max(frame.1)),
                ));
            }
            _ => return None,
        }
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
