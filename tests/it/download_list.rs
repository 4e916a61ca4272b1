//! The lists that `download_images` reads.

use super::download::{download, jpeg, photographs};
use super::http::{Reply, Server};
use super::support::{DOWNLOAD_IMAGES, Workspace, command};
use retrain::download::{Columns, Entry, ListFormat, parse};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

fn entry(url: &str, class: &str, name: &str) -> Entry {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Entry { url: url.into(), class: filled(class), name: filled(name) }
}

fn entries(content: &str, format: ListFormat) -> Vec<Entry> {
    parse(content, format, &Columns::default()).unwrap().entries
}

#[test]
fn text_has_an_address_a_line() {
    let content = "\u{feff}# mine\r\n\r\nhttp://h/a.jpg\r\n  http://h/b.jpg   open cluster \n\
                   http://h/c.jpg\trose\tthe first\n#http://h/d.jpg\nhttp://h/e.jpg\t\tname";
    let expected = [
        entry("http://h/a.jpg", "", ""),
        entry("http://h/b.jpg", "open cluster", ""),
        entry("http://h/c.jpg", "rose", "the first"),
        entry("http://h/e.jpg", "name", ""),
    ];
    assert_eq!(entries(content, ListFormat::Text), expected);
}

#[test]
fn tables_have_columns_found_by_name() {
    let columns = Columns::default();
    let csv = "\u{feff}id,label,Image_URL,url_of_page\n7,\"rose, red\",http://h/a.jpg,x\n\
               8,tulip,,y\n\
               9,,http://h/c.jpg\n";
    let list = parse(csv, ListFormat::Csv, &columns).unwrap();
    let expected = [entry("http://h/a.jpg", "rose, red", "7"), entry("http://h/c.jpg", "", "9")];
    assert_eq!(list.entries, expected);
    let taken = "address from the column 'Image_URL', class from 'label', name from 'id'";
    assert_eq!(list.taken.unwrap(), taken);
    // Semicolons, and tabs.
    let expected = [entry("http://h/a.jpg", "rose", "")];
    assert_eq!(entries("url;class\nhttp://h/a.jpg;rose\n", ListFormat::Csv), expected);
    assert_eq!(entries("URL\tspecies\nhttp://h/a.jpg\trose\n", ListFormat::Tsv), expected);
    // Named columns win over usual ones.
    let some = |name: &str| Some(name.to_owned());
    let columns = Columns { url: some("big"), class: some("kind"), name: some("key") };
    let csv = "url,class,name,big,KIND,key\nu,c,n,http://h/a.jpg,rose,k\n";
    let list = parse(csv, ListFormat::Csv, &columns).unwrap();
    assert_eq!(list.entries, [entry("http://h/a.jpg", "rose", "k")]);
}

#[test]
fn a_table_without_the_columns_is_refused_with_those_it_has() {
    let columns = Columns::default();
    let why = parse("a,b\n1,2\n", ListFormat::Csv, &columns).unwrap_err();
    assert!(why.contains("`url_column`") && why.ends_with("its columns are: a, b"), "{why}");
    let columns = Columns { class: Some("kind".into()), ..columns };
    let why = parse("url,class\n", ListFormat::Csv, &columns).unwrap_err();
    assert!(why.starts_with("has no column 'kind' (`class_column`)"), "{why}");
    let why = parse("http://h/a.jpg\n", ListFormat::Text, &columns).unwrap_err();
    assert!(why.contains("is text without columns, but `class_column` names one"), "{why}");
}

#[test]
fn the_format_is_told_by_ending_and_first_line() {
    for (name, content, format) in [
        ("a.csv", "url,class\n", ListFormat::Csv),
        ("a.CSV", "url\n", ListFormat::Csv),
        // A table of one column without a header is a list.
        ("a.csv", "http://h/a.jpg\n", ListFormat::Text),
        ("a.tsv", "url\tclass\n", ListFormat::Tsv),
        ("a.txt", "url,class\n", ListFormat::Text),
        ("-", "\n# x\nhttps://h/a,b.jpg\n", ListFormat::Text),
        ("-", "url\tclass\n", ListFormat::Tsv),
        ("-", "url,class\n", ListFormat::Csv),
        ("a.dat", "", ListFormat::Text),
    ] {
        assert_eq!(ListFormat::of(Path::new(name), content), format, "{name} {content:?}");
    }
}

