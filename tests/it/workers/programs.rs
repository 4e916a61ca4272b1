//! `retrain_worker`, and `--workers` of both tools, when nothing goes wrong.

use super::machines::{RETRAIN_WORKER, Run, Worker, send};
use crate::support::{LABEL_IMAGE, Workspace, files_under, run};
use image::{DynamicImage, ImageFormat, RgbImage};
use retrain::inference::Workers;
use retrain::label_image::{LabelConfig, Labeller, Source};
use std::fs;
use std::net::TcpStream;
use std::time::Duration;
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::RGB8;

/// The bottlenecks in `a` are those in `b`, to the last bit, and so are the graphs.
#[track_caller]
pub(super) fn assert_same(workspace: &Workspace, a: &str, b: &str) {
    let [ours, theirs] = [a, b].map(|dir| files_under(&workspace.path(dir)));
    assert_eq!(ours, theirs);
    assert!(!ours.is_empty());
    for file in ours {
        let [ours, theirs] =
            [a, b].map(|dir| fs::read_to_string(workspace.path(dir).join(&file)).unwrap());
        assert!(ours == theirs, "{file} differs");
    }
    let [ours, theirs] = [a, b].map(|dir| fs::read(workspace.path(&format!("{dir}.pb"))).unwrap());
    assert!(ours == theirs, "the graphs differ");
}

/// A workspace with photographs, and the bottlenecks that this machine computes alone.
pub(super) fn with_reference(per_class: u64) -> Workspace {
    let workspace = Workspace::with_photos(per_class);
    Run::start(&workspace, "alone", &[]).end(0);
    workspace
}

#[test]
fn workers_alone_and_with_this_machine_give_the_same_bottlenecks_and_graph() {
    let workspace = with_reference(60);
    let (one, two) = (Worker::start(), Worker::start());
    let workers = format!("--workers={},{}", one.address, two.address);
    let log = Run::start(&workspace, "theirs", &[&workers, "--workers_only"]).end(0);
    // The run may end before the second has joined.
    let joined = |worker: &Worker| {
        log.contains(&format!("worker {} has joined (TensorFlow ", worker.address))
    };
    assert!(joined(&one) || joined(&two), "{log}");
    assert!(log.contains(", as here): its answers are this machine's to the last bit"), "{log}");
    assert!(log.contains("has computed "), "{log}");
    assert_same(&workspace, "alone", "theirs");
    Run::start(&workspace, "together", &[&workers]).end(0);
    assert_same(&workspace, "alone", "together");
}

/// Photographs in every format, small and large; some cannot be decoded.
fn mixed(workspace: &Workspace) {
    let pixel = |x: u32, y: u32| image::Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8]);
    for (side, size) in [("small", 90), ("large", 1000)] {
        let picture = DynamicImage::from(RgbImage::from_fn(size, size + 10, pixel));
        for format in [
            ImageFormat::Jpeg,
            ImageFormat::Png,
            ImageFormat::Gif,
            ImageFormat::Bmp,
            ImageFormat::WebP,
        ] {
            let name = format!("mixed/{side}.{}", format.extensions_str()[0]);
            let path = workspace.write(&name, "");
            picture.save_with_format(path, format).unwrap();
        }
        let tiff = fs::File::create(workspace.path(&format!("mixed/{side}.tif"))).unwrap();
        let mut tiff = TiffEncoder::new(tiff).unwrap();
        tiff.write_image::<RGB8>(size, size + 10, picture.as_bytes()).unwrap();
    }
    let whole = fs::read(workspace.path("mixed/small.png")).unwrap();
    workspace.write("mixed/cut.png", &whole[..whole.len() / 2]);
    let whole = fs::read(workspace.path("mixed/large.jpg")).unwrap();
    workspace.write("mixed/cut.jpg", &whole[..whole.len() / 2]);
    workspace.write("mixed/header.jpg", &whole[..20]);
}

