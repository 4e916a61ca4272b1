//! Each kind of image file against Pillow, and files that are damaged or hostile.

use super::loading::load_tensorflow;
use super::support::{Workspace, ask_peer, golden, python};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use retrain::fuzzing::image_decoding;
use retrain::images::{PixelRange, PixelSpec, Reading};
use retrain::inference::Decoder;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::time::Instant;

/// The pixels at full size, and their height and width.
fn decoded(content: Vec<u8>, reading: &Reading) -> Result<([u64; 2], Vec<u8>), String> {
    load_tensorflow();
    let spec = PixelSpec::new(8, 8, PixelRange::Unit).with_reading(reading.clone());
    let pixels = Decoder::new(&spec).decode_full_size(content)?;
    let &[height, width, 3] = pixels.dims() else { panic!("{:?}", pixels.dims()) };
    Ok(([height, width], pixels.to_vec()))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_kind_of_file_has_the_pixels_that_pillow_sees() {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    let workspace = Workspace::new();
    let answer = ask_peer(&python, "formats.py", &json!({ "dir": workspace.root() }));
    let files = answer.as_object().unwrap();
    let mut faults = Vec::new();
    for (name, wanted) in files {
        let content = fs::read(workspace.path(name)).unwrap();
        let exif_orientation = wanted["turned"].as_bool().unwrap();
        let reading = Reading { exif_orientation, ..Reading::DEFAULT };
        let (size, pixels) = match decoded(content, &reading) {
            Ok(decoded) => decoded,
            Err(message) => {
                faults.push(format!("{name}: {message}"));
                continue;
            }
        };
        if size != ["height", "width"].map(|side| wanted[side].as_u64().unwrap()) {
            faults.push(format!("{name}: has size {size:?}"));
            continue;
        }
        let theirs = hex(wanted["pixels"].as_str().unwrap());
        assert_eq!(pixels.len(), theirs.len(), "{name}");
        let off = pixels.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        if u64::from(off) > wanted["tolerance"].as_u64().unwrap() {
            faults.push(format!("{name}: off by {off}"));
        }
    }
    assert!(faults.is_empty(), "{}\n", faults.join("\n"));
    assert_eq!(files.len(), 136);
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// A TIFF file in the making: 4 × 2 grey pixels, if nothing else is said.
struct Tiff {
    tags: Vec<(u16, u16, Vec<u32>)>,
    data: Vec<u8>,
    next: u32,
}

impl Tiff {
    fn new(data: Vec<u8>) -> Self {
        let length = data.len() as u32;
        let tags = [(256, 4), (257, 2), (258, 8), (262, 1), (273, 8), (277, 1), (279, length)];
        let tags = tags.map(|(tag, value)| (tag, LONG, vec![value]));
        Self { tags: tags.into(), data, next: 0 }
    }

    /// With another value of a tag.
    fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.tags.retain(|(known, ..)| *known != tag);
        self.and(tag, values)
    }

    /// With a further entry, even if there is one of that tag.
    fn and(mut self, tag: u16, values: &[u32]) -> Self {
        self.tags.push((tag, if values.len() > 1 { SHORT } else { LONG }, values.to_vec()));
        self.tags.sort_by_key(|(tag, ..)| *tag);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = [b"II*\0\0\0\0\0", &self.data[..]].concat();
        let mut entries = Vec::new();
        for (tag, kind, values) in &self.tags {
            entries.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            entries.extend((values.len() as u32).to_le_bytes());
            let bytes: Vec<u8> = match *kind {
                SHORT => values.iter().flat_map(|v| (*v as u16).to_le_bytes()).collect(),
                _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            };
            if bytes.len() <= 4 {
                entries.extend([bytes, vec![0; 4]].concat().iter().take(4));
            } else {
                entries.extend((file.len() as u32).to_le_bytes());
                file.extend(bytes);
            }
        }
        let at = file.len() as u32;
        file[4..8].copy_from_slice(&at.to_le_bytes());
        file.extend((self.tags.len() as u16).to_le_bytes());
        file.extend(entries);
        // The next directory, or this one again.
        file.extend((self.next * at).to_le_bytes());
        file
    }

    fn pixels(&self) -> Vec<u8> {
        decoded(self.bytes(), &Reading::DEFAULT).unwrap().1
    }

    fn refused(&self) -> String {
        decoded(self.bytes(), &Reading::DEFAULT).unwrap_err()
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn palettes_of_any_depth_are_read() {
    // Each row begins with a byte of its own.
    for (bits, data) in [(1, vec![0b0110_0000, 0b1001_0000]), (2, vec![0b0001_1011, 0b1110_0100])] {
        let colours: Vec<u32> = (0..3u32 << bits).map(|i| i * 256 + 7).collect();
        let tiff = Tiff::new(data).with(258, &[bits]).with(262, &[3]).with(320, &colours);
        let indices: [u8; 8] =
            if bits == 1 { [0, 1, 1, 0, 1, 0, 0, 1] } else { [0, 1, 2, 3, 3, 2, 1, 0] };
        let colours: Vec<u8> =
            indices.iter().flat_map(|i| [*i, i + (1 << bits), i + (2 << bits)]).collect();
        assert_eq!(tiff.pixels(), colours, "{bits}");
        let too_few = tiff.with(320, &[1, 2, 3]).refused();
        assert!(too_few.starts_with("is a TIFF with an incomplete palette"), "{too_few}");
    }
}

#[test]
fn tiffs_of_other_kinds_are_refused_with_a_remedy() {
    let plain = || Tiff::new((0..96).collect());
    assert_eq!(plain().pixels().len(), 24);
    let floats = |values: [f32; 8]| {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tiff::new(data).with(258, &[32]).with(339, &[3])
    };
    assert_eq!(floats([0.0, 0.25, 1.0, 1.5, -0.5, f32::NAN, 0.5, 0.0]).pixels()[9], 255);
    for (tiff, message) in [
        (plain().with(254, &[1]), "is a TIFF or a camera's raw file whose first page is only a "),
        (plain().with(262, &[8]), "is a TIFF with Lab colours; save it as RGB"),
        (plain().with(262, &[32803]), "is a TIFF with a camera's raw data; save it as RGB"),
        (plain().with(277, &[5]), "is a TIFF with 5 samples a pixel, which it does not say the "),
        (plain().with(259, &[50_000]), "is a TIFF compressed as ZSTD; save it uncompressed, or "),
        (plain().with(259, &[6]), "is a TIFF compressed as JPEG; save it uncompressed"),
        (plain().with(258, &[12]), "is a TIFF of a rare kind ("),
        (plain().with(339, &[2]), "is a TIFF with 8-bit samples of a rare kind; "),
        (plain().with(258, &[64]), "is a TIFF with 64-bit samples of a rare kind; "),
        (plain().with(262, &[6]).with(277, &[3]), "is a TIFF with YCbCr colours at a lower "),
        (
            floats([0.0, 300.0, 1.0, 2.0, -7.0, 0.0, 0.0, 0.0]),
            "is a TIFF with floating-point samples from -7 to 300, which are read from 0 (black) ",
        ),
    ] {
        let refused = tiff.refused();
        assert!(refused.starts_with(message), "{refused}\n{message}");
    }
}

#[test]
fn hostile_tiffs_take_neither_memory_nor_time() {
    let start = Instant::now();
    let plain = || Tiff::new((0..96).collect());
    let cyclic = Tiff { next: 1, ..plain() };
    let refused = cyclic.refused();
    assert!(refused.starts_with("cannot be decoded as TIFF (format error: "), "{refused}");
    // Ten gigabytes of zeros: each row of a tile skips most of them.
    let zeros = deflated(&vec![0; 1 << 24]);
    let tiled = |width, height| {
        let tiff = Tiff::new(zeros.clone()).with(259, &[8]);
        let length = zeros.len() as u32;
        let tags = [(322, width), (323, height), (324, 8), (325, length)];
        let tiff = tags.iter().fold(tiff, |tiff, (tag, value)| tiff.with(*tag, &[*value]));
        Tiff { tags: tiff.tags.into_iter().filter(|t| t.0 != 273 && t.0 != 279).collect(), ..tiff }
    };
    assert_eq!(tiled(16, 16).pixels(), [0; 24]);
    let bomb = Tiff::new(zeros.clone()).with(259, &[8]);
    assert_eq!(bomb.pixels(), [0; 24], "no more is inflated than is shown");
    let whole = fs::read(golden("images/baseline.jpg")).unwrap();
    for (tiff, message) in [
        (plain().with(256, &[60_000]).with(257, &[60_000]), "is 60000 × 60000 pixels, more than "),
        (plain().with(256, &[u32::MAX]), "is 4294967295 × 2 pixels, more than the 178956970 "),
        (plain().and(256, &[60_000]).with(257, &[60_000]), "is 60000 × 60000 pixels, more than "),
        (
            plain().with(257, &[170_000_000]).with(256, &[1]).with(277, &[65_535]),
            "takes more than the 1073741824 bytes allowed in memory",
        ),
        (plain().and(262, &[2]), "is a TIFF with 1 samples a pixel"),
        (plain().with(273, &[1 << 30]), "cannot be decoded as TIFF ("),
        (plain().with(279, &[u32::MAX]), "takes more than the "),
        (plain().with(256, &[0]), "cannot be decoded as TIFF ("),
        (plain().with(278, &[0]), "cannot be decoded as TIFF ("),
        (tiled(1 << 30, 1 << 20), "cannot be decoded as TIFF (its parts are much larger than "),
        (tiled(u32::MAX, u32::MAX), "cannot be decoded as TIFF (its parts are much larger than "),
        (
            Tiff::new(whole).with(259, &[7]),
            "cannot be decoded as TIFF (a JPEG in it is larger than its place)",
        ),
    ] {
        let refused = tiff.refused();
        assert!(refused.starts_with(message), "{refused}\n{message}");
    }
    let rows = plain().with(278, &[u32::MAX]);
    assert_eq!(rows.pixels().len(), 24, "one strip may claim any number of rows");
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn damaged_tiffs_and_webps_are_refused_and_never_crash() {
    let corpus = golden("../fuzz/corpus/image_decoding");
    let mut seen = 0;
    for file in fs::read_dir(corpus).unwrap() {
        let whole = fs::read(file.unwrap().path()).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            image_decoding(&flipped);
            flipped[at] = !whole[at];
            image_decoding(&flipped);
        }
        (0..whole.len()).step_by(3).for_each(|length| image_decoding(&whole[..length]));
        seen += 1;
    }
    assert_eq!(seen, 20);
    // A lossless one of the largest size that a header can say.
    let largest = b"RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\xfe\xbf\xff\x0f\0".to_vec();
    let refused = decoded(largest, &Reading::DEFAULT).unwrap_err();
    assert!(refused.starts_with("is 16383 × 16383 pixels, more than"), "{refused}");
}
