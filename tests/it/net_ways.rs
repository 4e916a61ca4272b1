//! How downloads reach the server: https before http, proxies, and what that means for archives.

use super::archive::{entry, gzip};
use super::http::{Reply, Server, closed_port, socks5};
use super::net::{content, fetch, message, place, proxies};
use super::support::{OUTPUTS, Outcome, RETRAIN, Workspace, files_under, run_with_env, shared};
use retrain::net::Fetch;
use std::fs;
use std::sync::Mutex;
use tar::EntryType;

/// The proxy for an address, as `host:port`.
#[track_caller]
fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
    let proxy = proxies(variables).proxy_for(&url.parse().unwrap()).unwrap()?;
    Some(format!("{}:{}", proxy.host(), proxy.port()))
}

#[test]
fn proxies_are_those_of_the_variables() {
    let (http, https) = ("http://models.example/f", "https://models.example/f");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(chosen(&[], http), None);
    // Each scheme has its own; all_proxy covers the rest.
    let both = [("http_proxy", "http://one:1"), ("all_proxy", "http://rest:3")];
    assert_eq!(chosen(&both, http), some("one:1"));
    assert_eq!(chosen(&both, https), some("rest:3"));
    assert_eq!(chosen(&[("https_proxy", "http://two:2")], https), some("two:2"));
    assert_eq!(chosen(&[("https_proxy", "http://two:2")], http), None);
    // Upper case works too; lower case takes precedence, unless it is empty.
    assert_eq!(chosen(&[("HTTP_PROXY", "http://one:1")], http), some("one:1"));
    assert_eq!(chosen(&[("HTTPS_PROXY", "http://two:2")], https), some("two:2"));
    assert_eq!(chosen(&[("ALL_PROXY", "http://rest:3")], https), some("rest:3"));
    let cases = |lower| [("http_proxy", lower), ("HTTP_PROXY", "http://upper:1")];
    assert_eq!(chosen(&cases("http://lower:1"), http), some("lower:1"));
    assert_eq!(chosen(&cases(""), http), some("upper:1"));
    // The scheme is optional.
    assert_eq!(chosen(&[("http_proxy", "one:1")], http), some("one:1"));
    // An invalid address is named, without its password.
    let bad = proxies(&[("HTTPS_PROXY", "ftp://me:secret@one:1")]);
    let said = bad.proxy_for(&https.parse().unwrap()).unwrap_err();
    assert!(said.contains("HTTPS_PROXY") && !said.contains("secret"), "{said}");
}

#[test]
fn no_proxy_names_hosts_domains_and_ports() {
    for (no_proxy, url, without) in [
        ("models.example", "http://models.example/f", true),
        ("models.example", "http://MODELS.example/f", true),
        ("models.example", "http://eu.models.example/f", true),
        ("models.example", "http://newmodels.example/f", false),
        (".models.example", "http://eu.models.example/f", true),
        ("*.models.example", "http://eu.models.example/f", true),
        ("localhost, models.example", "http://models.example/f", true),
        ("localhost models.example", "http://models.example/f", true),
        ("other.example", "http://models.example/f", false),
        ("*", "http://models.example/f", true),
        ("models.example:80", "http://models.example/f", true),
        ("models.example:443", "http://models.example/f", false),
        ("models.example:443", "https://models.example/f", true),
        ("models.example:8080", "http://models.example:8080/f", true),
        ("127.0.0.1", "http://127.0.0.1:8080/f", true),
        ("::1", "http://[::1]:8080/f", true),
        ("", "http://models.example/f", false),
        (",", "http://models.example/f", false),
    ] {
        for name in ["no_proxy", "NO_PROXY"] {
            let variables = [("all_proxy", "http://rest:3"), (name, no_proxy)];
            assert_eq!(chosen(&variables, url).is_none(), without, "{no_proxy} {url}");
        }
    }
}

#[test]
fn plain_http_goes_through_a_proxy_by_its_whole_address() {
    let proxy = Server::new(|request, _| match request.target() {
        "http://models.example:8080/dir/f?a=b" => Reply::redirect("g"),
        "http://models.example:8080/dir/g" => Reply::ok(content()),
        other => panic!("{other}"),
    });
    let url = "http://models.example:8080/dir/f?a=b";
    let address = proxy.url("").replace("http://", "http://me%40here:pass@");
    let (_workspace, path) = place();
    let proxies = proxies(&[("http_proxy", &address)]);
    Fetch { proxies, ..fetch(url) }.to(&path).unwrap();
    assert!(fs::read(&path).unwrap() == content());
    for request in proxy.requests() {
        assert_eq!(request.header("Host"), Some("models.example:8080"));
        // `me@here:pass`
        assert_eq!(request.header("Proxy-Authorization"), Some("Basic bWVAaGVyZTpwYXNz"));
    }
}

#[test]
fn https_is_tried_first_and_through_a_tunnel() {
    let proxy = Server::new(|request, _| match request.method() {
        "CONNECT" => Reply::new("502 Bad Gateway", ""),
        _ => Reply::ok(content()),
    });
    let (workspace, path) = place();
    let proxies = proxies(&[("all_proxy", &proxy.url(""))]);
    let url = "http://models.example/f";
    Fetch { proxies: proxies.clone(), ..fetch(url) }.to(&path).unwrap();
    let tunnel = "CONNECT models.example:443 HTTP/1.1";
    assert_eq!(proxy.lines(), [tunnel, "GET http://models.example/f HTTP/1.1"]);
    assert!(fs::read(&path).unwrap() == content());
    fs::remove_file(&path).unwrap();
    // An https address is never fetched over http.
    let url = "https://models.example/f";
    let said = message(Fetch { proxies, ..fetch(url) }.to(&path), url);
    assert!(said.contains("502"), "{said}");
    assert_eq!(proxy.lines()[2..], [tunnel, tunnel]);
    assert!(files_under(workspace.root()).iter().all(|file| file.starts_with("photos/")));
}

