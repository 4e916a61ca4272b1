//! BMP with 24 or 32 bits per pixel, uncompressed: checks the header and corrects the length.
//!
//! TensorFlow 1.15, which the scripts ran on, accepts files with data after the pixels (many
//! programs append a colour profile, or two zeros) or without padding after the last row. Later
//! versions want the exact length, so we adjust it. Anything but plain blue, green and red is
//! refused, because it would be decoded to wrong colours: with 8 bits all versions take palette
//! indices for colours, and later ones ignore the header's compression and colour order.

use super::bytes::{Size, le};

/// The length of OS/2's header, which has a different layout.
const OS2_HEADER: u64 = 12;
/// Values of `compression` that mean no compression, but masks for the colours' places in a pixel.
const MASKED: [u64; 2] = [3, 6];
/// Red, green and blue, where pixels are stored as blue, green, red.
const MASKS: [u64; 3] = [0x00ff_0000, 0x0000_ff00, 0x0000_00ff];

/// Gives the file the length that its header implies, if all pixels are there. Returns its size.
///
/// # Errors
/// For a kind of BMP that would be decoded to wrong colours.
pub(super) fn prepare(content: &mut Vec<u8>) -> Result<Option<Size>, String> {
    // TensorFlow's own error suits a file that ends within its header.
    let Some(header) = Header::read(content) else { return Ok(None) };
    header.check()?;
    let (width, height) = header.size;
    let pixels = width * header.bits / 8;
    let row = pixels.next_multiple_of(4);
    let end = header.pixels_at.saturating_add(row.saturating_mul(height));
    let all_there = end.saturating_sub(row - pixels) <= content.len() as u64;
    if height > 0 && all_there && header.pixels_at >= header.end() {
        content.resize(end as usize, 0);
    }
    Ok(Some(header.size))
}

struct Header {
    length: u64,
    pixels_at: u64,
    size: Size,
    bits: u64,
    compression: u64,
    masks: [Option<u64>; 3],
}

impl Header {
    fn read(content: &[u8]) -> Option<Self> {
        // A negative height means rows from top to bottom.
        let side = |at| le(content, at, 4).map(|n| u64::from((n as u32 as i32).unsigned_abs()));
        Some(Self {
            length: le(content, 14, 4)?,
            pixels_at: le(content, 10, 4)?,
            size: (side(18)?, side(22)?),
            bits: le(content, 28, 2)?,
            compression: le(content, 30, 4)?,
            masks: [54, 58, 62].map(|at| le(content, at, 4)),
        })
    }

    /// The end of the header, before which pixels cannot begin.
    fn end(&self) -> u64 {
        let masks = if self.compression == 0 { 0 } else { 12 };
        14 + 40 + masks
    }

    fn check(&self) -> Result<(), String> {
        if self.length == OS2_HEADER {
            return Err("is a BMP with an OS/2 header; save it as PNG".into());
        }
        if ![24, 32].contains(&self.bits) {
            let bits = self.bits;
            return Err(format!(
                "is a BMP with {bits} bits per pixel, not 24 or 32; save it as PNG"
            ));
        }
        let plain = MASKED.contains(&self.compression) && self.masks == MASKS.map(Some);
        if self.compression != 0 && !plain {
            let what = "is compressed or has an unusual order of colours";
            return Err(format!("is a BMP that {what}; save it as PNG"));
        }
        Ok(())
    }
}
