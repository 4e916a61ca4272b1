//! The report's page and tables: their figures, recomputed by scikit-learn; hostile names; size.

use super::made_material::{Photo, with_material};
use super::support::{Workspace, ask_peer, json, python};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use retrain::images::{PixelRange, PixelSpec, Reading};
use retrain::inference::Decoder;
use retrain::report;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

/// A run on simulated photographs, some of which have copies in their own set.
fn run_with_copies() -> Workspace {
    let workspace = Workspace::with_photos(60);
    for i in 0..20 {
        let photo = workspace.path(&format!("photos/open cluster/o{i:05}.jpg"));
        for copy in ["1", "2"] {
            let name = format!("photos/open cluster/o{i:05}_nohash_{copy}.jpg");
            fs::copy(&photo, workspace.path(&name)).unwrap();
        }
    }
    let sizes = ["--testing_percentage=25", "--validation_percentage=20"];
    workspace.retrain(&sizes).expect_code(0);
    workspace
}

#[test]
fn every_figure_follows_from_the_predictions() {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    let workspace = run_with_copies();
    let report = workspace.path("summaries/report");
    let table = json(&report.join("predictions.json"));
    let text_files = table["photographs"].as_array().unwrap().iter().map(|photograph| {
        let path = photograph["path"].as_str().unwrap();
        let text = path.replacen("photos/", "bottlenecks/", 1) + "_miniature.txt";
        (path.to_owned(), json!(workspace.path(&text)))
    });
    let request = json!({
        "page": report.join("index.html"),
        "csv": report.join("predictions.csv"),
        "json": report.join("predictions.json"),
        "bottlenecks": text_files.collect::<BTreeMap<String, Value>>(),
    });
    let answer = ask_peer(&python, "report.py", &request);
    assert_eq!(answer["differences"], json!([]), "{answer}");
    assert_eq!((&answer["unknown"], &answer["missing"]), (&json!([]), &json!([])));
    assert!(answer["figures"].as_u64().unwrap() > 80, "{answer}");
    assert_eq!(answer["lines"], 4);
    assert!(answer["copies"].as_u64().unwrap() > 0, "a test set with copies: {answer}");
}

#[test]
fn the_page_tells_no_time_and_noreport_writes_none() {
    let workspace = Workspace::with_photos(20);
    let page = || fs::read(workspace.path("summaries/report/index.html")).unwrap();
    workspace.retrain(&[]).expect_code(0);
    let first = page();
    workspace.retrain(&[]).expect_code(0);
    assert!(first == page(), "two runs with one seed give two pages");
    workspace.retrain(&["--report_dir=mine"]).expect_code(0);
    assert!(!workspace.path("summaries/report").exists());
    for file in report::FILES {
        assert!(workspace.path("mine").join(file).is_file(), "{file}");
    }
    workspace.retrain(&["--noreport"]).expect_code(0);
    assert!(!workspace.path("summaries/report").exists());
}

/// Names that would do something if they were taken for more than names.
const HOSTILE: [&str; 9] = [
    "<script>alert(1)<",
    "<img src=x onerror=alert(1)>",
    "\"quoted\", 'twice' & more",
    "new\nline\r",
    "\u{202e}gpj.thgir-ot-tfel\u{202c}",
    "=cmd('calc')!A1",
    "+1-1",
    "@SUM(1)",
    "&lt;b&gt;&#60;",
];

/// A report on photographs and labels with hostile names.
pub(crate) fn hostile_report() -> Workspace {
    let workspace = Workspace::new();
    let name = |i: usize| OsString::from(format!("{}{i:03}.jpg", HOSTILE[i % HOSTILE.len()]));
    let mut photos: Vec<Photo> =
        (0..180).map(|i| Photo::new(name(i), i % HOSTILE.len(), i as u64)).collect();
    photos[0].name = OsString::from_vec(b"\xff\xfe.jpg".to_vec());
    with_material(&workspace, &HOSTILE, &photos, |material| {
        report::write(material, &workspace.path("report"), &workspace.path("summaries")).unwrap();
    });
    workspace
}

#[test]
fn hostile_names_are_only_names() {
    let workspace = hostile_report();
    let page = fs::read_to_string(workspace.path("report/index.html")).unwrap();
    let lower = page.to_lowercase();
    for tag in ["<script", "<img src=x", "<b>", "onerror=alert(1)>"] {
        assert!(!lower.contains(tag), "{tag}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;"));
    // Nothing is fetched: all addresses are within the page.
    for attribute in ["src=\"", "href=\""] {
        let values = page.split(attribute).skip(1);
        assert!(values.clone().count() > 10);
        values.for_each(|v| {
            assert!(v.starts_with("data:") || v.starts_with('#'), "{attribute}{}", &v[..40]);
        });
    }
    let mut csv = csv::Reader::from_path(workspace.path("report/predictions.csv")).unwrap();
    assert_eq!(csv.headers().unwrap().iter().skip(4).collect::<Vec<_>>(), HOSTILE);
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let table = json(&workspace.path("report/predictions.json"));
    let table = table["photographs"].as_array().unwrap();
    assert_eq!((rows.len(), table.len()), (180, 180));
    for (row, photograph) in rows.iter().zip(table) {
        let path = photograph["path"].as_str().unwrap();
        assert_eq!((&row[0], &row[2]), (path, photograph["truth"].as_str().unwrap()));
        assert!(HOSTILE.contains(&&row[2]) && HOSTILE.contains(&&row[3]));
        assert!(path.contains('\u{fffd}') || workspace.path(path).is_file(), "{path}");
        let scores = photograph["scores"].as_array().unwrap();
        for (text, score) in row.iter().skip(4).zip(scores) {
            let number: f32 = text.parse().unwrap();
            assert_eq!(number, score.as_f64().unwrap() as f32);
        }
    }
}

