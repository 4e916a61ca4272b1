//! Where modules come from: archives, and addresses, with the cache that Python's tensorflow_hub
//! shares.
//!
//! tensorflow_hub 0.12 keeps modules in TFHUB_CACHE_DIR if that is set and not empty, or else in
//! `tfhub_modules` in the directory for temporary files. A module's directory is named by the
//! SHA-1, in hex, of the handle exactly as given; any such directory that is not empty is used.
//! Beside it are `<sha1>.descriptor.txt`, which nothing reads, and during a download `<sha1>.lock`
//! and `<sha1>.<id>.tmp`. The module must be at the top level of the archive: tensorflow_hub does
//! not find it in a subdirectory.

use super::archive::{entry, gzip};
use super::http::{Reply, Server};
use super::small_module::{SmallModule, VariableKind};
use super::support::{
    OUTPUTS, Outcome, RETRAIN, Workspace, ask_peer, files_under, python, run_with_env, strings,
};
use retrain::fsio;
use serde_json::json;
use sha1::{Digest, Sha1};
use std::fs;
use tar::EntryType;

/// A small module's files, by relative path.
fn module_files() -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    SmallModule::new(VariableKind::Resource).write(dir.path());
    let read = |name: &String| fsio::read(&dir.path().join(name)).unwrap();
    files_under(dir.path()).into_iter().map(|name| (name.clone(), read(&name))).collect()
}

/// A small module's archive, with `prefix` before each name and an entry for that directory.
pub(crate) fn module_tgz(prefix: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    if !prefix.is_empty() {
        // Git writes this entry; it is not a file.
        entry(&mut tar, "pax_global_header", EntryType::XGlobalHeader, "", b"13 comment=a\n");
        entry(&mut tar, prefix, EntryType::Directory, "", b"");
    }
    entry(&mut tar, &format!("{prefix}variables/"), EntryType::Directory, "", b"");
    for (name, bytes) in module_files() {
        entry(&mut tar, &format!("{prefix}{name}"), EntryType::Regular, "", &bytes);
    }
    gzip(&tar.into_inner().unwrap())
}

/// Retrains with a module, using `cache` in the workspace as the cache directory.
fn retrain(workspace: &Workspace, module: &str) -> Outcome {
    let module = format!("--tfhub_module={module}");
    let flags =
        ["--image_dir=photos", &module, "--how_many_training_steps=2", "--checkpoint_path=c/head"];
    let cache = workspace.path("cache");
    let env = [("TFHUB_CACHE_DIR", cache.to_str().unwrap()), ("NO_PROXY", "127.0.0.1")];
    run_with_env(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat(), &env)
}

