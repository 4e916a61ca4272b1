//! Where modules come from: archives, and addresses with the cache that is shared with Python's
//! tensorflow_hub.
//!
//! How tensorflow_hub 0.12 keeps a module: in TFHUB_CACHE_DIR where that is set and not empty, else
//! in `tfhub_modules` of the directory for temporary files; there in a directory named by the SHA-1
//! of the handle exactly as given, in hex; it takes any such directory that is not empty. Beside it
//! lies `<sha1>.descriptor.txt`, which nothing reads, and during a download `<sha1>.lock` and
//! `<sha1>.<id>.tmp`. The module is at the top of the archive: where it is in a directory,
//! tensorflow_hub does not find it.

use super::archive::{entry, gzip};
use super::small_module::{SmallModule, VariableKind};
use super::support::{
    OUTPUTS, Outcome, RETRAIN, Workspace, ask_peer, files_under, python, run_with_env, strings,
};
use retrain::fsio;
use serde_json::json;
use sha1::{Digest, Sha1};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use tar::EntryType;

/// The files of a small module, by their paths in it.
fn module_files() -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    SmallModule::new(VariableKind::Resource).write(dir.path());
    let read = |name: &String| fsio::read(&dir.path().join(name)).unwrap();
    files_under(dir.path()).into_iter().map(|name| (name.clone(), read(&name))).collect()
}

/// A small module's archive, with `prefix` before each name and that directory named, too.
fn module_tgz(prefix: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    if !prefix.is_empty() {
        // As git writes it; no file.
        entry(&mut tar, "pax_global_header", EntryType::XGlobalHeader, "", b"13 comment=a\n");
        entry(&mut tar, prefix, EntryType::Directory, "", b"");
    }
    entry(&mut tar, &format!("{prefix}variables/"), EntryType::Directory, "", b"");
    for (name, bytes) in module_files() {
        entry(&mut tar, &format!("{prefix}{name}"), EntryType::Regular, "", &bytes);
    }
    gzip(&tar.into_inner().unwrap())
}

/// Retrains with a module, `cache` in the workspace being the cache directory.
fn retrain(workspace: &Workspace, module: &str) -> Outcome {
    let module = format!("--tfhub_module={module}");
    let flags =
        ["--image_dir=photos", &module, "--how_many_training_steps=2", "--checkpoint_path=c/head"];
    let cache = workspace.path("cache");
    let env = [("TFHUB_CACHE_DIR", cache.to_str().unwrap()), ("NO_PROXY", "127.0.0.1")];
    run_with_env(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat(), &env)
}

fn sha1(text: &str) -> String {
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
        // Bottlenecks bear the handle, as ever.
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
        // Again, it is found; changed, it is unpacked again.
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

/// Answers every request with the same bytes, and keeps what was asked for.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(status: &'static str, content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                lines.find(String::is_empty);
                kept.lock().unwrap().push(first);
                let header = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    content.len()
                );
                // Whoever has hung up has what it wanted.
                let _ =
                    stream.write_all(header.as_bytes()).and_then(|()| stream.write_all(&content));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

