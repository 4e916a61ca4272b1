//! Checks what was downloaded: a photograph by its content, whatever the server and the address
//! call it, with a header that can be read, and complete as far as its format shows.

use super::failure::{Failure, Remedy};
use crate::images::fits::{FitsSettings, Planes};
use crate::images::{ImageFormat, Reading, checked};
use crate::net::sha256;
use crate::text::one_line;

/// A photograph as it arrived.
#[derive(Debug)]
pub(super) struct Photograph {
    pub(super) content: Vec<u8>,
    pub(super) format: ImageFormat,
    pub(super) size: (u64, u64),
    pub(super) sha256: String,
}

/// How many bytes of a page may precede its first tag.
const PAGE_START: usize = 512;

/// Checks the first bytes of an answer, or all of it.
pub(super) fn check_start(content: &[u8], content_type: &str) -> Result<ImageFormat, Failure> {
    ImageFormat::of(content).map_err(|why| {
        if is_page(content) {
            let reason = "a web page was sent instead of a photograph; list the photograph's own \
                          address";
            return Failure::last("a web page", reason);
        }
        if content.is_empty() {
            return Failure::new(Remedy::Retry, "empty", "nothing was sent");
        }
        let said = match content_type {
            "" => String::new(),
            said => format!("; the server calls it {}", one_line(said)),
        };
        Failure::last("not a photograph", format!("what was sent {why}{said}"))
    })
}

fn is_page(content: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&content[..content.len().min(PAGE_START)]);
    let start = start.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body", "<script"].iter().any(|t| start.starts_with(t))
}

/// Which planes of a FITS cube will be used is not known yet.
fn any_plane() -> Reading {
    let planes = Planes::new(vec![0]).ok();
    Reading { fits: FitsSettings { planes, ..FitsSettings::DEFAULT }, ..Reading::DEFAULT }
}

impl Photograph {
    /// Checks a whole answer.
    pub(super) fn checked(content: Vec<u8>, content_type: &str) -> Result<Self, Failure> {
        let format = check_start(&content, content_type)?;
        let checked = checked(format, content.clone(), &any_plane());
        let (_, size) = checked.map_err(|why| {
            Failure::last("not a usable photograph", format!("what was sent {why}"))
        })?;
        let unread = || format!("what was sent begins like a {format}, but has no readable header");
        let size = size.ok_or_else(|| Failure::last("not a usable photograph", unread()))?;
        if !is_complete(format, &content) {
            let reason = format!("what was sent is a {format} without its end");
            return Err(Failure::new(Remedy::Retry, "cut off", reason));
        }
        let sha256 = sha256(&content);
        Ok(Self { content, format, size, sha256 })
    }
}

/// Whether the end that the format prescribes is there. Bytes may follow it.
fn is_complete(format: ImageFormat, content: &[u8]) -> bool {
    let has = |content: &[u8], end: &[u8]| content.windows(end.len()).any(|bytes| bytes == end);
    match format {
        ImageFormat::Jpeg => scan(content).is_some_and(|scan| has(scan, b"\xff\xd9")),
        ImageFormat::Png => has(content, b"IEND"),
        _ => true,
    }
}

/// The part of a JPEG from its first scan on. Segments before that may hold a whole thumbnail.
fn scan(jpeg: &[u8]) -> Option<&[u8]> {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    loop {
        match (*jpeg.get(at)?, *jpeg.get(at + 1)?) {
            (0xff, START_OF_SCAN) => return jpeg.get(at..),
            (0xff, 0xff) => at += 1,
            (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, _) => {
                let length = [*jpeg.get(at + 2)?, *jpeg.get(at + 3)?];
                at += 2 + usize::from(u16::from_be_bytes(length));
            }
            _ => at += 1,
        }
    }
}
