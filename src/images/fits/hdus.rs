//! The HDUs of a file: which one holds the image, and what shape it has. Nothing of a header is
//! trusted before it is checked here.

use super::header::Keywords;
use super::settings::{FitsSettings, Hdu};
use super::source::{BLOCK, Source};
use crate::images::MAX_PIXELS;
use std::fmt;

/// The most HDUs that are looked through.
const MOST_HDUS: usize = 1000;
/// How many HDUs a message lists.
const LISTED: usize = 8;
const MOST_AXES: i64 = 999;
const BITPIX: [i64; 6] = [8, 16, 32, 64, -32, -64];

/// The HDU whose image is read.
pub(super) struct Chosen {
    pub(super) keywords: Keywords,
    pub(super) image: Image,
    /// Bytes of data, without padding.
    pub(super) data_length: u64,
    /// What the file calls it in messages: "HDU 1".
    pub(super) number: usize,
}

/// The shape of an image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Image {
    pub(super) bitpix: i64,
    /// The length of each axis; that of a row first.
    pub(super) axes: Vec<usize>,
    pub(super) storage: Storage,
}

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Storage {
    Plain,
    /// As a table of compressed tiles.
    Tiles,
}

/// The planes that become the photograph.
#[derive(Debug, PartialEq)]
pub(super) struct Selection {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) planes: Vec<usize>,
}

/// What an HDU holds.
enum Content {
    Empty,
    Image(Image),
    Table,
    Groups,
    /// An array of one axis, or of none longer than 1.
    Series,
    Other,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Image(_) => "is an image",
            Self::Table => "is a table",
            Self::Groups => "is random groups",
            Self::Series => "has one axis",
            Self::Other => "is of an unknown kind",
        })
    }
}

/// Finds the HDU that `wanted` names, or the first with an image. `source` is left before its data.
pub(super) fn choose(source: &mut Source<'_>, wanted: Option<&Hdu>) -> Result<Chosen, String> {
    let mut seen = Vec::new();
    for number in 0..MOST_HDUS {
        let first: &[u8] = if number == 0 { b"SIMPLE  =" } else { b"XTENSION" };
        let keywords = match Keywords::read(source, first)? {
            Some(keywords) => keywords,
            None if number == 0 => return Err("is not a FITS file, or cut off".into()),
            None => return Err(not_found(wanted, &seen)),
        };
        let in_hdu = |why: String| format!("has an HDU {number} {why}");
        let (content, data_length) = described(&keywords, number == 0).map_err(in_hdu)?;
        let name = keywords.text("EXTNAME").unwrap_or_default().to_owned();
        let is_wanted = match wanted {
            None => matches!(content, Content::Image(_)),
            Some(Hdu::Number(wanted)) => number == *wanted,
            Some(Hdu::Name(wanted)) => name.eq_ignore_ascii_case(wanted.trim()),
        };
        match content {
            Content::Image(image) if is_wanted => {
                return Ok(Chosen { keywords, image, data_length, number });
            }
            other if is_wanted => {
                let other = format!("HDU {number} {other}");
                return Err(format!("has no image where `fits_hdu` points: {other}"));
            }
            other if seen.len() < LISTED => seen.push(listed(number, &name, &other)),
            _ => {}
        }
        let padded = data_length.next_multiple_of(BLOCK as u64);
        // The last HDU may lack its padding.
        if !source.skip(data_length)? {
            return Err(format!("is cut off within the data of HDU {number}"));
        }
        source.skip(padded - data_length)?;
    }
    Err(format!("has no image among its first {MOST_HDUS} HDUs, which is as far as is searched"))
}

fn listed(number: usize, name: &str, content: &Content) -> String {
    match name {
        "" => format!("HDU {number} {content}"),
        name => format!("HDU {number} ({name}) {content}"),
    }
}

fn not_found(wanted: Option<&Hdu>, seen: &[String]) -> String {
    let more = if seen.len() == LISTED { ", and so on" } else { "" };
    let seen = seen.join(", ");
    match wanted {
        None => format!("holds no image: {seen}{more}"),
        Some(hdu) => format!("has no HDU {hdu} (`fits_hdu`): {seen}{more}"),
    }
}

/// What an HDU holds, and the length of its data.
fn described(keywords: &Keywords, is_primary: bool) -> Result<(Content, u64), String> {
    let bitpix = keywords.integer("BITPIX").filter(|bitpix| BITPIX.contains(bitpix));
    let bitpix = bitpix.ok_or("whose BITPIX is not 8, 16, 32, 64, -32 or -64")?;
    let axes = axes(keywords, "NAXIS")?;
    let is_groups = is_primary && axes.first() == Some(&0) && keywords.is_true("GROUPS");
    let counts = if is_primary && !is_groups { (0, 1) } else { counts(keywords)? };
    let length = data_length(bitpix, &axes[usize::from(is_groups)..], counts);
    let length = length.ok_or("that claims more data than any file can have")?;
    let extension = keywords.text("XTENSION").unwrap_or("IMAGE");
    let content = match extension {
        _ if is_groups => Content::Groups,
        "IMAGE" | "IUEIMAGE" => array(bitpix, axes, Storage::Plain),
        "BINTABLE" | "A3DTABLE" if keywords.is_true("ZIMAGE") => {
            let bitpix = keywords.integer("ZBITPIX").filter(|bitpix| BITPIX.contains(bitpix));
            let bitpix = bitpix.ok_or("whose ZBITPIX is not 8, 16, 32, 64, -32 or -64")?;
            array(bitpix, self::axes(keywords, "ZNAXIS")?, Storage::Tiles)
        }
        "BINTABLE" | "A3DTABLE" | "TABLE" => Content::Table,
        _ => Content::Other,
    };
    Ok((content, length))
}

