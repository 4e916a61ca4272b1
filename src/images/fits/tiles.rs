//! Tile-compressed images (`.fits.fz`). The `fitsio-pure` crate decodes the tiles; it trusts the
//! table that holds them, so the table is checked first: each tile's bytes lie in the file, and
//! none inflates to more than its pixels.

use super::hdus::Chosen;
use super::header::Keywords;
use fitsio_pure::bintable::{BinaryColumnType, binary_type_byte_size, parse_tform_binary};
use fitsio_pure::hdu::{Hdu, HduInfo};
use fitsio_pure::image::{ImageData, read_image_data};
use std::io::{self, Read};

const MOST_COLUMNS: i64 = 999;
const MOST_TILES: usize = 1 << 22;
/// The most that a deflated byte inflates to.
const DEFLATE_RATIO: usize = 1032;
/// How much may be inflated before it is certain that the tile has the right size.
const INFLATED_UNCHECKED: usize = 1 << 28;
/// The keywords that decoding needs, once they are checked.
const KEYWORDS: [&str; 9] =
    ["TTYPE", "TFORM", "ZSCALE", "ZZERO", "ZBLANK", "ZQUANTIZ", "ZDITHER0", "ZNAME", "ZVAL"];

/// The numbers of all pixels, as stored before BSCALE and BZERO.
pub(super) fn decoded(hdu: &Chosen, data: &[u8]) -> Result<ImageData, String> {
    let table = Table::new(hdu, data).map_err(damaged)?;
    table.check_tiles(data).map_err(damaged)?;
    let unit = Hdu {
        info: table.info,
        header_start: 0,
        data_start: 0,
        data_len: data.len(),
        cards: hdu.keywords.cards(&KEYWORDS),
    };
    read_image_data(data, &unit).map_err(|e| format!("cannot be decoded as FITS ({e})"))
}

fn damaged(why: String) -> String {
    format!("has a damaged table of compressed tiles: {why}")
}

/// The table whose rows are tiles.
struct Table {
    info: HduInfo,
    row_length: usize,
    /// The length of each axis of the image and of its tiles.
    axes: Vec<(usize, usize)>,
    columns: Vec<Column>,
    is_gzip: bool,
}

/// A column whose cells point to bytes behind the table.
struct Column {
    offset: usize,
    pointer: Pointer,
    element_length: usize,
    holds: Holds,
}

/// What a column's bytes are.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// Tiles, compressed as the header says.
    Compressed,
    /// Tiles that could not be compressed so, gzipped.
    Gzipped,
    /// Tiles that could not be compressed, as they are.
    Uncompressed,
}

#[derive(Clone, Copy, PartialEq)]
enum Pointer {
    Bits32,
    Bits64,
}

impl Table {
    fn new(hdu: &Chosen, data: &[u8]) -> Result<Self, String> {
        let keywords = &hdu.keywords;
        let natural = |keyword: &str| {
            let number = keywords.integer(keyword).and_then(|n| usize::try_from(n).ok());
            number.ok_or(format!("its {keyword} is missing or negative"))
        };
        let (row_length, rows) = (natural("NAXIS1")?, natural("NAXIS2")?);
        let rows_end = row_length.checked_mul(rows).filter(|&end| end <= data.len());
        let rows_end = rows_end.ok_or("it is longer than the file")?;
        if keywords.integer("THEAP").is_some_and(|heap| heap != rows_end as i64) {
            return Err("there is a gap before its tiles".into());
        }
        let axes = tile_axes(keywords, &hdu.image.axes)?;
        let tiles = axes.iter().map(|(axis, tile)| axis.div_ceil(*tile)).product::<usize>();
        if tiles != rows || tiles > MOST_TILES {
            return Err(format!("it has {rows} rows for {tiles} tiles"));
        }
        let (compression, is_gzip) = compression(keywords)?;
        let (blocksize, rice_bytepix) = rice(keywords)?;
        let tfields = keywords.integer("TFIELDS").filter(|n| (1..=MOST_COLUMNS).contains(n));
        let tfields = tfields.ok_or(format!("its TFIELDS is not 1 to {MOST_COLUMNS}"))? as usize;
        check_dither(keywords)?;
        let info = HduInfo::CompressedImage {
            zbitpix: hdu.image.bitpix,
            znaxes: hdu.image.axes.clone(),
            zcmptype: compression,
            ztile: axes.iter().map(|(_, tile)| *tile).collect(),
            blocksize,
            rice_bytepix,
            naxis1: row_length,
            naxis2: rows,
            pcount: data.len() - rows_end,
            tfields,
        };
        let columns = columns(keywords, tfields, row_length)?;
        Ok(Self { info, row_length, axes, columns, is_gzip })
    }

