//! The packed file of bottlenecks beside other runs, and what is told of all that the cache does.

use super::support::{Outcome, Workspace, files_under};
use retrain::bottleneck::parse_bottleneck;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Metadata};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

const COMPUTED: &str = " computed in ";
const IN_USE: &str = "bottlenecks/miniature.bottlenecks is in use or cannot be written: \
                      this run's bottlenecks will not be kept";

fn packed(workspace: &Workspace) -> PathBuf {
    workspace.path("bottlenecks/miniature.bottlenecks")
}

fn graph(workspace: &Workspace) -> Vec<u8> {
    fs::read(workspace.path("graph.pb")).unwrap()
}

/// Numbers in a bottleneck of the built-in network.
const SIZE: usize = 1001;

fn number(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
}

/// A block of the packed file, taken apart by the table in `src/bottleneck/packed.rs`.
struct Block<'b> {
    at: usize,
    rows: Vec<&'b [u8]>,
    keys: &'b [u8],
}

fn blocks(file: &[u8]) -> Vec<Block<'_>> {
    let (mut at, mut blocks) = (64, Vec::new());
    while at < file.len() {
        let head = &file[at..at + 16];
        assert_eq!(&head[..4], b"BLCK");
        let (rows, keys) = (number(&head[4..]) * SIZE * 4, number(&head[8..]));
        let body = &file[at + 16..][..(rows + keys).next_multiple_of(16)];
        assert_eq!(number(&head[12..]), crc32fast::hash(body) as usize);
        assert!(body[rows + keys..].iter().all(|&b| b == 0));
        let rows_of = body[..rows].chunks(SIZE * 4).collect();
        blocks.push(Block { at, rows: rows_of, keys: &body[rows..rows + keys] });
        at += 16 + body.len();
    }
    blocks
}

/// Size and time, as a key holds them.
fn stamp(file: &Metadata) -> Vec<u8> {
    let time = file.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
    [file.len().to_le_bytes(), time.to_le_bytes()].concat()
}