#[test]
fn an_address_is_fetched_once_and_kept_where_tensorflow_hub_looks() {
    let server = Server::new("200 OK", module_tgz(""));
    // The hash is of the handle as given: with its slash it is another module.
    for (path, asked) in [
        ("/google/small/1", "/google/small/1?tf-hub-format=compressed"),
        ("/google/small/1/", "/google/small/1/?tf-hub-format=compressed"),
        ("/small?version=1", "/small?version=1&tf-hub-format=compressed"),
    ] {
        let workspace = Workspace::with_photos(20);
        let url = format!("{}{path}", server.address);
        let before = server.requests().len();
        retrain(&workspace, &url).expect_code(0).says("Final test accuracy");
        retrain(&workspace, &url).expect_code(0);
        assert_eq!(server.requests()[before..], [format!("GET {asked} HTTP/1.1")]);

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
    let server = Server::new("200 OK", module_tgz("./"));
    let workspace = Workspace::with_photos(20);
    let url = |path: &str| format!("{}/{path}", server.address);
    let ask = |url: &str| {
        ask_peer(&python, "resolve.py", &json!({ "handle": url, "cache": workspace.path("cache") }))
    };

    retrain(&workspace, &url("ours/1/")).expect_code(0);
    let answer = ask(&url("ours/1/"));
    assert_eq!(answer["dir"], json!(workspace.path("cache").join(sha1(&url("ours/1/")))));
    assert_eq!(strings(&answer["signatures"]), ["default"]);
    assert_eq!(server.requests().len(), 1, "tensorflow_hub fetched again what we had brought");

    let answer = ask(&url("theirs/1/"));
    let asked = server.requests();
    assert_eq!(asked.len(), 2);
    retrain(&workspace, &url("theirs/1/")).expect_code(0);
    assert_eq!(server.requests(), asked, "we fetched again what tensorflow_hub had brought");
    assert_eq!(asked[1], asked[0].replace("ours", "theirs"), "both ask for the same");
    // Both leave the same beside the module.
    let beside =
        |handle: &str| [sha1(&url(handle)), format!("{}.descriptor.txt", sha1(&url(handle)))];
    let mut wanted = [beside("ours/1/"), beside("theirs/1/")].concat();
    wanted.sort();
    assert_eq!(strings(&answer["beside"]), wanted);
}

#[test]
fn without_a_cache_directory_the_one_for_temporary_files_is_used() {
    let server = Server::new("200 OK", module_tgz(""));
    let workspace = Workspace::with_photos(20);
    let module = format!("--tfhub_module={}/m", server.address);
    let flags =
        ["--image_dir=photos", &module, "--how_many_training_steps=2", "--checkpoint_path=c/head"];
    fs::create_dir(workspace.path("tmp")).unwrap();
    let tmp = workspace.path("tmp");
    // Empty is as good as not set, as it is to tensorflow_hub.
    let env =
        [("TFHUB_CACHE_DIR", ""), ("TMPDIR", tmp.to_str().unwrap()), ("NO_PROXY", "127.0.0.1")];
    run_with_env(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat(), &env).expect_code(0);
    let hash = sha1(&format!("{}/m", server.address));
    assert!(workspace.path(&format!("tmp/tfhub_modules/{hash}/saved_model.pb")).is_file());
}

#[test]
fn an_address_that_gives_no_module_is_named_and_leaves_nothing() {
    let page = Server::new("200 OK", b"<html>moved</html>".to_vec());
    let missing = Server::new("404 Not Found", b"<html>none</html>".to_vec());
    let workspace = Workspace::with_photos(2);
    let url = format!("{}/m/1", page.address);
    let dir = workspace.path("cache").join(sha1(&url));
    let advice = format!("Without a network: unpack the module into {}", dir.display());
    retrain(&workspace, &url)
        .expect_code(1)
        .says(&format!("downloading {url}: what came is not a whole .tgz archive"));
    let url = format!("{}/m/1", missing.address);
    let outcome = retrain(&workspace, &url)
        .expect_code(1)
        .says(&format!("downloading {url}: http status: 404"));
    outcome.says(&advice.replace(&sha1(&format!("{}/m/1", page.address)), &sha1(&url)));
    assert_eq!(files_under(&workspace.path("cache")), Vec::<String>::new());
    // Other kinds of addresses.
    let gs = retrain(&workspace, "gs://tfhub-modules/m/1.tar.gz").expect_code(2);
    gs.says("gs://tfhub-modules/m/1.tar.gz: only http:// and https:// can be fetched");
    // What somebody else left half.
    workspace.write(&format!("cache/{}/readme.txt", sha1(&url)), "x");
    retrain(&workspace, &url)
        .expect_code(1)
        .says("holds no saved_model.pb; remove it to have the module fetched again");
}