    /// Each tile's bytes lie behind the table, and inflate to no more than its pixels.
    fn check_tiles(&self, data: &[u8]) -> Result<(), String> {
        let mut first_pixel = vec![0; self.axes.len()];
        let rows = data.chunks_exact(self.row_length.max(1));
        let count = self.axes.iter().map(|(axis, tile)| axis.div_ceil(*tile)).product();
        let heap = &data[self.row_length * count..];
        for row in rows.take(count) {
            let sides = self.axes.iter().zip(&first_pixel);
            let pixels =
                sides.map(|((axis, tile), first)| (*tile).min(axis - first)).product::<usize>();
            for column in &self.columns {
                let bytes = column.bytes(row, heap).ok_or("a tile lies outside the file")?;
                let is_gzip = match column.holds {
                    Holds::Compressed => self.is_gzip,
                    Holds::Gzipped => true,
                    Holds::Uncompressed => false,
                };
                if is_gzip && !bytes.is_empty() {
                    check_inflated(bytes, pixels)?;
                }
            }
            // The next tile.
            for ((axis, tile), first) in self.axes.iter().zip(&mut first_pixel) {
                *first += tile;
                if *first < *axis {
                    break;
                }
                *first = 0;
            }
        }
        Ok(())
    }
}

impl Column {
    /// The bytes that a row's cell points to, if they lie in `heap`.
    fn bytes<'a>(&self, row: &[u8], heap: &'a [u8]) -> Option<&'a [u8]> {
        let cell = row.get(self.offset..)?;
        let (count, start) = match self.pointer {
            Pointer::Bits32 => (u64::from(u32_at(cell, 0)?), u64::from(u32_at(cell, 4)?)),
            Pointer::Bits64 => (u64_at(cell, 0)?, u64_at(cell, 8)?),
        };
        let length = count.checked_mul(self.element_length as u64)?;
        let end = usize::try_from(start.checked_add(length)?).ok()?;
        heap.get(start as usize..end)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The length of each axis and of the tiles along it: by default, a tile is a row.
fn tile_axes(keywords: &Keywords, axes: &[usize]) -> Result<Vec<(usize, usize)>, String> {
    let of_axis = |(i, &axis): (usize, &usize)| {
        let default = if i == 0 { axis } else { 1 };
        let keyword = format!("ZTILE{}", i + 1);
        let tile = keywords.integer(&keyword).map_or(Some(default), |n| usize::try_from(n).ok());
        let tile = tile.filter(|&tile| tile > 0).ok_or(format!("its {keyword} is not above 0"))?;
        Ok((axis, tile.min(axis)))
    };
    axes.iter().enumerate().map(of_axis).collect()
}

/// The pixels of a block and the bytes of a pixel, which Rice coding needs.
fn rice(keywords: &Keywords) -> Result<(usize, usize), String> {
    let named = |name: &str| {
        let is_named = |n: &u8| keywords.text(&format!("ZNAME{n}")) == Some(name);
        (1..=9).find(is_named).and_then(|n| keywords.integer(&format!("ZVAL{n}")))
    };
    let (block, pixel) = (named("BLOCKSIZE").unwrap_or(32), named("BYTEPIX").unwrap_or(4));
    match (block, pixel) {
        (16 | 32 | 64, 1 | 2 | 4) => Ok((block as usize, pixel as usize)),
        _ => Err(format!("its BLOCKSIZE is {block} and its BYTEPIX is {pixel}")),
    }
}

/// How tiles are compressed, and whether that is by gzip.
fn compression(keywords: &Keywords) -> Result<(String, bool), String> {
    let compression = keywords.text("ZCMPTYPE").unwrap_or_default();
    match compression {
        "GZIP_1" | "GZIP_2" => Ok((compression.into(), true)),
        "RICE_1" | "RICE_ONE" | "NOCOMPRESS" => Ok((compression.into(), false)),
        other => Err(format!("compression {other:?} is not RICE_1, GZIP_1 or GZIP_2")),
    }
}

