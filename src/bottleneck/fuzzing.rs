//! Properties that hold for any content of the cache's text files and packed files.

// As in tests, a panic reports the failure.
#![allow(clippy::unwrap_used)]

use super::key::{Key, Stamp};
use super::packed::{self, Packed};
use super::parse_bottleneck;
use crate::model::Identity;
use crate::pyfmt;
use std::path::Path;

/// Text files: bottlenecks read back as they were written, and anything else is refused.
pub fn bottleneck_text(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let size = text.split(',').count();
        if let Some(values) = parse_bottleneck(text, size) {
            assert!(values.len() == size && values.iter().all(|v| v.is_finite()));
            assert_survives(&values);
        }
        assert!(parse_bottleneck(text, size + 1).is_none());
    }
    let values = data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let values: Vec<f32> = values.filter(|v| v.is_finite()).collect();
    if !values.is_empty() {
        assert_survives(&values);
    }
}

fn assert_survives(values: &[f32]) {
    let again = parse_bottleneck(&pyfmt::bottleneck_string(values), values.len());
    let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(again.as_deref().map(bits), Some(bits(values)));
}

/// The length of a bottleneck.
const SIZE: usize = 4;
const IDENTITY: Identity = Identity { current: [7; 32], earlier: [6; 32] };

/// Packed files: whatever one contains, it can be opened, read and added to, and its rows survive.
/// If `data` does not begin with the format's magic number, it is wrapped in blocks with correct
/// checksums, so that parsing gets past them.
pub fn packed_cache(data: &[u8]) {
    crate::fuzzing::in_temporary_dir(|dir| {
        let path = &dir.join("model.bottlenecks");
        let file =
            if data.starts_with(packed::MAGIC) { data.to_vec() } else { with_checksums(data) };
        if std::fs::write(path, file).is_ok() {
            assert_holds(path);
        }
    });
}

fn assert_holds(path: &Path) {
    let open = || Packed::open(path, &IDENTITY, SIZE).unwrap();
    let rows = |packed: &Packed| {
        let bits = |name: &[u8]| {
            packed.values(name).unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let rows = packed
            .names()
            .map(|name| (name.clone(), packed.get(name).unwrap().key.clone(), bits(name)));
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    };
    let mut packed = open();
    let mut before = rows(&packed);
    assert!(before.iter().all(|(_, _, values)| values.len() == SIZE));
    let key = Key { image: Stamp { size: 1, mtime: -1 }, hash: None, text: None };
    packed.append(b"added"[..].into(), key.clone(), &[1.0; SIZE]).unwrap();
    if let Some((name, ..)) = before.first_mut() {
        packed.replace_key(name.clone(), key.clone()).unwrap();
    }
    packed.flush().unwrap();
    let after = rows(&packed);
    let values = |rows: &[(super::key::Name, Key, Vec<u32>)], name: &[u8]| {
        rows.iter().find(|r| &*r.0 == name).map(|r| r.2.clone())
    };
    for (name, ..) in before.iter().filter(|r| &*r.0 != b"added") {
        assert_eq!(values(&before, name), values(&after, name));
    }
    drop(packed);
    let again = open();
    assert!(rows(&again) == after, "rows read back differ from those written");
    let (map, entries) = again.map().unwrap();
    assert!(
        entries
            .values()
            .all(|e| e.offset as usize + 4 * SIZE <= map.len() && e.offset.is_multiple_of(4))
    );
}

/// A file of blocks. What each block's header claims (the number of rows, the bytes of the keys and
/// of the body) comes from `data`.
fn with_checksums(mut data: &[u8]) -> Vec<u8> {
    let mut file = packed::header(&IDENTITY.current, SIZE).to_vec();
    while let Some((&[rows, keys, length, odd], rest)) = data.split_first_chunk() {
        let (body, rest) = rest.split_at(rest.len().min(usize::from(length) * 4));
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(16), 0);
        // Sometimes, numbers that are too large for any block.
        let scale = if odd > 250 { u32::MAX / 255 } else { 1 };
        file.extend(packed::BLOCK_MAGIC);
        file.extend((u32::from(rows) * scale).to_le_bytes());
        file.extend((u32::from(keys) * scale).to_le_bytes());
        file.extend(crc32fast::hash(&body).to_le_bytes());
        file.extend(body);
        data = rest;
    }
    file
}
