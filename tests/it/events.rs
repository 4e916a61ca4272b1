//! Events files, read record by record without any code of the writer under test.

use super::support::files_under;
use retrain::events::EventsWriter;
use retrain::proto::{self, Event, GraphDef, HistogramProto, Summary, event::What};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// CRC-32C, bit by bit (polynomial 0x1EDC6F41, reflected).
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

/// The checksum that TFRecords store: rotated, plus a constant.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The records of a TFRecord file: length, its checksum, content, its checksum; all little-endian.
fn records(file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (length, after) = rest.split_at(8);
        let (length_crc, after) = after.split_at(4);
        assert_eq!(masked_crc(length).to_le_bytes(), length_crc, "the sum of a record's length");
        let (content, after) =
            after.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let (crc, after) = after.split_at(4);
        assert_eq!(masked_crc(content).to_le_bytes(), crc, "the sum of a record");
        records.push(content);
        rest = after;
    }
    records
}

/// The contents of one events file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events {
    pub(crate) scalars: BTreeMap<String, Vec<(i64, f32)>>,
    pub(crate) histograms: BTreeMap<String, Vec<(i64, HistogramProto)>>,
    pub(crate) graph: Option<GraphDef>,
    pub(crate) meta_graph: Option<proto::MetaGraphDef>,
    /// The kinds of events in order, without summaries.
    pub(crate) order: Vec<&'static str>,
}

impl Events {
    fn add(&mut self, event: Event) {
        let here = Path::new("event");
        match event.what.unwrap() {
            What::FileVersion(version) => {
                assert_eq!(version, "brain.Event:2");
                self.order.push("file_version");
            }
            What::GraphDef(bytes) => {
                self.graph = Some(proto::parse(here, &bytes).unwrap());
                self.order.push("graph_def");
            }
            What::MetaGraphDef(bytes) => {
                self.meta_graph = Some(proto::parse(here, &bytes).unwrap());
                self.order.push("meta_graph_def");
            }
            What::Summary(bytes) => {
                let summary: Summary = proto::parse(here, &bytes).unwrap();
                for value in summary.value {
                    match value.histo.into_option() {
                        Some(h) => {
                            self.histograms.entry(value.tag).or_default().push((event.step, h))
                        }
                        None => self
                            .scalars
                            .entry(value.tag)
                            .or_default()
                            .push((event.step, value.simple_value)),
                    }
                }
            }
            other => panic!("an event of an unknown kind: {other:?}"),
        }
    }

    pub(crate) fn tags(&self) -> Vec<&str> {
        self.scalars.keys().chain(self.histograms.keys()).map(String::as_str).collect()
    }
}

/// The only events file in a directory.
pub(crate) fn events_file(dir: &Path) -> PathBuf {
    let files = files_under(dir);
    assert!(files.len() == 1 && files[0].starts_with("events.out.tfevents."), "{files:?}");
    dir.join(&files[0])
}

/// Reads the only events file in a directory.
pub(crate) fn read(dir: &Path) -> Events {
    let file = events_file(dir);
    let mut events = Events::default();
    for record in records(&fs::read(&file).unwrap()) {
        events.add(proto::parse(&file, record).unwrap());
    }
    events
}

/// The events in a directory's only file, serialized with wall times set to 0.
pub(crate) fn without_wall_times(dir: &Path) -> Vec<Vec<u8>> {
    let file = events_file(dir);
    let bytes = fs::read(&file).unwrap();
    let timeless = |record: &&[u8]| {
        let event: Event = proto::parse(&file, record).unwrap();
        assert!(event.wall_time > 1e9, "seconds since 1970");
        proto::serialize(&Event { wall_time: 0.0, ..event }).unwrap()
    };
    records(&bytes).iter().map(timeless).collect()
}

#[test]
fn the_sum_is_crc32c() {
    // Test vectors of RFC 3720, B.4.
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
}

#[test]
fn files_bear_the_time_and_the_host_and_begin_with_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let train = dir.path().join("train");
    let mut writer = EventsWriter::create(&train).unwrap();
    writer.add_graph(b"".to_vec(), b"".to_vec()).unwrap();
    let value =
        proto::summary::Value { tag: "accuracy_1".into(), simple_value: 0.5, ..Default::default() };
    let summary = Summary { value: vec![value], ..Summary::default() };
    writer.add_summary(proto::serialize(&summary).unwrap(), 41).unwrap();
    writer.sync().unwrap();
    let name = events_file(&train).file_name().unwrap().to_str().unwrap().to_owned();
    let (seconds, host) =
        name.strip_prefix("events.out.tfevents.").unwrap().split_once('.').unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((now - 60..=now).contains(&seconds.parse().unwrap()), "{name}");
    assert_eq!(host, gethostname::gethostname().to_str().unwrap());
    let events = read(&train);
    assert_eq!(events.order, ["file_version", "graph_def", "meta_graph_def"]);
    assert_eq!(events.scalars["accuracy_1"], [(41, 0.5)]);
}

#[test]
fn what_was_flushed_can_be_read_while_the_writer_lives() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventsWriter::create(dir.path()).unwrap();
    for step in 0..3 {
        let value =
            proto::summary::Value { tag: "t".into(), simple_value: 1.0, ..Default::default() };
        let summary = Summary { value: vec![value], ..Summary::default() };
        writer.add_summary(proto::serialize(&summary).unwrap(), step).unwrap();
        writer.sync().unwrap();
        assert_eq!(read(dir.path()).scalars["t"].len(), step as usize + 1);
    }
}