fn check_dither(keywords: &Keywords) -> Result<(), String> {
    match keywords.integer("ZDITHER0") {
        None | Some(0..=10_000) => Ok(()),
        Some(seed) => Err(format!("its ZDITHER0 is {seed}, not 1 to 10000")),
    }
}

/// The columns that point to tiles, if all columns are as they should be.
fn columns(keywords: &Keywords, count: usize, row_length: usize) -> Result<Vec<Column>, String> {
    let mut offset = 0usize;
    let mut columns = Vec::new();
    for i in 1..=count {
        let name = keywords.text(&format!("TTYPE{i}")).unwrap_or_default();
        let keyword = format!("TFORM{i}");
        let form = keywords.text(&keyword).unwrap_or_default();
        let wrong = || format!("its {keyword} is {form:?}");
        let is_named = form.starts_with(|c: char| c.is_ascii_alphanumeric());
        let parsed = if is_named { parse_tform_binary(form).ok() } else { None };
        let (repeat, kind) = parsed.filter(|(n, _)| *n <= row_length * 8).ok_or_else(wrong)?;
        let width = match &kind {
            BinaryColumnType::Bit => repeat.div_ceil(8),
            kind => repeat * binary_type_byte_size(kind),
        };
        let holds = match name {
            "COMPRESSED_DATA" => Some(Holds::Compressed),
            "GZIP_COMPRESSED_DATA" => Some(Holds::Gzipped),
            "UNCOMPRESSED_DATA" => Some(Holds::Uncompressed),
            _ => None,
        };
        if let Some(holds) = holds {
            let (pointer, element_length) =
                pointer(&kind).filter(|_| repeat == 1).ok_or_else(wrong)?;
            columns.push(Column { offset, pointer, element_length, holds });
        }
        if !is_as_read(name, &kind, repeat) {
            return Err(wrong());
        }
        offset = offset.saturating_add(width);
    }
    match offset == row_length && columns.iter().any(|c| c.holds == Holds::Compressed) {
        true => Ok(columns),
        false => Err("its columns are not those of compressed tiles".into()),
    }
}

/// Whether a column of a tile's scaling has the type that it is read as.
fn is_as_read(name: &str, kind: &BinaryColumnType, repeat: usize) -> bool {
    match name {
        "ZSCALE" | "ZZERO" => matches!(kind, BinaryColumnType::Double) && repeat == 1,
        "ZBLANK" => matches!(kind, BinaryColumnType::Int) && repeat == 1,
        _ => true,
    }
}

fn pointer(kind: &BinaryColumnType) -> Option<(Pointer, usize)> {
    let (pointer, element) = match kind {
        BinaryColumnType::VarArrayP(element) => (Pointer::Bits32, element),
        BinaryColumnType::VarArrayQ(element) => (Pointer::Bits64, element),
        _ => return None,
    };
    let length = match element {
        'B' => 1,
        'I' => 2,
        'J' | 'E' => 4,
        'K' | 'D' => 8,
        _ => return None,
    };
    Some((pointer, length))
}

/// A gzipped tile has the size of its pixels. Its last bytes say so; where they may lie and much
/// memory is at stake, it is inflated to see.
fn check_inflated(gzipped: &[u8], pixels: usize) -> Result<(), String> {
    let most = pixels * 8;
    let claimed = gzipped.last_chunk().map(|size| u32::from_le_bytes(*size) as usize);
    let fits =
        |size: usize| [1, 2, 4, 8].iter().any(|bytes| size == (pixels * bytes) as u32 as usize);
    let is_right = gzipped.starts_with(b"\x1f\x8b") && claimed.is_some_and(fits);
    let is_bounded = || {
        let inflated = flate2::read::MultiGzDecoder::new(gzipped).take(most as u64 + 1);
        io::copy(&mut { inflated }, &mut io::sink()).is_ok_and(|size| size <= most as u64)
    };
    let is_small = gzipped.len().saturating_mul(DEFLATE_RATIO) <= INFLATED_UNCHECKED;
    match is_right && (is_small || is_bounded()) {
        true => Ok(()),
        false => Err(format!("a tile of {pixels} pixels does not inflate to as many")),
    }
}
