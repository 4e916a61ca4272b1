//! `download_images` against a server that misbehaves: what is photographs arrives, everything else
//! is named, and nothing waits for ever.

use super::http::{Reply, Request, Server};
use super::support::{DOWNLOAD_IMAGES, Outcome, Workspace, command, files_under, run_with_env};
use retrain::download::{Row, Status};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Variables without which requests go through no proxy.
pub(crate) const NO_PROXIES: [(&str, &str); 6] = [
    ("http_proxy", ""),
    ("https_proxy", ""),
    ("all_proxy", ""),
    ("HTTP_PROXY", ""),
    ("HTTPS_PROXY", ""),
    ("ALL_PROXY", ""),
];

/// Downloads `list.txt` into `photos` without pauses, with loopback allowed.
const DEFAULTS: [&str; 6] = [
    "--urls=list.txt",
    "--image_dir=photos",
    "--allow_private",
    "--delay=0",
    "--retry_pause=0.01",
    "--per_host=8",
];

/// A photograph, different for each number.
pub(crate) fn photo(number: u8, format: image::ImageFormat) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(24, 16, |x, y| {
        image::Rgb([number, (x * 10) as u8, (y * 15) as u8 ^ number])
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(number: u8) -> Vec<u8> {
    photo(number, image::ImageFormat::Jpeg)
}

pub(crate) fn download(workspace: &Workspace, args: &[&str]) -> Outcome {
    run_with_env(DOWNLOAD_IMAGES, workspace.root(), &[&DEFAULTS, args].concat(), &NO_PROXIES)
}

pub(crate) fn download_command(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = command(DOWNLOAD_IMAGES, workspace.root(), &[&DEFAULTS, args].concat());
    command.envs(NO_PROXIES);
    command
}

/// The report's rows.
pub(crate) fn rows(workspace: &Workspace) -> Vec<Row> {
    let path = workspace.path("photos/download_report.csv");
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

/// The report's rows by the last part of their addresses.
pub(crate) fn by_name(workspace: &Workspace) -> BTreeMap<String, Row> {
    let name = |row: &Row| row.url.rsplit('/').next().unwrap().to_owned();
    rows(workspace).into_iter().map(|row| (name(&row), row)).collect()
}

/// The photographs by relative path, without the report.
pub(crate) fn photographs(workspace: &Workspace) -> Vec<String> {
    let mut files = files_under(&workspace.path("photos"));
    files.retain(|file| file != "download_report.csv");
    files
}

fn list(server: &Server, paths: &[&str]) -> String {
    paths.iter().map(|path| format!("{}\n", server.url(path))).collect()
}

/// A PNG whose header promises more pixels than are allowed.
fn huge() -> Vec<u8> {
    let mut png = photo(1, image::ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    png
}

/// What a misbehaving server answers.
fn misbehave(request: &Request, before: usize) -> Reply {
    const PAGE: &str = "\n<!DOCTYPE HTML><title>Sign in</title>";
    let whole = jpeg(7);
    match request.target() {
        "/page.jpg" => Reply::ok(PAGE).with("Content-Type", "image/jpeg"),
        "/text.jpg" => Reply::ok("Gone.").with("Content-Type", "text/plain"),
        "/pdf.jpg" => Reply::ok("%PDF-1.7 and so on"),
        "/empty.jpg" => Reply::ok(""),
        "/missing.jpg" => Reply::new("404 Not Found", jpeg(1)),
        "/forbidden.jpg" => Reply::new("403 Forbidden", PAGE),
        "/broken.jpg" => Reply::new("500 Internal Server Error", ""),
        "/short.jpg" => Reply::ok(whole).cut(100),
        "/cut.jpg" => Reply::until_closed(&whole[..whole.len() - 2]),
        "/less.jpg" => {
            let length = (whole.len() - 9).to_string();
            Reply::until_closed(whole).with("Content-Length", &length)
        }
        "/endless.jpg" => Reply::endless(whole),
        "/large.jpg" => Reply::until_closed(whole).with("Content-Length", "1000000000"),
        "/huge.png" => Reply::ok(huge()),
        "/header.jpg" => Reply::ok(b"\xff\xd8\xff\xe0\xff\xff no more"),
        "/stalled.jpg" => Reply::ok(whole).stalled(50),
        "/silent.jpg" => Reply::silence(),
        "/dripping.jpg" => Reply::dripping(whole, Duration::from_millis(20)),
        "/bomb.jpg" => Reply::ok(vec![0; 1000]).with("Content-Encoding", "gzip"),
        "/loop.jpg" => Reply::redirect("/loop.jpg"),
        "/file.jpg" => Reply::redirect("file:///etc/passwd"),
        "/ftp.jpg" => Reply::redirect("ftp://127.0.0.1/photo.jpg"),
        "/nowhere.jpg" => Reply::redirect("http://[::bad/"),
        target => panic!("{target} was asked for as number {before}"),
    }
}

/// Each address, how it fails, and how often it is tried of two times.
const FAILURES: [(&str, &str, u32); 22] = [
    ("page.jpg", "a web page was sent instead of a photograph", 1),
    ("text.jpg", "is not a JPEG", 1),
    ("pdf.jpg", "is PDF, not", 1),
    ("empty.jpg", "nothing was sent", 2),
    ("missing.jpg", "http status 404", 1),
    ("forbidden.jpg", "http status 403", 1),
    ("broken.jpg", "http status 500", 2),
    ("short.jpg", "only 100 of ", 2),
    ("cut.jpg", "is a JPEG without its end", 2),
    ("less.jpg", "is a JPEG without its end", 2),
    ("endless.jpg", "has more than 100000 bytes (`max_bytes`)", 1),
    ("large.jpg", "has more than 100000 bytes (`max_bytes`)", 1),
    ("huge.png", "100000 × 100000 pixels", 1),
    ("header.jpg", "begins like a JPEG, but has no readable header", 1),
    ("stalled.jpg", "nothing arrived for 1s (`stall_timeout`)", 2),
    ("silent.jpg", "nothing arrived for 1s (`stall_timeout`)", 2),
    ("dripping.jpg", "bytes a second, fewer than 1000 (`min_rate`)", 2),
    ("bomb.jpg", "was sent compressed (gzip)", 1),
    ("loop.jpg", "more than 10 redirects", 1),
    ("file.jpg", "redirected to file:, but only http and https", 1),
    ("ftp.jpg", "redirected to ftp:, but only http and https", 1),
    ("nowhere.jpg", "which is no address", 1),
];

#[test]
fn what_is_no_photograph_is_named_and_leaves_nothing() {
    let server = Server::concurrent(misbehave);
    let workspace = Workspace::new();
    let paths: Vec<String> = FAILURES.iter().map(|(name, ..)| format!("/{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    workspace.write("list.txt", list(&server, &paths));
    let args = ["--class=rose", "--tries=2", "--stall_timeout=1", "--max_bytes=100000"];
    let began = Instant::now();
    let outcome = download(&workspace, &[&args[..], &["--parallel=22", "--per_host=22"]].concat());
    assert!(began.elapsed() < Duration::from_secs(30));
    let outcome = outcome.expect_code(1).says("0 photographs downloaded (0.0 MB), 22 failed");
    let rows = by_name(&workspace);
    for (name, reason, tries) in FAILURES {
        let row = &rows[name];
        assert_eq!((row.status, row.file.as_str()), (Status::Failed, ""), "{row:?}");
        assert!(row.reason.contains(reason), "{row:?}");
        assert_eq!(row.tries, tries, "{row:?}");
    }
    // The log counts the reasons.
    let outcome = outcome.says("     3  cut off\n").says("     1  http status 404\n");
    // It names the first twenty, and flags as flags.
    assert!(outcome.stderr.contains("more failures: the report has them"), "{}", outcome.stderr);
    assert_eq!(photographs(&workspace), [""; 0]);
}

#[test]
fn no_photograph_takes_longer_than_allowed() {
    let drip = || Reply::dripping(jpeg(7), Duration::from_millis(20));
    let server = Server::concurrent(move |_, _| drip());
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, &["/a.jpg"]));
    download(&workspace, &["--class=rose", "--min_rate=0", "--timeout=1", "--tries=1"])
        .expect_code(1)
        .says("a.jpg: not complete after 1s (--timeout)\n");
}

#[test]
fn photographs_arrive_under_the_ending_of_their_content() {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png};
    let server = Server::concurrent(|request, _| match request.target() {
        "/a.jpg" => Reply::ok(photo(1, Jpeg)).with("Content-Type", "text/html"),
        "/b.jpg" => Reply::ok(photo(2, Png)),
        "/c.php" => Reply::until_closed(photo(3, Gif)),
        _ => Reply::ok(photo(4, Bmp)),
    });
    let workspace = Workspace::new();
    let first_four = ["/a.jpg", "/b.jpg", "/c.php", "/d"];
    workspace.write("list.txt", list(&server, &first_four));
    download(&workspace, &["--class=rose"]).expect_code(0).says("4 photographs downloaded");
    let names = ["rose/a.jpg", "rose/b.png", "rose/c.php.gif", "rose/d.bmp"];
    assert_eq!(photographs(&workspace), names);
    for (number, format) in [(1, Jpeg), (2, Png), (3, Gif), (4, Bmp)] {
        let content = fs::read(workspace.path("photos").join(names[number - 1])).unwrap();
        assert!(content == photo(number as u8, format));
        let row = &rows(&workspace).into_iter().find(|r| r.file == names[number - 1]).unwrap();
        assert_eq!((row.status, row.tries, row.reason.as_str()), (Status::Ok, 1, ""));
        assert_eq!(row.bytes, Some(content.len() as u64));
        assert_eq!((row.width, row.height), (Some(24), Some(16)));
    }
    for request in server.requests() {
        let agent = request.header("User-Agent").unwrap();
        assert!(agent.starts_with("retrain-download_images/"), "{agent}");
        assert_eq!(request.header("Accept-Encoding"), Some("identity"));
    }
}

#[test]
fn redirects_are_followed_from_where_they_stand() {
    let moved = Server::concurrent(|request, _| match request.target() {
        "/x/moved.jpg" => Reply::redirect("there/e.jpg?big#top"),
        "/x/there/e.jpg?big" => Reply::ok(jpeg(5)),
        _ => Reply::new("404 Not Found", ""),
    });
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&moved, &["/x/moved.jpg"]));
    download(&workspace, &["--class=tulip", "--user_agent=mine/1"]).expect_code(0);
    assert_eq!(photographs(&workspace), ["tulip/moved.jpg"]);
    assert_eq!(moved.requests()[0].header("User-Agent"), Some("mine/1"));
}

#[test]
fn a_server_that_recovers_is_asked_again() {
    let failures =
        ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"];
    for failure in failures {
        let server = Server::concurrent(move |_, before| match before {
            0 | 1 => Reply::new(failure, ""),
            _ => Reply::ok(jpeg(1)),
        });
        let workspace = Workspace::new();
        workspace.write("list.txt", list(&server, &["/a.jpg"]));
        download(&workspace, &["--class=rose"]).expect_code(0);
        assert_eq!(rows(&workspace)[0].tries, 3);
    }
}

#[test]
fn a_host_that_asks_for_a_pause_gets_it() {
    let in_two_seconds = || {
        let then = chrono::Utc::now() + chrono::Duration::seconds(2);
        then.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    for date in [false, true] {
        let times = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&times);
        let server = Server::concurrent(move |_, before| {
            kept.lock().unwrap().push(Instant::now());
            let asked = if date { in_two_seconds() } else { "1".into() };
            match before {
                0 => Reply::new("429 Too Many Requests", "").with("Retry-After", &asked),
                _ => Reply::ok(jpeg(before as u8)),
            }
        });
        let workspace = Workspace::new();
        workspace.write("list.txt", list(&server, &["/a.jpg", "/b.jpg"]));
        download(&workspace, &["--class=rose", "--per_host=1"]).expect_code(0);
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 3);
        // The date has whole seconds: of its two, at least one is left.
        assert!(times[1] - times[0] >= Duration::from_millis(950), "{times:?}");
    }
}

