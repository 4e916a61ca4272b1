//! Model archives are unpacked without trusting anything in them.

use super::support::{OUTPUTS, Outcome, RETRAIN, Workspace, files_under, run};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use tar::{EntryType, Header};

const ARCHIVE: &str = "mobilenet_v1_0.25_128_frozen.tgz";
const GRAPH: &str = "mobilenet_v1_0.25_128/frozen_graph.pb";

/// One entry with its name exactly as given. The tar crate would refuse to write the interesting
/// ones.
pub(crate) fn entry(
    tar: &mut tar::Builder<Vec<u8>>,
    name: &str,
    kind: EntryType,
    link: &str,
    content: &[u8],
) {
    let mut header = Header::new_old();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A .tgz with a single entry.
pub(crate) fn tgz(name: &str, kind: EntryType, link: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, name, kind, link, content);
    gzip(&tar.into_inner().unwrap())
}

/// Retrains in `workspace` with the contents of model_dir `in/models`.
fn retrain(workspace: &Workspace) -> Outcome {
    // Photographs are listed before a model is fetched.
    if !workspace.path("photos").exists() {
        workspace.write("photos/a/0.jpg", "never decoded");
        workspace.write("photos/b/0.jpg", "never decoded");
    }
    let args = ["--image_dir=photos", "--architecture=mobilenet_0.25_128", "--model_dir=in/models"];
    run(
        RETRAIN,
        workspace.root(),
        &[&args, &OUTPUTS[..], &["--how_many_training_steps=2"]].concat(),
    )
}

/// All files except the photographs.
fn left_in(workspace: &Workspace) -> Vec<String> {
    let files = files_under(workspace.root()).into_iter();
    files.filter(|file| !file.starts_with("photos/")).collect()
}

/// Installs the archive and runs. The archive must be refused with a message that names it and
/// `what`, and no new files may remain, not even temporary ones.
fn assert_refused(archive: &[u8], what: &str) {
    let workspace = Workspace::new();
    workspace.write(&format!("in/models/{ARCHIVE}"), archive);
    let outcome = retrain(&workspace).expect_code(1).says(&format!("in/models/{ARCHIVE}"));
    assert!(outcome.stderr.contains(what), "'{what}' is not in\n{}", outcome.stderr);
    assert_eq!(left_in(&workspace), [format!("in/models/{ARCHIVE}")]);
}

#[test]
fn a_path_that_leaves_the_directory_is_refused() {
    for name in ["../evil.txt", "mobilenet_v1_0.25_128/../../evil.txt", "a/../evil.txt"] {
        assert_refused(&tgz(name, EntryType::Regular, "", b"x"), &format!("'{name}'"));
    }
}

#[test]
fn an_absolute_path_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    let evil = outside.path().join("evil.txt");
    let evil = evil.to_str().unwrap();
    assert_refused(&tgz(evil, EntryType::Regular, "", b"x"), evil);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn links_and_devices_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo] {
        assert_refused(&tgz("link", kind, "/etc/passwd", b""), "'link'");
    }
    // A link first, then a file whose path goes through it.
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "door", EntryType::Symlink, "..", b"");
    entry(&mut tar, "door/evil.txt", EntryType::Regular, "", b"x");
    assert_refused(&gzip(&tar.into_inner().unwrap()), "'door'");
}

#[test]
fn a_broken_archive_is_refused_with_advice() {
    // Incompressible content, so that the cut falls in the middle of it.
    let noise: Vec<u8> =
        (0u32..200_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let whole = tgz(GRAPH, EntryType::Regular, "", &noise);
    assert_refused(&whole[..whole.len() / 2], "remove it to have it downloaded again");
    assert_refused(b"<html>404 Not Found</html>", "remove it to have it downloaded again");
    assert_refused(b"", "remove it to have it downloaded again");
}

#[test]
fn a_graph_that_is_none_is_named() {
    let workspace = Workspace::new();
    workspace
        .write(&format!("in/models/{ARCHIVE}"), tgz(GRAPH, EntryType::Regular, "", b"not a graph"));
    retrain(&workspace).expect_code(1).says(GRAPH);
}

#[test]
fn an_archive_without_the_graph_says_so() {
    let workspace = Workspace::new();
    workspace
        .write(&format!("in/models/{ARCHIVE}"), tgz("readme.txt", EntryType::Regular, "", b"x"));
    retrain(&workspace).expect_code(1).says(ARCHIVE).says(GRAPH);
}

#[test]
fn a_good_archive_is_unpacked_once_and_again_when_it_is_newer() {
    let workspace = Workspace::with_photos(20);
    let graph = workspace.path("miniature.pb");
    retrain::model::write_miniature(&graph).unwrap();
    let graph = fs::read(&graph).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "./mobilenet_v1_0.25_128/", EntryType::Directory, "", b"");
    entry(&mut tar, &format!("./{GRAPH}"), EntryType::Regular, "", &graph);
    let archive =
        workspace.write(&format!("in/models/{ARCHIVE}"), gzip(&tar.into_inner().unwrap()));
    retrain(&workspace).expect_code(0);
    let unpacked = workspace.path(&format!("in/models/{GRAPH}"));
    assert!(fs::read(&unpacked).unwrap() == graph);
    let made = || fs::metadata(&unpacked).unwrap().modified().unwrap();
    let first = made();
    retrain(&workspace).expect_code(0);
    assert_eq!(made(), first, "unpacked again without need");
    let later = first + std::time::Duration::from_secs(10);
    fs::File::options().write(true).open(&archive).unwrap().set_modified(later).unwrap();
    retrain(&workspace).expect_code(0);
    assert!(made() != first, "a newer archive was not unpacked");
    // The graph alone is enough, too.
    fs::remove_file(&archive).unwrap();
    retrain(&workspace).expect_code(0);
}

#[test]
fn without_network_the_message_says_which_file_to_put_where() {
    let workspace = Workspace::new();
    // `run` sets a proxy that refuses every connection.
    let outcome = retrain(&workspace).expect_code(1);
    outcome
        .says(&format!("models/{ARCHIVE}"))
        .says("put that file at in/models/mobilenet_v1_0.25_128_frozen.tgz");
    assert_eq!(left_in(&workspace), Vec::<String>::new());
}