#[test]
fn label_image_prints_the_same_rows_for_every_format_and_damage() {
    let workspace = with_reference(10);
    fs::copy(workspace.path("alone.pb"), workspace.path("graph.pb")).unwrap();
    mixed(&workspace);
    let worker = Worker::start();
    let alone = workspace.label_image(&["mixed", "photos"]).expect_code(1);
    assert!(alone.stdout.lines().count() > 30);
    let workers = format!("--workers={}", worker.address);
    for only in [&["--workers_only"][..], &[]] {
        let args = [&["mixed", "photos", &workers], only].concat();
        let theirs = workspace.label_image(&args).expect_code(1);
        assert_eq!(theirs.stdout, alone.stdout, "{}", theirs.stderr);
        let errors = |log: &str| {
            let mut lines: Vec<_> =
                log.lines().filter(|l| l.starts_with("ERROR")).map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(errors(&theirs.stderr), errors(&alone.stderr));
        assert!(!theirs.stderr.contains("dropped"), "{}", theirs.stderr);
    }
}

#[test]
fn without_a_photograph_that_can_be_decoded_workers_have_nothing_to_do() {
    let workspace = with_reference(10);
    workspace.write("bad/1.jpg", b"\xff\xd8\xff\xe0 no more");
    let worker = Worker::start();
    let args = [
        "--graph=alone.pb",
        "--labels=labels.txt",
        "bad",
        &format!("--workers={}", worker.address),
        "--workers_only",
    ];
    run(LABEL_IMAGE, workspace.root(), &args).expect_code(1).says("bad/1.jpg");
}

#[test]
fn a_file_of_workers_is_read_again_during_the_run() {
    let workspace = with_reference(30);
    let absent = "127.0.0.1:9 # nobody is there\n\n";
    workspace.write("workers", absent);
    let mut run = Run::start(&workspace, "theirs", &["--workers=workers", "--workers_only"]);
    run.until("worker 127.0.0.1:9 cannot be used: it cannot be reached");
    let worker = Worker::start();
    workspace.write("workers", format!("{absent}{}\n", worker.address));
    let log = run.end(0);
    assert!(log.contains(&format!("worker {} has computed 60 images", worker.address)), "{log}");
    assert_same(&workspace, "alone", "theirs");
}

#[test]
fn a_run_that_waits_for_workers_in_vain_gives_up() {
    let workspace = with_reference(10);
    let mut workers = Workers::parse("127.0.0.1:9").unwrap();
    (workers.only, workers.give_up) = (true, Duration::from_millis(300));
    let mut config = LabelConfig::new(workspace.path("alone.pb"));
    (config.labels, config.workers) = (Some(workspace.path("labels.txt")), Some(workers));
    let labeller = Labeller::open(&config).unwrap();
    let mut rows = labeller.rows(vec![Source::Path(workspace.path("photos"))]);
    let error = rows.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("no worker has answered for 0 s; start one"), "{error}");
    assert!(rows.next().is_none());
}

#[test]
fn a_run_that_waits_for_workers_ends_when_it_is_told_to() {
    let workspace = Workspace::with_photos(10);
    let mut run = Run::start(&workspace, "theirs", &["--workers=127.0.0.1:9", "--workers_only"]);
    run.until("worker 127.0.0.1:9 cannot be used");
    send(run.child.id(), libc::SIGTERM);
    let log = run.end(143);
    assert!(log.contains("stopped by SIGTERM: what was computed is cached"), "{log}");
}

#[test]
fn wrong_workers_are_named() {
    let workspace = with_reference(10);
    workspace.write("workers", "127.0.0.1:2222\nnonsense\n");
    for (args, message) in [
        (&["--workers=nonsense"][..], "--workers: 'nonsense' is neither a file nor HOST:PORT"),
        (&["--workers=host:0"], "--workers: 'host:0' is neither a file nor HOST:PORT"),
        (&["--workers=a:1/../b:2"], "--workers: 'a:1/../b:2' is neither a file nor HOST:PORT"),
        (&["--workers=,"], "--workers: names no worker: give HOST:PORT"),
        (&["--workers_only"], "--workers_only: needs --workers: give HOST:PORT of each"),
        (&["--workers=workers"], "workers: 'nonsense' is neither a file nor HOST:PORT"),
    ] {
        let outcome = workspace.retrain(args);
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
        assert_ne!(outcome.code, 0);
    }
}

#[test]
fn previews_are_written_by_this_machine_alone() {
    let workspace = Workspace::with_photos(1);
    let args = ["photos", "--graph=photos", "--save_preview=seen", "--workers=127.0.0.1:1"];
    let message = "--save_preview: cannot be combined with --workers, which decode on their own";
    workspace.label_image(&args).expect_code(2).says(message);
}

#[test]
fn a_worker_listens_on_the_loopback_unless_told_and_ends_on_sigterm() {
    let mut worker = Worker::start();
    let listening = listening(worker.child.id());
    assert_eq!(listening.len(), 2, "{listening:?}");
    // 127.0.0.1, once as IPv6 writes it.
    let loopback = |address: &String| address.ends_with("0100007F");
    assert!(listening.iter().all(loopback), "{listening:?}");
    let port = worker.address.rsplit_once(':').unwrap().1;
    assert!(TcpStream::connect(format!("127.0.0.2:{port}")).is_err());
    worker.signal(libc::SIGTERM);
    let (code, log) = worker.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("INFO:retrain:stopping: 0 calls answered, 0 still open"), "{log}");
    assert!(!log.contains("WARNING"), "{log}");

    let mut open = Worker::listening("0.0.0.0:0");
    open.signal(libc::SIGINT);
    let (code, log) = open.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("is open to other machines, and TensorFlow asks nobody"), "{log}");
}

/// The addresses, in hexadecimal, on which a process listens.
fn listening(process: u32) -> Vec<String> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut addresses = Vec::new();
    for table in ["tcp", "tcp6"] {
        let table = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap();
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words[3] == "0A" && sockets.iter().any(|inode| inode == words[9]) {
                addresses.push(words[1].split(':').next().unwrap().to_owned());
            }
        }
    }
    addresses
}

#[test]
fn a_worker_that_cannot_listen_says_so() {
    let workspace = Workspace::new();
    let worker = Worker::start();
    let taken = format!("--listen={}", worker.address);
    let outcome = run(RETRAIN_WORKER, workspace.root(), &[taken]).expect_code(2);
    let message = format!("--listen: cannot listen on {} (", worker.address);
    assert!(outcome.stderr.contains(&message), "{}", outcome.stderr);
    run(RETRAIN_WORKER, workspace.root(), &["--listen=nowhere"])
        .expect_code(2)
        .says("--listen: 'nowhere' is no address");
}