#[test]
fn a_host_that_wants_to_be_left_alone_is() {
    let server = Server::concurrent(|_, _| {
        Reply::new("503 Service Unavailable", "").with("Retry-After", "86400")
    });
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, &["/a.jpg", "/b.jpg", "/c.jpg"]));
    download(&workspace, &["--class=rose", "--per_host=1"]).expect_code(1);
    assert_eq!(server.lines().len(), 1);
    let rows = by_name(&workspace);
    assert!(rows["c.jpg"].reason.contains("left alone for 86400 s"), "{rows:?}");
    assert_eq!((rows["a.jpg"].tries, rows["c.jpg"].tries), (1, 0));
}

#[test]
fn a_host_that_is_down_is_given_up() {
    let workspace = Workspace::new();
    let port = super::http::closed_port();
    let lines = (0..20).map(|i| format!("http://127.0.0.1:{port}/{i}.jpg\n"));
    workspace.write("list.txt", lines.collect::<String>());
    download(&workspace, &["--class=rose", "--tries=2", "--per_host=1"])
        .expect_code(1)
        .says("    20  no connection\n");
    let tried: Vec<u32> = rows(&workspace).iter().map(|row| row.tries).collect();
    assert_eq!(tried.iter().filter(|&&tries| tries == 2).count(), 3, "{tried:?}");
    assert!(tried.iter().sum::<u32>() <= 20 + 3, "{tried:?}");
}

