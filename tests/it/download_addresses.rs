//! `download_images` makes requests to public addresses only: however an address is spelled, also
//! after a redirect, through a proxy, and when a name resolves to a private one.

use super::download::{NO_PROXIES, by_name, jpeg, photographs, rows};
use super::http::{Reply, Server};
use super::support::{DOWNLOAD_IMAGES, Outcome, Workspace, run_with_env};
use retrain::net::is_public;
use std::net::{IpAddr, ToSocketAddrs};

/// This machine and private networks, however they are spelled.
const PRIVATE_HOSTS: [&str; 33] = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "0.0.0.0",
    "0",
    "localhost",
    "LOCALHOST.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "user:password@127.0.0.1",
    "example.com@127.0.0.1",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
];

/// Runs with private addresses refused.
fn download(workspace: &Workspace, lines: &[String], env: &[(&str, &str)]) -> Outcome {
    workspace.write("list.txt", lines.join("\n"));
    let args = ["--urls=list.txt", "--image_dir=photos", "--class=rose", "--delay=0", "--tries=1"];
    run_with_env(DOWNLOAD_IMAGES, workspace.root(), &args, &[&NO_PROXIES, env].concat())
}

#[test]
fn private_addresses_are_refused_however_they_are_spelled() {
    let server = Server::concurrent(|_, _| Reply::ok(jpeg(1)));
    let workspace = Workspace::new();
    let port = server.port();
    let lines: Vec<String> = PRIVATE_HOSTS
        .iter()
        .enumerate()
        .map(|(i, host)| format!("http://{host}:{port}/{i}.jpg"))
        .collect();
    download(&workspace, &lines, &[])
        .expect_code(1)
        .says(&format!("{:>6}  not a public address\n", lines.len()))
        .says("127.0.0.1 is not a public address; --allow_private allows it");
    assert_eq!(server.lines(), [""; 0]);
    assert_eq!(photographs(&workspace), [""; 0]);
    assert!(rows(&workspace).iter().all(|row| row.reason.contains("is not a public address")));
}

#[test]
fn what_is_neither_http_nor_https_is_refused() {
    let workspace = Workspace::new();
    let lines = [
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "photo.jpg",
        "//example.com/a.jpg",
        "http://",
        "http://exa<mple.com/a.jpg",
        "http://[::bad::]/a.jpg",
        "http://host:99999/a.jpg",
    ];
    download(&workspace, &lines.map(str::to_owned), &[]).expect_code(1);
    let reasons: Vec<String> = rows(&workspace).into_iter().map(|row| row.reason).collect();
    assert_eq!(reasons.len(), lines.len());
    assert!(reasons[0].contains("is a file: address; only http and https"), "{reasons:?}");
    assert!(
        reasons[4].contains("is not an address, such as https://host/photo.jpg"),
        "{reasons:?}"
    );
    assert!(rows(&workspace).iter().all(|row| row.tries == 0));
}

#[test]
fn redirects_to_private_addresses_are_refused_at_each_hop() {
    // A proxy answers for a public host, whose redirects lead here.
    let inside = Server::concurrent(|_, _| Reply::ok(jpeg(1)));
    let port = inside.port();
    let proxy = Server::concurrent(move |request, _| {
        let last = request.target().rsplit('/').next().unwrap();
        match last {
            "direct.jpg" => Reply::redirect(&format!("http://127.0.0.1:{port}/secret.jpg")),
            "proxied.jpg" => Reply::redirect("http://10.0.0.1/secret.jpg"),
            "name.jpg" => Reply::redirect(&format!("http://localhost:{port}/secret.jpg")),
            "hex.jpg" => Reply::redirect(&format!("http://0x7f.1:{port}/secret.jpg")),
            "metadata.jpg" => Reply::redirect("http://169.254.169.254/latest"),
            "twice.jpg" => Reply::redirect("http://other.example/direct.jpg"),
            "good.jpg" => Reply::redirect("http://other.example/photo.jpg"),
            "photo.jpg" => Reply::ok(jpeg(2)),
            _ => Reply::new("404 Not Found", ""),
        }
    });
    let names = ["direct", "proxied", "name", "hex", "metadata", "twice", "good"];
    let lines = names.map(|name| format!("http://photos.example/{name}.jpg"));
    let address = proxy.url("");
    // With and without the proxy for what the redirects lead to.
    for without in ["", "127.0.0.1,localhost"] {
        let workspace = Workspace::new();
        download(&workspace, &lines, &[("http_proxy", &address), ("no_proxy", without)])
            .expect_code(1)
            .says("     6  not a public address\n");
        assert_eq!(photographs(&workspace), ["rose/good.jpg"]);
        assert!(by_name(&workspace)["hex.jpg"].reason.contains("127.0.0.1 is not a public"));
        assert_eq!(inside.lines(), [""; 0]);
    }
    let secret = |line: &String| line.contains("secret") || line.contains("169.254");
    assert!(!proxy.lines().iter().any(secret), "{:?}", proxy.lines());
}

/// Names of this machine, which hosts files differ about. Only resolving one shows its address.
#[test]
fn a_name_that_resolves_to_a_private_address_is_refused() {
    let here = gethostname::gethostname().into_string().unwrap();
    let names = [&here, "ip6-localhost", "ip6-loopback", "localhost.localdomain"];
    let address = |name: &str| {
        let addresses = (name, 80).to_socket_addrs().ok()?;
        let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
        let private = !addresses.iter().any(|address| is_public(*address));
        private.then(|| addresses.first().copied()).flatten()
    };
    let known = names.iter().filter_map(|name| Some((*name, address(name)?)));
    let known: Vec<(&str, IpAddr)> = known.collect();
    if known.is_empty() {
        println!("skipped: none of {names:?} resolves to a private address");
    }
    let server = Server::concurrent(|_, _| Reply::ok(jpeg(1)));
    for (name, address) in known {
        let workspace = Workspace::new();
        let line = format!("http://{name}:{}/a.jpg", server.port());
        download(&workspace, &[line], &[])
            .expect_code(1)
            .says(&format!("{address} is not a public address"));
        assert_eq!(server.lines(), [""; 0]);
    }
}

const PUBLIC: [&str; 22] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "3fff:1000::1",
];

const PRIVATE: [&str; 39] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.255.255.255",
    "169.254.0.1",
    "172.16.0.0",
    "172.31.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.0.0",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "3fff::1",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "4000::1",
];

#[test]
fn an_address_is_public_by_the_registries() {
    for address in PUBLIC {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
    for address in PRIVATE {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
}