#[test]
fn ten_thousand_photographs_make_a_page_of_less_than_ten_megabytes() {
    for classes in [12, 1000] {
        let workspace = Workspace::new();
        let labels: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
        let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
        let photos: Vec<Photo> = (0..10_000)
            .map(|i| Photo::new(format!("{i}.jpg"), i % classes, i as u64 / 2))
            .collect();
        with_material(&workspace, &labels, &photos, |material| {
            let dir = workspace.path("report");
            report::write(material, &dir, &workspace.path("summaries")).unwrap();
            let page = fs::read_to_string(dir.join("index.html")).unwrap();
            let (bytes, pictures) = (page.len(), page.matches("<img ").count());
            assert!(bytes < 10_000_000, "{classes} classes: {bytes} bytes");
            assert!((50..1500).contains(&pictures), "{classes} classes: {pictures} pictures");
        });
    }
}

/// What stands between the tags of a section.
fn section(page: &str, id: &str) -> String {
    let from = page.split(&format!("<section id=\"{id}\"")).nth(1).unwrap();
    from.split("</section>").next().unwrap().to_owned()
}

#[test]
fn planted_label_errors_and_near_duplicates_are_found() {
    let workspace = Workspace::new();
    let mut photos: Vec<Photo> =
        (0..120).map(|i| Photo::new(format!("p{i:03}.jpg"), i % 3, 100 + i as u64)).collect();
    for i in [10, 50, 90] {
        photos[i].shows = (photos[i].class + 1) % 3;
    }
    for (copy, original) in [(30, 33), (60, 63), (61, 64), (67, 64)] {
        photos[copy].scene = photos[original].scene;
    }
    with_material(&workspace, &["a", "b", "c"], &photos, |material| {
        report::write(material, &workspace.path("report"), &workspace.path("summaries")).unwrap();
    });
    let page = fs::read_to_string(workspace.path("report/index.html")).unwrap();
    let names = |text: &str| {
        let files = text.split("<bdi>p").skip(1).map(|t| t[..3].parse::<usize>().unwrap());
        files.collect::<Vec<_>>()
    };
    let mut wrong = names(&section(&page, "label-errors"));
    wrong.sort_unstable();
    assert_eq!(wrong, [10, 50, 90]);
    let similar = section(&page, "near-duplicates");
    let groups = similar.split("<div class=\"group\">").skip(1).map(|group| {
        let mut names = names(group);
        names.sort_unstable();
        names
    });
    let mut groups: Vec<_> = groups.collect();
    groups.sort();
    assert_eq!(groups, [vec![30, 33], vec![60, 63], vec![61, 64, 67]]);
}

#[test]
fn a_large_jpeg_is_reduced_while_it_is_decoded() {
    super::loading::load_tensorflow();
    let pixel = |x: u32, y: u32| image::Rgb([(x / 8) as u8, (y / 8) as u8, ((x + y) / 16) as u8]);
    let picture = RgbImage::from_fn(1600, 1203, pixel);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(&picture).unwrap();
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let reading = Reading { fast_decode: true, ..Reading::DEFAULT };
    let spec = PixelSpec::new(1, 1, PixelRange::Unit).with_reading(reading);
    let decoder = Decoder::new(&spec);
    for (least, ratio) in [(1, 8), (150, 8), (151, 4), (300, 4), (400, 2), (601, 2), (602, 1)] {
        let decoded = decoder.decode_at_least(jpeg.clone(), least).unwrap();
        let (height, width) = (1203_u32.div_ceil(ratio), 1600_u32.div_ceil(ratio));
        assert_eq!(decoded.dims(), [u64::from(height), u64::from(width), 3], "{least}");
        for (x, y) in [(10, 10), (width / 2, height / 3), (width - 10, height - 10)] {
            let at = (3 * (y * width + x)) as usize;
            let wanted = pixel(ratio * x + ratio / 2, ratio * y + ratio / 2);
            for channel in 0..3 {
                let off = decoded[at + channel].abs_diff(wanted.0[channel]);
                assert!(off < 6, "1/{ratio} at {x}, {y}: off by {off}");
            }
        }
    }
    let png = decoder.decode_at_least(png.into_inner(), 1).unwrap();
    assert_eq!(png.dims(), [1203, 1600, 3], "other formats keep their size");
}
