//! The names of files that desktops leave behind. How the program treats them is tested elsewhere:
//! in the lists of images, the directory of summaries, and labelling.

use super::support::Workspace;
use retrain::fsio::{is_desktop_file, is_disposable};
use std::ffi::OsStr;
use std::fs;

#[test]
fn names_are_known_in_any_case() {
    for name in [
        ".DS_Store",
        "Thumbs.db",
        "thumbs.db",
        "desktop.ini",
        "Desktop.ini",
        "._photo.jpg",
        "._.DS_Store",
        "__MACOSX",
        "@eaDir",
        "Icon\r",
        "$RECYCLE.BIN",
        "System Volume Information",
    ] {
        assert!(is_desktop_file(OsStr::new(name)), "{name}");
    }
    for name in ["", ".", ".hidden", "_", ".photo.jpg", "Icon", "Thumbs.db.jpg", "a._b", "MACOSX"] {
        assert!(!is_desktop_file(OsStr::new(name)), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn names_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    assert!(is_desktop_file(OsStr::from_bytes(b"._\xff.jpg")));
    assert!(!is_desktop_file(OsStr::from_bytes(b"\xff.jpg")));
}

#[test]
fn only_what_nobody_misses_is_disposable() {
    let workspace = Workspace::new();
    let kind = |name: &str| fs::metadata(workspace.path(name)).unwrap().file_type();
    fs::create_dir(workspace.path("dir")).unwrap();
    workspace.write("file", "");
    let disposable =
        |name: &str| ["file", "dir"].map(|of| is_disposable(OsStr::new(name), kind(of)));
    assert_eq!(disposable(".DS_Store"), [true, false]);
    assert_eq!(disposable("._x"), [true, false]);
    assert_eq!(disposable("__MACOSX"), [false, true]);
    assert_eq!(disposable(".Trashes"), [false, false]);
    assert_eq!(disposable("x"), [false, false]);
}
