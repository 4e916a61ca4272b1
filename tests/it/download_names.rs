//! Names made of addresses, lists and classes: one component of a path, whatever they say, and
//! nothing outside `image_dir`.

use super::download::{download, jpeg, photographs, rows};
use super::http::{Reply, Server};
use super::support::{Workspace, files_under};
use rand::{RngExt, SeedableRng};
use retrain::download::{LONGEST, Status, class_name, file_stem};
use std::fs;
use std::sync::atomic::{AtomicU8, Ordering};
use url::Url;

/// A server that answers each request with another photograph.
fn server() -> Server {
    let number = AtomicU8::new(0);
    Server::concurrent(move |_, _| {
        // A header that suggests a name has no say.
        Reply::ok(jpeg(number.fetch_add(1, Ordering::Relaxed)))
            .with("Content-Disposition", "attachment; filename=\"../../evil.sh\"")
    })
}

#[test]
fn names_are_one_component() {
    for (text, name) in [
        ("rose", "rose"),
        ("open cluster", "open cluster"),
        ("Blüte 花", "Blüte 花"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows", "C__Windows"),
        ("..", "class"),
        ("", "class"),
        (" . ", "class"),
        (".hidden", "hidden"),
        ("dots...", "dots"),
        ("a\0b\nc\x7f", "a_b_c_"),
        ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
        ("NUL", "_NUL"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("con .x", "_con .x"),
        ("Com1", "_Com1"),
        ("lpt¹.jpg", "_lpt¹.jpg"),
        ("com10", "com10"),
        ("console", "console"),
        ("__MACOSX", "___MACOSX"),
        ("$RECYCLE.BIN", "_$RECYCLE.BIN"),
        ("a:b*c?d\"e<f>g|h", "a_b_c_d_e_f_g_h"),
    ] {
        assert_eq!(class_name(text), name, "{text:?}");
    }
    let long = class_name(&"é".repeat(300));
    assert!(long.len() <= LONGEST && long.len() > LONGEST - 2 && long.starts_with("éé"));
}

#[test]
fn a_file_is_named_by_its_list_or_its_address() {
    for (url, name, stem) in [
        ("https://h/a/rose.jpg", None, "rose"),
        ("https://h/a/rose.JPEG?size=big#top", None, "rose"),
        ("https://h/a/rose.php", None, "rose.php"),
        ("https://h/a/rose/", None, "rose"),
        ("https://h/", None, "image"),
        ("https://h/?id=7", None, "image"),
        ("https://h/a/two%20words.png", None, "two words"),
        ("https://h/a/..%2f..%2fetc%2fpasswd", None, "_.._etc_passwd"),
        ("https://h/a/%2e%2e/b%00.jpg", None, "b_"),
        ("https://h/a/%ff.jpg", None, "_"),
        ("https://h/a/.jpg", None, "image"),
        ("https://h/a/rose.jpg", Some("7"), "7"),
        ("https://h/a/rose.jpg", Some("flowers/7.png"), "flowers_7"),
        ("https://h/a/rose.jpg", Some("v1.2"), "v1.2"),
    ] {
        assert_eq!(file_stem(name, &Url::parse(url).unwrap()), stem, "{url} {name:?}");
    }
}

/// Names put together at random from pieces that have caused trouble elsewhere.
#[test]
fn any_name_is_safe() {
    const PIECES: [&str; 30] = [
        "..",
        ".",
        "/",
        "\\",
        ":",
        " ",
        "\0",
        "\n",
        "con",
        "NUL",
        "com1",
        "lpt9",
        ".jpg",
        ".png",
        "%2f",
        "%2e",
        "a",
        "Ä",
        "花",
        "\u{202e}",
        "\u{200b}",
        "~",
        "-",
        "_",
        "$recycle.bin",
        "._",
        ".ds_store",
        "\u{feff}",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "İ",
    ];
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(13);
    for _ in 0..20_000 {
        let count = random.random_range(0..12);
        let piece = |_| PIECES[random.random_range(0..PIECES.len())];
        let text: String = (0..count).map(piece).collect();
        retrain::fuzzing::download_names(text.as_bytes());
    }
}

#[test]
fn hostile_names_stay_in_the_directory() {
    let server = server();
    let workspace = Workspace::new();
    let hostile = [
        "../../escape",
        "/etc/escape",
        "..\\..\\escape",
        "C:\\escape",
        "nul",
        "..",
        ".",
        "~/escape",
        "a\u{202e}gpj",
        "$(touch escape)",
        "-rf",
        "escape\u{1}",
    ];
    let long = "long".repeat(100);
    let mut csv = csv::Writer::from_path(workspace.path("list.csv")).unwrap();
    csv.write_record(["url", "class", "name"]).unwrap();
    for (i, text) in hostile.iter().chain([&long.as_str()]).enumerate() {
        let [first, second] = ["c", "n"].map(|part| server.url(&format!("/{part}{i}.jpg")));
        csv.write_record([first.as_str(), text, &format!("n{i}")]).unwrap();
        csv.write_record([second.as_str(), "rose", text]).unwrap();
        let path = format!("/{}", text.replace('/', "%2f"));
        csv.write_record([server.url(&path).as_str(), "by address", ""]).unwrap();
    }
    csv.flush().unwrap();
    workspace.write("sibling/keep.txt", "kept");
    let before = files_under(workspace.root());
    download(&workspace, &["--urls=list.csv"]).expect_code(0).says("39 photographs downloaded");
    let outside = files_under(workspace.root());
    let outside: Vec<&String> = outside.iter().filter(|f| !f.starts_with("photos/")).collect();
    assert_eq!(outside, before.iter().collect::<Vec<_>>());
    let photographs = photographs(&workspace);
    assert_eq!(photographs.len(), 39);
    assert!(photographs.iter().all(|file| file.split('/').count() == 2), "{photographs:?}");
}

#[test]
fn the_same_name_twice_gets_a_number_by_the_order_of_the_list() {
    let server = server();
    let workspace = Workspace::new();
    let paths = ["/1/a.jpg", "/2/a.png", "/3/A.jpg", "/4/a-2.jpg", "/5/a.jpg"];
    let lines: Vec<String> = paths.map(|path| format!("{} rose\n", server.url(path))).into();
    // Another spelling of the class is the same directory.
    let other = format!("{} Rose\n", server.url("/6/a.jpg"));
    workspace.write("list.txt", lines.concat() + &other);
    workspace.write("photos/rose/a-3.gif", "mine");
    for _ in 0..3 {
        download(&workspace, &["--parallel=6"]).expect_code(0);
        let named: Vec<(String, String)> = paths
            .iter()
            .chain([&"/6/a.jpg"])
            .map(|path| {
                let row = rows(&workspace).into_iter().find(|r| r.url.ends_with(path)).unwrap();
                ((*path).to_owned(), row.file)
            })
            .collect();
        let files: Vec<&str> = named.iter().map(|(_, file)| file.as_str()).collect();
        let expected = [
            "rose/a.jpg",
            "rose/a-2.jpg",
            "rose/A-4.jpg",
            "rose/a-2-2.jpg",
            "rose/a-5.jpg",
            "rose/a-6.jpg",
        ];
        assert_eq!(files, expected);
        let kept = fs::read_to_string(workspace.path("photos/rose/a-3.gif")).unwrap();
        assert_eq!(kept, "mine");
        fs::remove_file(workspace.path("photos/download_report.csv")).unwrap();
        for file in files {
            fs::remove_file(workspace.path("photos").join(file)).unwrap();
        }
    }
}

#[test]
#[cfg(unix)]
fn links_that_lead_outside_are_not_followed() {
    use std::os::unix::fs::symlink;
    let server = server();
    let workspace = Workspace::new();
    fs::create_dir_all(workspace.path("outside")).unwrap();
    fs::create_dir_all(workspace.path("photos/lily")).unwrap();
    symlink(workspace.path("outside"), workspace.path("photos/rose")).unwrap();
    symlink(workspace.path("nowhere"), workspace.path("photos/tulip")).unwrap();
    symlink("lily", workspace.path("photos/daisy")).unwrap();
    symlink(workspace.path("outside/b.jpg"), workspace.path("photos/lily/b.jpg")).unwrap();
    let classes = ["rose", "tulip", "daisy", "lily"];
    let line = |class: &str| format!("{} {class}\n", server.url(&format!("/{class}/b.jpg")));
    workspace.write("list.txt", classes.map(line).concat());
    download(&workspace, &["--parallel=1"])
        .expect_code(1)
        .says("rose is a link to ")
        .says("outside --image_dir; make it a directory");
    assert_eq!(files_under(&workspace.path("outside")), [""; 0]);
    assert!(!workspace.path("nowhere").exists());
    let status: Vec<Status> = rows(&workspace).iter().map(|row| row.status).collect();
    assert_eq!(status.iter().filter(|s| **s == Status::Failed).count(), 2);
    // Inside, a link is a directory like any other, and a name that is taken is left alone.
    assert_eq!(
        fs::read_link(workspace.path("photos/lily/b.jpg")).unwrap(),
        workspace.path("outside/b.jpg")
    );
    let there = ["daisy", "lily/b-2.jpg", "lily/b-3.jpg", "lily/b.jpg", "rose", "tulip"];
    assert_eq!(photographs(&workspace), there);
}
