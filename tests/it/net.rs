//! Downloads, against servers on the loopback.

use super::http::{Reply, Request, Server};
use super::support::{Workspace, files_under};
use retrain::error::Error;
use retrain::net::{self, Fetch, Patience, Proxies, Sum};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// The downloaded content, larger than one buffer.
pub(crate) fn content() -> Vec<u8> {
    (0u32..200_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// At most two attempts, without a pause, ignoring the environment's proxies.
pub(crate) fn fetch(url: &str) -> Fetch<'_> {
    let patience = Patience { attempts: 2, pause: Duration::ZERO, ..Patience::default() };
    Fetch { patience, proxies: Proxies::default(), ..Fetch::new(url, "file.tgz") }
}

/// A directory for a file, and the file's path.
pub(crate) fn place() -> (Workspace, PathBuf) {
    let workspace = Workspace::new();
    let path = workspace.path("file.tgz");
    (workspace, path)
}

/// The message of a download, which must fail.
#[track_caller]
pub(crate) fn message(outcome: retrain::error::Result<()>, url: &str) -> String {
    match outcome {
        Err(Error::Net { url: at, message, .. }) => {
            assert_eq!(at, url);
            message
        }
        other => panic!("{other:?}"),
    }
}

/// The proxies that these variables set.
pub(crate) fn proxies(variables: &[(&str, &str)]) -> Proxies {
    Proxies::from_variables(|name| {
        variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    })
}

/// A server whose first answer breaks off half way; `next` gives the others.
fn breaking(
    validators: &'static [(&'static str, &'static str)],
    next: impl Fn(&Request) -> Reply + Send + 'static,
) -> Server {
    Server::new(move |request, before| {
        if before > 0 {
            return next(request);
        }
        let whole = Reply::ok(content()).cut(100_000);
        validators.iter().fold(whole, |reply, (name, value)| reply.with(name, value))
    })
}

#[test]
fn a_file_arrives_whole_and_alone() {
    let server = Server::new(|_, _| Reply::ok(content()));
    let (workspace, path) = place();
    fetch(&server.url("/a?b=c")).to(&path).unwrap();
    assert!(fs::read(&path).unwrap() == content());
    assert_eq!(files_under(workspace.root()), ["file.tgz"]);
    assert_eq!(server.lines(), ["GET /a?b=c HTTP/1.1"]);
}

#[test]
fn an_interrupted_download_goes_on_if_the_file_is_still_the_same() {
    const MODIFIED: &str = "Tue, 01 Mar 2016 10:00:00 GMT";
    for (validator, name, value) in [
        (&[("ETag", "\"one\"")] as &[_], "ETag", "\"one\""),
        (&[("Last-Modified", MODIFIED)], "Last-Modified", MODIFIED),
        (&[("ETag", "\"one\""), ("Last-Modified", MODIFIED)], "ETag", "\"one\""),
        // A weak ETag proves little.
        (&[("ETag", "W/\"one\""), ("Last-Modified", MODIFIED)], "Last-Modified", MODIFIED),
    ] {
        let server =
            breaking(validator, move |_| Reply::rest(&content(), 100_000).with(name, value));
        let (workspace, path) = place();
        fetch(&server.url("/f")).to(&path).unwrap();
        let asked = &server.requests()[1];
        assert_eq!(asked.header("Range"), Some("bytes=100000-"));
        assert_eq!(asked.header("If-Range"), Some(value));
        assert!(fs::read(&path).unwrap() == content());
        assert_eq!(files_under(workspace.root()), ["file.tgz"]);
    }
}

#[test]
fn a_file_that_has_changed_since_is_fetched_anew() {
    let other = || content().into_iter().rev().collect::<Vec<u8>>();
    let tag = &[("ETag", "\"one\"")];
    // A server that honours If-Range,
    let heeds = breaking(tag, move |_| Reply::ok(other()).with("ETag", "\"two\""));
    // one that knows only Range,
    let ignores = breaking(tag, move |request| match request.header("Range") {
        Some(_) => Reply::rest(&other(), 100_000).with("ETag", "\"two\""),
        None => Reply::ok(other()).with("ETag", "\"two\""),
    });
    // one that sends a different part from the one requested,
    let errs = breaking(tag, move |request| match request.header("Range") {
        Some(_) => Reply::rest(&other(), 50_000),
        None => Reply::ok(other()),
    });
    // and one whose file is now shorter than the part.
    let shorter = breaking(tag, move |request| match request.header("Range") {
        Some(_) => Reply::new("416 Range Not Satisfiable", "").with("Content-Range", "bytes */9"),
        None => Reply::ok(other()),
    });
    for server in [heeds, ignores, errs, shorter] {
        let (workspace, path) = place();
        let url = server.url("/f");
        let patience = Patience { attempts: 3, ..fetch(&url).patience };
        Fetch { patience, ..fetch(&url) }.to(&path).unwrap();
        assert!(server.requests()[1].header("Range").is_some());
        assert!(fs::read(&path).unwrap() == other());
        assert_eq!(files_under(workspace.root()), ["file.tgz"]);
    }
}

#[test]
fn without_a_validator_nothing_is_resumed() {
    for validators in [&[] as &[_], &[("ETag", "W/\"one\"")]] {
        let server = breaking(validators, |_| Reply::ok(content()));
        let (_workspace, path) = place();
        fetch(&server.url("/f")).to(&path).unwrap();
        assert_eq!(server.requests()[1].header("Range"), None);
        assert!(fs::read(&path).unwrap() == content());
    }
}

#[test]
fn a_part_is_kept_for_the_next_run_and_only_for_its_address() {
    let server = Server::new(|request, _| match request.header("Range") {
        Some("bytes=100000-") => Reply::rest(&content(), 100_000).with("ETag", "\"one\""),
        Some(_) => Reply::new("416 Range Not Satisfiable", "")
            .with("Content-Range", "bytes */200000")
            .with("ETag", "\"one\""),
        None => Reply::ok(content()).cut(100_000).with("ETag", "\"one\""),
    });
    let (workspace, path) = place();
    let url = server.url("/f");
    let once = Patience { attempts: 1, ..fetch(&url).patience };
    let cut = message(Fetch { patience: once, ..fetch(&url) }.to(&path), &url);
    assert_eq!(cut, "only 100000 of 200000 bytes arrived: Peer disconnected");
    assert_eq!(files_under(workspace.root()), ["file.tgz.part", "file.tgz.part.source"]);
    // A download from another address starts afresh.
    let other = server.url("/other");
    message(Fetch { patience: once, ..fetch(&other) }.to(&path), &other);
    assert_eq!(server.requests()[1].header("Range"), None);
    fetch(&other).to(&path).unwrap();
    assert!(fs::read(&path).unwrap() == content());
    // A run killed after the last byte leaves a complete part.
    fs::rename(&path, workspace.path("file.tgz.part")).unwrap();
    workspace.write("file.tgz.part.source", format!("{url}\n\"one\""));
    fetch(&url).to(&path).unwrap();
    assert!(fs::read(&path).unwrap() == content());
    assert_eq!(files_under(workspace.root()), ["file.tgz"]);
}

#[test]
fn a_sum_decides() {
    let server = Server::new(|_, _| Reply::ok("hello\n"));
    let url = server.url("/f");
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let blob = "ce013625030ba8dba906f756967f9e9ca394464a";
    for sum in [Sum::Sha256(sha256), Sum::GitBlob(blob)] {
        let (_workspace, path) = place();
        Fetch { sum: Some(sum), ..fetch(&url) }.to(&path).unwrap();
    }
    for (sum, said) in [
        (Sum::Sha256("00"), format!("the sha256 {sha256} instead of 00")),
        (Sum::GitBlob("00"), format!("the git blob id {blob} instead of 00")),
    ] {
        let (workspace, path) = place();
        let before = server.requests().len();
        let message = message(Fetch { sum: Some(sum), ..fetch(&url) }.to(&path), &url);
        assert_eq!(message, format!("the download has {said} and was deleted"));
        assert_eq!(files_under(workspace.root()), Vec::<String>::new());
        assert_eq!(server.requests().len(), before + 1, "it will be the same every time");
    }
}

#[test]
fn redirects_are_followed_and_their_end_is_named() {
    let server = Server::new(|request, _| {
        let path = request.target();
        let place = format!("http://{}", request.header("Host").unwrap());
        match path {
            "/dir/whole" => Reply::redirect(&format!("{place}/dir/root")),
            "/dir/root" => Reply::redirect("/dir/relative"),
            "/dir/relative" => Reply::redirect("file"),
            "/dir/file" => Reply::ok("file"),
            "/moved" => Reply::redirect("/page"),
            "/page" => Reply::ok("<html>").with("Content-Type", "text/html; charset=utf-8"),
            "/gone" => Reply::new("410 Gone", ""),
            "/locked" => Reply::new("403 Forbidden", ""),
            "/empty" => Reply::new("302 Found", ""),
            "/nowhere" => Reply::redirect("http://a b/"),
            _ => Reply::redirect("/round"),
        }
    });
    let (workspace, path) = place();
    fetch(&server.url("/dir/whole")).to(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"file");
    fs::remove_file(&path).unwrap();
    let page = format!("a web page was sent instead of the file, from {}", server.url("/page"));
    for (path_of_url, said, requests) in [
        ("/moved", format!("{page}\nIt is elsewhere."), 2),
        ("/gone", "http status: 410\nIt is elsewhere.".into(), 1),
        ("/locked", "http status: 403".into(), 1),
        ("/empty", "http status: 302".into(), 1),
        ("/round", "more than 10 redirects".into(), 11),
    ] {
        let url = server.url(path_of_url);
        let before = server.requests().len();
        let outcome = Fetch { moved: Some("It is elsewhere."), ..fetch(&url) }.to(&path);
        assert_eq!(message(outcome, &url), said);
        assert_eq!(server.requests().len() - before, requests, "{path_of_url} is not retried");
    }
    let url = server.url("/nowhere");
    let said = message(fetch(&url).to(&path), &url);
    assert!(
        said.starts_with("is redirected to 'http://a b/', which is not a valid address"),
        "{said}"
    );
    assert_eq!(files_under(workspace.root()), Vec::<String>::new());
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let server = Server::new(|_, before| match before {
        0 => Reply::new("503 Service Unavailable", ""),
        _ => Reply::ok(content()),
    });
    let (_workspace, path) = place();
    fetch(&server.url("/f")).to(&path).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn nobody_is_waited_for_without_end() {
    let silent = Server::new(|_, _| Reply::silence());
    let stalling = Server::new(|_, _| Reply::ok(content()).stalled(100));
    let (_workspace, path) = place();
    let nothing = "nothing arrived for 50ms";
    for (server, expected) in [
        (silent, nothing.to_owned()),
        (stalling, format!("only 100 of 200000 bytes arrived: {nothing}")),
    ] {
        let url = server.url("/f");
        let patience = Patience { idle: Duration::from_millis(50), ..fetch(&url).patience };
        let said = message(Fetch { patience, ..fetch(&url) }.to(&path), &url);
        assert_eq!(said, expected);
        assert_eq!(server.requests().len(), 2);
    }
    // A proxy that never answers.
    let proxy = Server::new(|_, _| Reply::silence());
    let proxies = proxies(&[("https_proxy", &proxy.url(""))]);
    let url = "https://models.example/f";
    let connect = Duration::from_millis(50);
    let patience = Patience { connect, ..fetch(url).patience };
    let said = message(Fetch { patience, proxies, ..fetch(url) }.to(&path), url);
    assert_eq!(said, "no connection within 50ms");
}

#[test]
fn progress_is_told() {
    static TOLD: Mutex<Vec<(String, Option<u64>, u64)>> = Mutex::new(Vec::new());
    net::set_progress(|name, total| {
        let name = name.to_owned();
        Box::new(move |done| TOLD.lock().unwrap().push((name.clone(), total, done)))
    });
    let server = breaking(&[("ETag", "\"one\"")], |_| {
        Reply::rest(&content(), 100_000).with("ETag", "\"one\"")
    });
    let (_workspace, path) = place();
    let url = server.url("/f");
    Fetch { name: "progress", ..fetch(&url) }.to(&path).unwrap();
    let told = TOLD.lock().unwrap();
    let told: Vec<_> = told.iter().filter(|told| told.0 == "progress").collect();
    assert!(told.iter().all(|told| told.1 == Some(200_000)), "{told:?}");
    assert!(told.is_sorted_by_key(|told| told.2), "{told:?}");
    assert!(told.iter().any(|told| told.2 == 100_000), "{told:?}");
    assert_eq!(told.last().unwrap().2, 200_000);
}