#[test]
fn a_host_is_asked_by_no_more_at_a_time_than_allowed() {
    /// How many requests are being answered, and the most that ever were.
    #[derive(Default)]
    struct Seen {
        now: Mutex<(usize, usize)>,
        changed: Condvar,
    }
    for (limit, parallel) in [(1, 8), (3, 8), (8, 2)] {
        let most = std::cmp::min(limit, parallel);
        let seen = Arc::new(Seen::default());
        let kept = Arc::clone(&seen);
        let number = AtomicUsize::new(0);
        let server = Server::concurrent(move |_, _| {
            let mut now = kept.now.lock().unwrap();
            now.0 += 1;
            now.1 = now.1.max(now.0);
            kept.changed.notify_all();
            // One more than allowed would come meanwhile.
            let wait = Duration::from_millis(150);
            let more = |now: &mut (usize, usize)| now.1 <= most;
            now = kept.changed.wait_timeout_while(now, wait, more).unwrap().0;
            now.0 -= 1;
            Reply::ok(jpeg(number.fetch_add(1, Ordering::Relaxed) as u8))
        });
        let workspace = Workspace::new();
        let paths: Vec<String> = (0..12).map(|i| format!("/{i}.jpg")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        workspace.write("list.txt", list(&server, &paths));
        let limits = [format!("--per_host={limit}"), format!("--parallel={parallel}")];
        download(&workspace, &["--class=rose", &limits[0], &limits[1]]).expect_code(0);
        assert_eq!(photographs(&workspace).len(), 12);
        assert_eq!(seen.now.lock().unwrap().1, most, "{limit} of {parallel}");
    }
}

#[test]
fn requests_to_a_host_keep_their_distance() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&times);
    let server = Server::concurrent(move |_, before| {
        kept.lock().unwrap().push(Instant::now());
        Reply::ok(jpeg(before as u8))
    });
    let workspace = Workspace::new();
    workspace.write("list.txt", list(&server, &["/a.jpg", "/b.jpg", "/c.jpg", "/d.jpg"]));
    let began = Instant::now();
    download(&workspace, &["--class=rose", "--delay=0.2"]).expect_code(0);
    assert!(began.elapsed() >= Duration::from_millis(600));
}

