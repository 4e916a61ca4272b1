//! PNG: reads the image's size.

use super::bytes::{Size, be};

/// The size in the header chunk, which comes first.
pub(super) fn size(content: &[u8]) -> Option<Size> {
    Some((be(content, 16, 4)?, be(content, 20, 4)?))
}