#[test]
fn lists_come_from_files_arguments_and_standard_input() {
    let number = std::sync::atomic::AtomicU8::new(0);
    let server = Server::concurrent(move |_, _| {
        Reply::ok(jpeg(number.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
    });
    let workspace = Workspace::new();
    let url = |name: &str| server.url(&format!("/{name}"));
    workspace.write("list.txt", format!("{} rose\n", url("a.jpg")));
    let csv = format!("photo_id,Label,URL\nx,tulip,{}\ny,,{}\n", url("b.jpg"), url("c.jpg"));
    workspace.write("more.csv", csv);
    download(&workspace, &["more.csv", "--name_column=photo_id", "--class=weed"])
        .expect_code(1)
        .says("list.txt: is text without columns, but --name_column names one");
    download(&workspace, &["--urls=more.csv", "--name_column=photo_id", "--class=weed"])
        .expect_code(0)
        .says(
            "more.csv: 2 addresses: address from the column 'URL', class from 'Label', name from",
        );
    assert_eq!(photographs(&workspace), ["tulip/x.jpg", "weed/y.jpg"]);
    download(&workspace, &["more.csv", "--class=weed"]).expect_code(0);
    assert_eq!(photographs(&workspace), ["rose/a.jpg", "tulip/x.jpg", "weed/y.jpg"]);

    let args = ["-", "--image_dir=photos", "--allow_private"];
    let mut child = command(DOWNLOAD_IMAGES, workspace.root(), &args)
        .envs(super::download::NO_PROXIES)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let line = format!("{}\tlily\tfrom pipe\n", url("d.jpg"));
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(photographs(&workspace).contains(&"lily/from pipe.jpg".to_owned()));
}

#[test]
fn wrong_command_lines_say_what_to_do() {
    let workspace = Workspace::new();
    let list = |content: &[u8]| {
        workspace.write("list.txt", content);
    };
    list(b"http://127.0.0.1/a.jpg\n");
    let run = |args: &[&str]| super::support::run(DOWNLOAD_IMAGES, workspace.root(), args);
    run(&[]).expect_code(2).says("--image_dir: must be given");
    run(&["--image_dir=photos"]).expect_code(2).says("--urls: must be given: a list");
    for (flag, says) in [
        ("--parallel=0", "--parallel: must be 1 to 256, not 0"),
        ("--max_images=0", "--max_images: must be 1 or more, not 0"),
        ("--delay=-1", "--delay: must be from 0 to"),
        ("--timeout=0", "--timeout: must be above 0"),
        ("--timeout=nan", "--timeout: must be from 0"),
        ("--user_agent=a\nb", "--user_agent: must be printable ASCII"),
        ("--format=xls", "--format: invalid choice: 'xls'"),
        ("--class=", "--class: must not be empty"),
        ("--max_bites=1", "--max_bites: is not a flag; did you mean --max_bytes?"),
    ] {
        run(&["--urls=list.txt", "--image_dir=photos", flag]).expect_code(2).says(says);
    }
    run(&["--urls=none.txt", "--image_dir=photos"]).expect_code(1).says("reading none.txt");
    list(b"# nothing\n");
    run(&["--urls=list.txt", "--image_dir=photos"]).expect_code(2).says("at least one address");
    list(b"http://h/\xff.jpg\n");
    run(&["--urls=list.txt", "--image_dir=photos"]).expect_code(1).says("is not UTF-8 text");
    list(b"http://127.0.0.1/a.jpg\n");
    // The list itself is not overwritten by mistake.
    run(&["--urls=list.txt", "--image_dir=photos", "--report=list.txt"])
        .expect_code(1)
        .says("list.txt: is not a report of download_images");
    // A class is missing.
    run(&["--urls=list.txt", "--image_dir=photos"]).expect_code(1).says("has no class; name one");
}