#[test]
fn the_same_content_is_stored_once() {
    let server = Server::concurrent(|request, _| match request.target() {
        "/other.jpg" => Reply::ok(jpeg(2)),
        _ => Reply::ok(jpeg(1)),
    });
    let workspace = Workspace::new();
    let urls = ["/a.jpg", "/b.jpg", "/other.jpg", "/a.jpg"].map(|path| server.url(path));
    let lines = urls.map(|url| format!("{url}\trose\n")).concat();
    let lines = lines + &format!("{}\ttulip\n", server.url("/c.jpg"));
    workspace.write("list.txt", &lines);
    // It is there from elsewhere, under another name.
    workspace.write("photos/rose/mine.jpg", jpeg(2));
    download(&workspace, &["--parallel=1"])
        .expect_code(0)
        .says("2 photographs downloaded (0.0 MB), 2 with the content of others\n")
        .says("1 line repeating an earlier address and class were ignored");
    assert_eq!(photographs(&workspace), ["rose/a.jpg", "rose/mine.jpg"]);
    let rows = by_name(&workspace);
    assert_eq!(rows["b.jpg"].status, Status::Duplicate);
    assert_eq!(rows["b.jpg"].reason, "the same photograph as rose/a.jpg");
    assert_eq!(rows["c.jpg"].reason, "the same photograph as rose/a.jpg");
    assert_eq!(
        (rows["other.jpg"].status, rows["other.jpg"].file.as_str()),
        (Status::Ok, "rose/mine.jpg")
    );
    assert_eq!(server.lines().len(), 4);
}

#[test]
fn limits_stop_a_run_and_a_higher_one_goes_on() {
    let number = AtomicUsize::new(0);
    let server = Server::concurrent(move |_, _| {
        Reply::ok(jpeg(number.fetch_add(1, Ordering::Relaxed) as u8))
    });
    let workspace = Workspace::new();
    let lines = |class: &str| {
        let line = |i: usize| format!("{} {class}\n", server.url(&format!("/{class}{i}.jpg")));
        (0..8).map(line).collect::<String>()
    };
    workspace.write("list.txt", lines("rose") + &lines("tulip"));
    download(&workspace, &["--max_per_class=3"])
        .expect_code(0)
        .says("6 photographs downloaded")
        .says("10  --max_per_class is reached\n")
        .says("Photographs: rose 3, tulip 3\n");
    assert_eq!(photographs(&workspace).len(), 6);
    download(&workspace, &["--max_images=8"])
        .expect_code(0)
        .says("2 photographs downloaded")
        .says("6 done before, 8 left out");
    assert_eq!(photographs(&workspace).len(), 8);
    let asked = server.lines().len();
    let bytes = format!("--max_total_bytes={}", jpeg(0).len() * 2);
    download(&workspace, &[&bytes, "--parallel=1"])
        .expect_code(0)
        .says("max_total_bytes is reached");
    assert!((1..=3).contains(&(server.lines().len() - asked)));
    download(&workspace, &[]).expect_code(0);
    assert_eq!(photographs(&workspace).len(), 16);
}