#[test]
fn where_neither_answers_both_reasons_are_told() {
    let tunnels = Server::new(|_, _| Reply::new("502 Bad Gateway", ""));
    let (_workspace, path) = place();
    let closed = format!("http://127.0.0.1:{}", closed_port());
    let url = "http://models.example/f";
    let two = proxies(&[("https_proxy", &tunnels.url("")), ("http_proxy", &closed)]);
    let said = message(Fetch { proxies: two, ..fetch(url) }.to(&path), url);
    assert!(said.starts_with("over https: ") && said.contains("502"), "{said}");
    assert!(said.contains("; over http: ") && said.contains("refused"), "{said}");
    let one = proxies(&[("all_proxy", &closed)]);
    let said = message(Fetch { proxies: one, ..fetch(url) }.to(&path), url);
    assert!(!said.contains("over http"), "the same reason twice: {said}");
}

#[test]
fn a_socks_proxy_is_asked_for_the_host() {
    static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let proxy = Server::after_handshake(
        |stream| ASKED.lock().unwrap().push(socks5(stream)),
        |_, _| Reply::ok(content()),
    );
    let (_workspace, path) = place();
    let address = proxy.url("").replace("http://", "socks5h://");
    let proxies = proxies(&[("all_proxy", &address)]);
    Fetch { proxies, ..fetch("http://models.example:8080/f") }.to(&path).unwrap();
    assert!(fs::read(&path).unwrap() == content());
    assert_eq!(*ASKED.lock().unwrap(), ["models.example"]);
    assert_eq!(proxy.lines(), ["GET /f HTTP/1.1"]);
}

/// Retrains, behind a proxy, with an architecture whose archive is missing.
fn retrain(workspace: &Workspace, architecture: &str, proxy: &Server) -> Outcome {
    // Photographs are listed before a model is fetched.
    workspace.write("photos/a/0.jpg", "never decoded");
    workspace.write("photos/b/0.jpg", "never decoded");
    let architecture = format!("--architecture={architecture}");
    let args = ["--image_dir=photos", &architecture, "--model_dir=models"];
    let address = proxy.url("");
    let variables = ["http_proxy", "https_proxy", "all_proxy"];
    // The upper-case variables point nowhere: lower case takes precedence.
    let env = variables.map(|name| (name, address.as_str()));
    run_with_env(RETRAIN, workspace.root(), &[&args, &OUTPUTS[..]].concat(), &env)
}

#[test]
fn a_file_that_came_by_http_is_warned_of_where_no_sum_is_known() {
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "readme.txt", EntryType::Regular, "", b"x");
    let archive = gzip(&tar.into_inner().unwrap());
    let proxy = Server::new(move |request, _| match request.method() {
        "CONNECT" => Reply::new("502 Bad Gateway", ""),
        _ => Reply::ok(archive.clone()),
    });
    let workspace = Workspace::new();
    let name = "mobilenet_v1_1.0_160_frozen.tgz";
    let outcome = retrain(&workspace, "mobilenet_1.0_160", &proxy).expect_code(1);
    let outcome = outcome
        .says(&format!("INFO:tensorflow:>> Downloading {name} (0.0 MB)"))
        .says(&format!("WARNING:tensorflow:{name} came over plain http (https is refused: "))
        .says("its sum is not known: the file could not be verified");
    assert!(!outcome.stderr.contains("trying again"), "{}", outcome.stderr);
    assert_eq!(
        proxy.lines(),
        [
            "CONNECT download.tensorflow.org:443 HTTP/1.1".to_owned(),
            format!("GET http://download.tensorflow.org/models/{name} HTTP/1.1")
        ]
    );
}

#[test]
fn archives_with_a_known_sum_are_held_to_it() {
    let proxy = Server::new(|request, _| match request.method() {
        "CONNECT" => Reply::new("502 Bad Gateway", ""),
        _ => Reply::ok("forged"),
    });
    for (architecture, expected) in [
        ("inception_v3", "f6b539e07358fc4622efdd40cdb5577672c46cd416bbfccf9d4d2438f9b93a1c"),
        ("mobilenet_1.0_224", "16561d828360a3f8f1c2dbfee1ab687eb011610c"),
    ] {
        let workspace = Workspace::new();
        let outcome = retrain(&workspace, architecture, &proxy).expect_code(1);
        outcome.says(&format!("instead of {expected} and was deleted")).says("put that file");
        assert!(files_under(workspace.root()).iter().all(|file| file.starts_with("photos/")));
    }
}

#[test]
fn the_original_archives_have_the_known_sums() {
    for name in ["mobilenet_v1_0.25_128", "mobilenet_v1_0.25_224"] {
        let file = format!("{name}_frozen.tgz");
        let Some(original) = shared(&format!("models/{file}")) else { return };
        let original = fs::read(original).unwrap();
        let proxy = Server::new(move |request, _| match request.method() {
            "CONNECT" => Reply::new("502 Bad Gateway", ""),
            _ => Reply::ok(original.clone()),
        });
        let workspace = Workspace::new();
        let architecture = name.replace("_v1", "");
        let outcome = retrain(&workspace, &architecture, &proxy);
        outcome
            .says(&format!("INFO:tensorflow:{file} came over plain http"))
            .says("its sha256 is right");
        assert!(workspace.path(&format!("models/{name}/frozen_graph.pb")).is_file());
    }
}
