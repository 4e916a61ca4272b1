//! Properties that hold for any content of the cache's text files and packed files.

// As in tests, a panic reports the failure.
#![allow(clippy::unwrap_used)]

use super::appender::Appender;
use super::key::{Key, Name, Stamp};
use super::packed::{self, Entry, Mapped};
use super::parse_bottleneck;
use super::rows::Place;
use super::shard::Shard;
use crate::model::Identity;
use crate::pyfmt;
use std::ffi::{OsStr, OsString};
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

/// Packed files: whatever one contains, it can be opened, read and added to, and its rows survive;
/// and as a shard, which is only read, it gives the same rows. If `data` does not begin with the
/// format's magic number, it is wrapped in blocks with correct checksums, so that parsing gets past
/// them.
pub fn packed_cache(data: &[u8]) {
    assert_shards_have_one_name(data);
    crate::fuzzing::in_temporary_dir(|dir| {
        let path = &dir.join("model.bottlenecks");
        let file =
            if data.starts_with(packed::MAGIC) { data.to_vec() } else { with_checksums(data) };
        if std::fs::write(path, file).is_ok() {
            assert_holds(path);
        }
    });
}

/// A name, its key and the bits of its numbers.
type Row = (Name, Key, Vec<u32>);

fn assert_holds(path: &Path) {
    let open = || Appender::open_shard(path, &IDENTITY, SIZE).unwrap();
    let read = read_only(path);
    let mut packed = open();
    let mut before = rows(&packed);
    assert!(read.unwrap_or_default() == before, "read alone, the rows are others");
    assert!(before.iter().all(|(_, _, values)| values.len() == SIZE));
    let key = Key { image: Stamp { size: 1, mtime: -1 }, hash: None, text: None };
    packed.append(b"added"[..].into(), key.clone(), &[1.0; SIZE]).unwrap();
    if let Some((name, _, values)) = before.first_mut() {
        let values: Vec<f32> = values.iter().map(|&bits| f32::from_bits(bits)).collect();
        packed.append(name.clone(), key.clone(), &values).unwrap();
    }
    packed.flush().unwrap();
    let after = rows(&packed);
    let values =
        |rows: &[Row], name: &[u8]| rows.iter().find(|r| &*r.0 == name).map(|r| r.2.clone());
    for (name, ..) in before.iter().filter(|r| &*r.0 != b"added") {
        assert_eq!(values(&before, name), values(&after, name));
    }
    drop(packed);
    assert!(read_only(path).as_ref() == Some(&after), "read alone, the rows are others");
    let again = open();
    assert!(rows(&again) == after, "rows read back differ from those written");
    assert_in_map(&again.map().unwrap());
}

/// The rows of a file that is open to be appended to, by name.
fn rows(packed: &Appender) -> Vec<Row> {
    let row = |name: &Name| {
        let entry = packed.get(name).unwrap();
        (name.clone(), entry.key.clone(), bits(&packed.row(entry.offset).unwrap()))
    };
    let mut rows: Vec<Row> = packed.names().map(row).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

/// The same of a file that is only read; `None` if it is none of this model.
fn read_only(path: &Path) -> Option<Vec<Row>> {
    let mapped = Mapped::open(path, &IDENTITY, SIZE).unwrap()?;
    assert_in_map(&mapped);
    let row = |(name, entry): (&Name, &Entry)| {
        (name.clone(), entry.key.clone(), bits(mapped.row(entry.offset)))
    };
    let mut rows: Vec<Row> = mapped.entries.iter().map(row).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    Some(rows)
}

fn bits(row: &[u8]) -> Vec<u32> {
    row.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn assert_in_map(mapped: &Mapped) {
    let is_in =
        |e: &Entry| e.offset as usize + 4 * SIZE <= mapped.map.len() && e.offset.is_multiple_of(4);
    assert!(mapped.entries.values().all(is_in));
    assert!(mapped.entries.values().all(|e| Place::new(0, e.offset).is_some()));
}

/// What is understood as a shard is written in that way alone, as `I/N` and as a file's name.
fn assert_shards_have_one_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let packed = OsStr::new("model.bottlenecks");
    if let Some(shard) = Shard::parse(text) {
        assert_eq!(shard.to_string(), text);
        assert_eq!(Shard::of_file_name(&shard.file_name(packed), packed), Some(shard));
    }
    let name = OsString::from(format!("model.bottlenecks{text}"));
    if let Some(shard) = Shard::of_file_name(&name, packed) {
        assert_eq!(shard.file_name(packed), name);
        assert!((1..=shard.count()).contains(&Shard::of(data, shard.count()).index()));
    }
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
