//! A TIFF file, opened within limits; its errors as sentences.

use crate::images::bytes::slice;
use crate::images::jpeg;
use crate::images::raster::{MAX_PIXELS, check_size};
use std::io::Cursor;
use tiff::decoder::{ChunkType, Decoder, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffUnsupportedError};

/// The most bytes that samples may have in memory.
pub(super) const MOST_BYTES: usize = 1 << 30;

/// The decoder's reasons are cut to this many characters: some list all values of a tag.
const LONGEST_REASON: usize = 120;

/// The compression that holds JPEGs.
pub(super) const JPEG: u16 = 7;

/// An open file.
pub(super) type File = Decoder<Cursor<Vec<u8>>>;

/// Opens a file whose samples are all grey.
pub(super) fn open(content: Vec<u8>) -> Result<File, String> {
    let mut file = Decoder::new(Cursor::new(content)).map_err(refused)?;
    // A tag that occurs twice may hide a size from `size`.
    let (width, height) = file.dimensions().map_err(refused)?;
    check_size((width.into(), height.into()))?;
    if !matches!(file.colortype(), Ok(ColorType::Gray(_) | ColorType::Multiband { .. })) {
        return Err(damaged("it holds a tag twice"));
    }
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MOST_BYTES;
    limits.intermediate_buffer_size = MOST_BYTES;
    Ok(file.with_limits(limits))
}

/// Where the parts of the page are, strips or tiles of all planes, and how many bytes they have.
pub(super) fn parts(file: &mut File) -> Result<[Vec<u64>; 2], String> {
    let tags = match file.get_chunk_type() {
        ChunkType::Strip => [Tag::StripOffsets, Tag::StripByteCounts],
        ChunkType::Tile => [Tag::TileOffsets, Tag::TileByteCounts],
    };
    let mut numbers = |tag| file.find_tag_unsigned_vec(tag).map_err(refused);
    let [offsets, lengths] = [numbers(tags[0])?, numbers(tags[1])?];
    Ok([offsets.unwrap_or_default(), lengths.unwrap_or_default()])
}

/// Checks JPEGs within the file by their headers: the crate decodes each, whatever its size.
pub(super) fn check_jpegs(file: &mut File, content: &[u8]) -> Result<(), String> {
    let (width, height) = file.chunk_dimensions();
    // The last strip may be given more rows than there are, but no more than the others.
    let most = u64::from(width).saturating_mul(height.min(MAX_PIXELS as u32).into());
    let [offsets, lengths] = parts(file)?;
    let mut bytes = 0u64;
    for (offset, length) in offsets.into_iter().zip(lengths) {
        bytes = bytes.saturating_add(length);
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = slice(content, at, usize::try_from(length).unwrap_or(usize::MAX));
        let part = part.ok_or_else(|| damaged("a part lies beyond its end"))?;
        if jpeg::size(part).is_some_and(|(w, h)| w.saturating_mul(h) > most.min(MAX_PIXELS)) {
            return Err(damaged("a JPEG in it is larger than its place"));
        }
    }
    match bytes > content.len() as u64 {
        true => Err(damaged("its parts overlap")),
        false => Ok(()),
    }
}

pub(super) fn damaged(why: &str) -> String {
    let why: String = why.chars().take(LONGEST_REASON).collect();
    format!("cannot be decoded as TIFF ({why})")
}

/// The decoder's error as a sentence. What it cannot decode, other programs can.
pub(super) fn refused(error: TiffError) -> String {
    match error {
        TiffError::UnsupportedError(TiffUnsupportedError::UnsupportedCompressionMethod(method)) => {
            format!(
                "is a TIFF compressed as {method:?}; save it uncompressed, or compressed with LZW \
                 or Deflate"
            )
        }
        TiffError::UnsupportedError(why) => {
            let why: String = why.to_string().chars().take(LONGEST_REASON).collect();
            format!("is a TIFF of a rare kind ({why}); save it with 8 or 16 bits a sample")
        }
        TiffError::LimitsExceeded => {
            format!("takes more than the {MOST_BYTES} bytes allowed in memory; make it smaller")
        }
        other => damaged(&other.to_string()),
    }
}