fn array(bitpix: i64, axes: Vec<usize>, storage: Storage) -> Content {
    match axes.len() {
        _ if axes.contains(&0) => Content::Empty,
        0 => Content::Empty,
        1 => Content::Series,
        _ => Content::Image(Image { bitpix, axes, storage }),
    }
}

/// PCOUNT and GCOUNT.
fn counts(keywords: &Keywords) -> Result<(u64, u64), String> {
    let count = |keyword: &str, least: i64| {
        let count = keywords.integer(keyword).unwrap_or(least);
        let natural = u64::try_from(count).ok().filter(|_| count >= least);
        natural.ok_or(format!("whose {keyword} is {count}"))
    };
    Ok((count("PCOUNT", 0)?, count("GCOUNT", 1)?))
}

/// |BITPIX| / 8 · GCOUNT · (PCOUNT + NAXIS1 · NAXIS2 · …), if it is below 2⁶³.
fn data_length(bitpix: i64, axes: &[usize], (extra, groups): (u64, u64)) -> Option<u64> {
    let elements = match axes {
        [] => 0,
        axes => axes.iter().try_fold(1u64, |n, &axis| n.checked_mul(axis as u64))?,
    };
    let length = elements.checked_add(extra)?.checked_mul(groups)?;
    length.checked_mul(bitpix.unsigned_abs() / 8).filter(|&length| i64::try_from(length).is_ok())
}

/// The length of each axis, by NAXIS, NAXIS1, … or ZNAXIS, ZNAXIS1, ….
fn axes(keywords: &Keywords, keyword: &str) -> Result<Vec<usize>, String> {
    let count = keywords.integer(keyword).filter(|count| (0..=MOST_AXES).contains(count));
    let count = count.ok_or(format!("whose {keyword} is not 0 to {MOST_AXES}"))?;
    let length = |i: i64| {
        let length = keywords.integer(&format!("{keyword}{i}"));
        let length = length.and_then(|length| u32::try_from(length).ok());
        length.map(|length| length as usize).ok_or(format!("whose {keyword}{i} is not 0 to 2³²"))
    };
    (1..=count).map(length).collect()
}

impl Image {
    /// The planes that become the photograph, if they are few and small enough.
    pub(super) fn selection(&self, settings: &FitsSettings) -> Result<Selection, String> {
        let (width, height, count) = self.cube()?;
        let planes = match &settings.planes {
            None if count == 1 || count == 3 => (0..count).collect(),
            None => {
                return Err(format!(
                    "is a cube of {count} planes; choose one or three with `fits_planes`"
                ));
            }
            Some(planes) => planes.numbers().to_vec(),
        };
        if let Some(missing) = planes.iter().find(|&&plane| plane >= count) {
            let has = match count {
                1 => "one plane, 0".into(),
                count => format!("{count} planes, 0 to {}", count - 1),
            };
            return Err(format!("has {has}: no plane {missing} (`fits_planes`)"));
        }
        // Tiles of any plane may hold pixels of the others, so all are decoded.
        let decoded = match self.storage {
            Storage::Plain => planes.len(),
            Storage::Tiles => count,
        };
        let pixels = (width as u64).saturating_mul(height as u64).saturating_mul(decoded as u64);
        match pixels > MAX_PIXELS {
            false => Ok(Selection { width, height, planes }),
            true => Err(match decoded {
                1 => format!(
                    "is {width} × {height} pixels, more than the {MAX_PIXELS} allowed; \
                              make it smaller"
                ),
                n => format!(
                    "is {width} × {height} pixels in {n} planes, together more than the \
                              {MAX_PIXELS} allowed; make it smaller"
                ),
            }),
        }
    }

    /// Width, height and number of planes. Axes of length 1 behind the first two are left out.
    fn cube(&self) -> Result<(usize, usize, usize), String> {
        let (sides, more) = self.axes.split_at(self.axes.len().min(2));
        let axes: Vec<usize> =
            sides.iter().chain(more.iter().filter(|&&axis| axis != 1)).copied().collect();
        match axes[..] {
            [width, height] => Ok((width, height, 1)),
            [width, height, count] => Ok((width, height, count)),
            _ => {
                let shown: Vec<String> = axes.iter().map(usize::to_string).collect();
                Err(format!("is an array of {} pixels, not an image or a cube", shown.join(" × ")))
            }
        }
    }
}