pub(crate) fn sha1(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn an_archive_is_a_module_wherever_in_it_the_module_is() {
    for (name, prefix) in
        [("module.tar.gz", ""), ("module.tgz", "./"), ("inner.tar.gz", "feature_vector/")]
    {
        let workspace = Workspace::with_photos(20);
        let archive = workspace.write(name, module_tgz(prefix));
        // Somebody was killed while unpacking it.
        workspace.write("cache/.retrain-killed.tmp", "");
        workspace.write("cache/.retrain-killed.dir/module/saved_model.pb", "half");
        retrain(&workspace, name).expect_code(0).says("Final test accuracy");
        // The names of bottlenecks contain the handle, as always.
        assert!(
            workspace.path(&format!("bottlenecks/open cluster/o00001.jpg_{name}.txt")).is_file()
        );
        let cached = || -> Vec<String> {
            files_under(&workspace.path("cache"))
                .iter()
                .map(|f| f.split_once('/').unwrap().1.to_owned())
                .collect()
        };
        let module: Vec<String> = module_files().into_iter().map(|f| f.0).collect();
        assert_eq!(cached(), module, "{name}: the whole module and nothing else");
        // The second time, it is found in the cache; once changed, it is unpacked again.
        retrain(&workspace, name).expect_code(0);
        assert_eq!(cached(), module);
        let later = fs::metadata(&archive).unwrap().modified().unwrap()
            + std::time::Duration::from_secs(10);
        fs::File::options().write(true).open(&archive).unwrap().set_modified(later).unwrap();
        retrain(&workspace, name).expect_code(0);
        assert_eq!(cached().len(), 2 * module.len());
    }
}

#[test]
fn what_a_mac_adds_to_an_archive_is_not_unpacked() {
    let workspace = Workspace::with_photos(20);
    let mut tar = tar::Builder::new(Vec::new());
    let more = ["._m", "m/._saved_model.pb", "m/.DS_Store", "__MACOSX/saved_model.pb"];
    more.iter().for_each(|name| entry(&mut tar, name, EntryType::Regular, "", b"x"));
    let files = module_files();
    for (name, bytes) in &files {
        entry(&mut tar, &format!("m/{name}"), EntryType::Regular, "", bytes);
    }
    workspace.write("mac.tgz", gzip(&tar.into_inner().unwrap()));
    retrain(&workspace, "mac.tgz").expect_code(0);
    let cached = files_under(&workspace.path("cache"));
    let cached: Vec<&str> = cached.iter().map(|f| f.split_once('/').unwrap().1).collect();
    assert_eq!(cached, files.iter().map(|f| f.0.as_str()).collect::<Vec<_>>());
}

#[test]
fn an_archive_without_a_module_or_with_two_is_named() {
    let workspace = Workspace::with_photos(2);
    let tgz = |names: &[&str]| {
        let mut tar = tar::Builder::new(Vec::new());
        names.iter().for_each(|name| entry(&mut tar, name, EntryType::Regular, "", b"x"));
        gzip(&tar.into_inner().unwrap())
    };
    workspace.write("none.tgz", tgz(&["readme.txt", "a/b/saved_model.pb"]));
    retrain(&workspace, "none.tgz").expect_code(1).says("none.tgz: holds no saved_model.pb");
    workspace.write("two.tgz", tgz(&["a/saved_model.pb", "b/saved_model.pb"]));
    retrain(&workspace, "two.tgz")
        .expect_code(1)
        .says("two.tgz: holds 2 modules, in a, b; unpack it");
    assert_eq!(files_under(&workspace.path("cache")), Vec::<String>::new());
}

/// Gives every request the same answer.
fn serving(status: &'static str, content: Vec<u8>) -> Server {
    Server::new(move |_, _| Reply::new(status, content.clone()))
}

#[test]
fn an_address_is_fetched_once_and_kept_where_tensorflow_hub_looks() {
    let server = serving("200 OK", module_tgz(""));
    // The hash is that of the handle as given: with a trailing slash it is another module.
    for (path, asked) in [
        ("/google/small/1", "/google/small/1?tf-hub-format=compressed"),
        ("/google/small/1/", "/google/small/1/?tf-hub-format=compressed"),
        ("/small?version=1", "/small?version=1&tf-hub-format=compressed"),
    ] {
        let workspace = Workspace::with_photos(20);
        let url = server.url(path);
        let before = server.lines().len();
        retrain(&workspace, &url).expect_code(0).says("Final test accuracy");
        retrain(&workspace, &url).expect_code(0);
        assert_eq!(server.lines()[before..], [format!("GET {asked} HTTP/1.1")]);

        let hash = sha1(&url);
        let mut wanted = vec![format!("{hash}.descriptor.txt")];
        wanted.extend(module_files().into_iter().map(|(name, _)| format!("{hash}/{name}")));
        wanted.sort();
        assert_eq!(files_under(&workspace.path("cache")), wanted);
        let descriptor =
            fs::read_to_string(workspace.path(&format!("cache/{hash}.descriptor.txt"))).unwrap();
        assert!(
            descriptor.starts_with(&format!("Module: {url}\nDownload Time: 2")),
            "{descriptor}"
        );
    }
}

#[test]
fn tensorflow_hub_finds_what_we_have_brought_and_we_what_it_has() {
    let Some(python) = python("RETRAIN_PEER_TF115") else { return };
    let server = serving("200 OK", module_tgz("./"));
    let workspace = Workspace::with_photos(20);
    let url = |path: &str| server.url(&format!("/{path}"));
    let ask = |url: &str| {
        ask_peer(&python, "resolve.py", &json!({ "handle": url, "cache": workspace.path("cache") }))
    };

    retrain(&workspace, &url("ours/1/")).expect_code(0);
    let answer = ask(&url("ours/1/"));
    assert_eq!(answer["dir"], json!(workspace.path("cache").join(sha1(&url("ours/1/")))));
    assert_eq!(strings(&answer["signatures"]), ["default"]);
    assert_eq!(server.lines().len(), 1, "tensorflow_hub fetched again what we had brought");

    let answer = ask(&url("theirs/1/"));
    let asked = server.lines();
    assert_eq!(asked.len(), 2);
    retrain(&workspace, &url("theirs/1/")).expect_code(0);
    assert_eq!(server.lines(), asked, "we fetched again what tensorflow_hub had brought");
    assert_eq!(asked[1], asked[0].replace("ours", "theirs"), "both ask for the same");
    // Both leave the same files beside the module.
    let beside =
        |handle: &str| [sha1(&url(handle)), format!("{}.descriptor.txt", sha1(&url(handle)))];
    let mut wanted = [beside("ours/1/"), beside("theirs/1/")].concat();
    wanted.sort();
    assert_eq!(strings(&answer["beside"]), wanted);
}

#[test]
fn without_a_cache_directory_the_one_for_temporary_files_is_used() {
    let server = serving("200 OK", module_tgz(""));
    let workspace = Workspace::with_photos(20);
    let module = format!("--tfhub_module={}", server.url("/m"));
    let flags =
        ["--image_dir=photos", &module, "--how_many_training_steps=2", "--checkpoint_path=c/head"];
    fs::create_dir(workspace.path("tmp")).unwrap();
    let tmp = workspace.path("tmp");
    // An empty variable counts as unset, as for tensorflow_hub.
    let env =
        [("TFHUB_CACHE_DIR", ""), ("TMPDIR", tmp.to_str().unwrap()), ("NO_PROXY", "127.0.0.1")];
    run_with_env(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat(), &env).expect_code(0);
    let hash = sha1(&server.url("/m"));
    assert!(workspace.path(&format!("tmp/tfhub_modules/{hash}/saved_model.pb")).is_file());
}

#[test]
fn an_address_that_gives_no_module_is_named_and_leaves_nothing() {
    let server = Server::new(|request, _| match request.target().split('?').next().unwrap() {
        "/page" => Reply::ok("<html>moved</html>"),
        "/typed" => Reply::ok("<html>moved</html>").with("Content-Type", "text/html"),
        "/redirected" => Reply::redirect("/typed"),
        "/broken" => Reply::ok([0x1f, 0x8b, 8, 0]),
        _ => Reply::new("404 Not Found", ""),
    });
    let workspace = Workspace::with_photos(2);
    let moved = "modules are now at https://www.kaggle.com/models: download the module there as a \
                 .tar.gz in the TF1 Hub format, and give that file to --tfhub_module";
    let typed = "a web page was sent instead of the file, from";
    for (path, said, is_moved) in [
        ("/page", "the download is not a complete .tgz archive", true),
        ("/typed", typed, true),
        ("/redirected", typed, true),
        ("/missing", "http status: 404", true),
        ("/broken", "the download is not a complete .tgz archive", false),
    ] {
        let url = server.url(path);
        let dir = workspace.path("cache").join(sha1(&url));
        let outcome = retrain(&workspace, &url)
            .expect_code(1)
            .says(&format!("downloading {url}: {said}"))
            .says(&format!("Without a network: unpack the module into {}", dir.display()));
        assert_eq!(outcome.stderr.contains(moved), is_moved, "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("trying again"), "{}", outcome.stderr);
    }
    assert_eq!(files_under(&workspace.path("cache")), Vec::<String>::new());
    // Other kinds of addresses.
    let gs = retrain(&workspace, "gs://tfhub-modules/m/1.tar.gz").expect_code(2);
    gs.says("gs://tfhub-modules/m/1.tar.gz: only http:// and https:// can be fetched");
    // A download that another program left unfinished.
    let url = server.url("/missing");
    workspace.write(&format!("cache/{}/readme.txt", sha1(&url)), "x");
    retrain(&workspace, &url)
        .expect_code(1)
        .says("holds no saved_model.pb; remove it to have the module fetched again");
}