/// Files that earlier versions wrote are read on: their form is a promise.
#[test]
fn the_packed_file_is_as_its_table_says() {
    let workspace = Workspace::with_photos(40);
    workspace.retrain(&[]).expect_code(0);
    let file = fs::read(packed(&workspace)).unwrap();
    assert_eq!(&file[..8], b"RTRAINBN");
    assert_eq!((number(&file[8..]), number(&file[12..])), (1, SIZE));
    assert_eq!(number(&file[48..]), crc32fast::hash(&file[..48]) as usize);
    assert_eq!(file[52..64], [0; 12]);
    let blocks = blocks(&file);
    assert_eq!(blocks.iter().map(|b| b.rows.len()).collect::<Vec<_>>(), [64, 16]);
    let mut names = Vec::new();
    for block in blocks {
        let mut keys = block.keys;
        for row in block.rows {
            let length = number(keys);
            let (key, rest) = keys.split_at(69 + length);
            keys = rest;
            let name = String::from_utf8(key[69..].to_vec()).unwrap();
            let text = format!("bottlenecks/{name}_miniature.txt");
            let photo = fs::read(workspace.path("photos").join(&name)).unwrap();
            let stamp = |path: &str| stamp(&fs::metadata(workspace.path(path)).unwrap());
            assert_eq!(key[4], 3, "hash and text file are known");
            assert_eq!(key[5..21], stamp(&format!("photos/{name}")));
            assert_eq!(key[21..53], Sha256::digest(photo)[..]);
            assert_eq!(key[53..69], stamp(&text));
            let text = fs::read_to_string(workspace.path(&text)).unwrap();
            let values = parse_bottleneck(&text, SIZE).unwrap();
            assert!(row == values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            names.push(name);
        }
        assert!(keys.is_empty());
    }
    names.sort();
    assert_eq!(names, files_under(&workspace.path("photos")));
}

#[test]
fn a_block_without_its_mark_ends_the_file() {
    let workspace = Workspace::with_photos(40);
    let off = ["--bottleneck_text=off"];
    workspace.retrain(&off).expect_code(0);
    let mut file = fs::read(packed(&workspace)).unwrap();
    let second = blocks(&file)[1].at;
    file[second] ^= 1;
    fs::write(packed(&workspace), file).unwrap();
    workspace.retrain(&off).expect_code(0).says("16 bottlenecks computed in");
}

#[test]
fn text_as_old_as_its_photograph_holds() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    fs::remove_file(packed(&workspace)).unwrap();
    for photo in files_under(&workspace.path("photos")) {
        let text = workspace.path(&format!("bottlenecks/{photo}_miniature.txt"));
        let time = fs::metadata(workspace.path("photos").join(photo)).unwrap().modified().unwrap();
        File::options().write(true).open(text).unwrap().set_modified(time).unwrap();
    }
    let outcome = workspace.retrain(&["--bottleneck_check=mtime"]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
}

#[test]
fn a_packed_file_that_another_run_has_is_read_and_left_alone() {
    let workspace = Workspace::with_photos(40);
    let off = ["--bottleneck_text=off"];
    workspace.retrain(&off).expect_code(0);
    let wanted = graph(&workspace);
    let whole = fs::read(packed(&workspace)).unwrap();
    // 80 rows are two blocks, the first of 64: what another run has not finished, yet.
    for (content, computed) in [
        (&whole[..], ""),
        (&whole[..whole.len() - 1], "16 bottlenecks computed"),
        (b"of another model", "80 bottlenecks computed"),
        (b"", "80 bottlenecks computed"),
    ] {
        fs::write(packed(&workspace), content).unwrap();
        let held = File::open(packed(&workspace)).unwrap();
        held.lock().unwrap();
        let outcome = workspace.retrain(&off).expect_code(0).says(IN_USE).says(computed);
        assert_eq!(outcome.stderr.contains(COMPUTED), !computed.is_empty());
        assert!(graph(&workspace) == wanted);
        assert!(fs::read(packed(&workspace)).unwrap() == content, "it was written to");
    }
    // Text files are kept: then nothing is lost.
    fs::write(packed(&workspace), &whole).unwrap();
    let held = File::open(packed(&workspace)).unwrap();
    held.lock().unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains("is in use"));
    assert_eq!(files_under(&workspace.path("bottlenecks")).len(), 80);
    drop(held);
    assert!(!workspace.retrain(&off).expect_code(0).stderr.contains("is in use"));
}

#[test]
fn a_touched_photograph_is_looked_into_once() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let photo = workspace.path("photos/open cluster/o00000.jpg");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes).unwrap();
    let touched = fs::metadata(&photo).unwrap().modified().unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
    // Whether it is looked into again: there it would be another now.
    fs::write(&photo, vec![0; bytes.len()]).unwrap();
    File::options().write(true).open(&photo).unwrap().set_modified(touched).unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
}

#[test]
fn the_hundredth_bottleneck_is_logged_wherever_it_comes_from() {
    let workspace = Workspace::with_photos(50);
    let logged = |outcome: Outcome, from: &str| {
        let lines = outcome.stderr.matches("INFO:tensorflow:100 bottleneck files created.\n");
        assert_eq!(lines.count(), 1, "{from}\n{}", outcome.stderr);
        assert!(!outcome.stderr.contains("more than"), "{from}\n{}", outcome.stderr);
        outcome
    };
    let run = |from: &str| logged(workspace.retrain(&[]).expect_code(0), from);
    run("computed").says("100 bottlenecks computed in");
    assert!(!run("packed").stderr.contains(COMPUTED));
    for photo in files_under(&workspace.path("photos")) {
        let path = workspace.path("photos").join(photo);
        fs::write(&path, fs::read(&path).unwrap()).unwrap();
    }
    assert!(!run("touched").stderr.contains(COMPUTED));
    for class in ["open cluster", "globular cluster"] {
        fs::remove_dir_all(workspace.path("bottlenecks").join(class)).unwrap();
    }
    assert!(!run("packed, without text").stderr.contains(COMPUTED));
    fs::remove_file(packed(&workspace)).unwrap();
    assert!(!run("text").stderr.contains(COMPUTED));
    // What is known by its text alone has no hash, which must not be taken for equal hashes.
    assert!(!run("packed from text").stderr.contains("exact copies"));
}
