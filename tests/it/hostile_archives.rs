//! Broken or malicious archives given as modules: refused by name, leaving nothing behind.

use super::archive::{entry, gzip, tgz};
use super::hostile_modules::assert_refused;
use super::support::{Workspace, files_under};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use tar::EntryType;

/// An entry that claims any size, followed by any number of zeros.
fn claiming(kind: EntryType, size: u64, zeros: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    header.as_gnu_mut().unwrap().name[..14].copy_from_slice(b"saved_model.pb");
    header.set_cksum();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(zeros), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

fn many(kind: EntryType, count: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    (0..count).for_each(|_| entry(&mut tar, "d", kind, "", b""));
    gzip(&tar.into_inner().unwrap())
}

/// A file whose name is so long that tar stores it in an entry of its own.
fn long_name(length: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    tar.append_data(&mut header, "a/".repeat(length / 2), &b"x"[..]).unwrap();
    gzip(&tar.into_inner().unwrap())
}

/// How an archive is made, and how its error message starts.
type ArchiveCase = (&'static str, fn() -> Vec<u8>, &'static str);

const MIB: u64 = 1 << 20;

const ARCHIVES: &[ArchiveCase] = &[
    (
        "a path that leaves the directory",
        || tgz("../evil.txt", EntryType::Regular, "", b"x"),
        "holds '../evil.txt', which is outside the directory",
    ),
    (
        "a path that leaves it later",
        || tgz("variables/../../evil.txt", EntryType::Regular, "", b"x"),
        "holds 'variables/../../evil.txt', which is outside the directory",
    ),
    (
        "an absolute path",
        || tgz("/tmp/evil.txt", EntryType::Regular, "", b"x"),
        "holds '/tmp/evil.txt', which is outside the directory",
    ),
    (
        "a directory that leaves it",
        || tgz("../evil/", EntryType::Directory, "", b""),
        "holds '../evil/', which is outside the directory",
    ),
    (
        "a symbolic link",
        || tgz("saved_model.pb", EntryType::Symlink, "/etc/passwd", b""),
        "holds 'saved_model.pb', which is neither a file nor a directory",
    ),
    (
        "a hard link",
        || tgz("saved_model.pb", EntryType::Link, "/etc/passwd", b""),
        "holds 'saved_model.pb', which is neither a file nor a directory",
    ),
    (
        "a device",
        || tgz("null", EntryType::Char, "", b""),
        "holds 'null', which is neither a file nor a directory",
    ),
    (
        "a disk",
        || tgz("disk", EntryType::Block, "", b""),
        "holds 'disk', which is neither a file nor a directory",
    ),
    (
        "a pipe",
        || tgz("pipe", EntryType::Fifo, "", b""),
        "holds 'pipe', which is neither a file nor a directory",
    ),
    ("a file without a name", || tgz("./", EntryType::Regular, "", b"x"), "holds './', which is "),
    (
        "a file that claims 4 TiB",
        || claiming(EntryType::Regular, 4 << 40, MIB),
        "holds 'saved_model.pb', which is larger than 2 GiB",
    ),
    (
        "a file that claims more than there is",
        || claiming(EntryType::Regular, 1 << 30, MIB),
        "is not a complete .tgz archive (",
    ),
    // 300 MiB of zeros compress to 1.3 MiB.
    ("a bomb", || claiming(EntryType::Regular, 300 * MIB, 301 * MIB), "is refused: its "),
    // A long name is read into memory.
    (
        "a bomb in a name",
        || claiming(EntryType::GNULongName, 300 * MIB, 301 * MIB),
        "is refused: its ",
    ),
    (
        "a crowd",
        || many(EntryType::Directory, 10_001),
        "is refused: it holds more than 10000 files",
    ),
    ("a long name", || long_name(5000), "is refused: it holds a name of 5000 bytes"),
    ("nothing", Vec::new, "is not a complete .tgz archive ("),
    ("a page", || b"<html>404 Not Found</html>".to_vec(), "is not a complete .tgz archive ("),
    (
        "half an archive",
        || {
            let whole = tgz(
                "saved_model.pb",
                EntryType::Regular,
                "",
                include_bytes!("hostile_archives.rs"),
            );
            whole[..whole.len() / 2].to_vec()
        },
        "is not a complete .tgz archive (",
    ),
    (
        "a directory for a graph",
        || tgz("saved_model.pb/x", EntryType::Regular, "", b"x"),
        "holds no saved_model.pb",
    ),
];

#[test]
fn archives_made_to_do_harm_are_refused_and_leave_nothing() {
    let workspace = Workspace::with_photos(3);
    let before = files_under(&workspace.path("photos"));
    for (what, make, message) in ARCHIVES {
        let archive = workspace.write("in/module.tgz", make());
        // The message gives its full path, with links resolved.
        let archive = archive.canonicalize().unwrap();
        assert_refused(
            &workspace,
            what,
            "in/module.tgz",
            &format!("{}: {message}", archive.display()),
        );
        assert_eq!(files_under(&workspace.path("cache")), Vec::<String>::new(), "{what}");
        let here: Vec<_> =
            fs::read_dir(workspace.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(
            here.iter()
                .all(|name| ["photos", "in", "cache", "summaries"].iter().any(|n| name == n)),
            "{what}: {here:?}"
        );
        assert_eq!(files_under(&workspace.path("in")), ["module.tgz"], "{what}");
        assert_eq!(files_under(&workspace.path("photos")), before, "{what}");
    }
    assert!(!Path::new("/tmp/evil.txt").exists());
}
