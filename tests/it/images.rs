//! Every kind of photograph, and files that are not photographs: the content decides. Unusable
//! files are named, or skipped on request.

use super::loading::load_tensorflow;
use super::support::{Workspace, files_under, golden, json};
use retrain::images::{ImageFormat, PixelRange, PixelSpec};
use retrain::inference::Decoder;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;

/// The mean of each colour, at the image's own size.
fn means(content: Vec<u8>) -> Result<[f64; 3], String> {
    load_tensorflow();
    let range = PixelRange::Divide { mean: 0.0, std: 1.0 };
    let pixels = Decoder::new(&PixelSpec::new(24, 16, range)).decode(content)?;
    let mut sums = [0.0; 3];
    pixels.iter().enumerate().for_each(|(i, &value)| sums[i % 3] += f64::from(value));
    Ok(sums.map(|s| s / (24.0 * 16.0)))
}

#[test]
fn every_kind_of_image_has_the_colours_another_decoder_sees() {
    let expected = json(&golden("images/means.json"));
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 13);
    // Within two levels: TensorFlow's JPEG decoder uses a faster transform than Pillow's.
    for (name, wanted) in expected {
        let got = means(fs::read(golden("images").join(name)).unwrap())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        for (got, wanted) in got.iter().zip(wanted.as_array().unwrap()) {
            assert!(
                (got - wanted.as_f64().unwrap()).abs() < 2.0,
                "{name}: {got} instead of {wanted}"
            );
        }
    }
}

/// The images of `script_pixels.json`: their bytes, and what TensorFlow 1.15 makes of them.
fn script_pixels() -> Vec<(String, Vec<u8>, Option<Pixels>)> {
    let cases = json(&golden("images/script_pixels.json"));
    let cases = cases.as_array().unwrap().iter().map(|case| {
        let name = case["name"].as_str().unwrap();
        let content = match case["file"].as_str() {
            Some(file) => hex(file),
            None => fs::read(golden("images").join(name)).unwrap(),
        };
        let pixels = case["pixels"].as_str().map(|pixels| {
            let [height, width, depth] = [0, 1, 2].map(|i| case["shape"][i].as_u64().unwrap());
            // The fourth channel of a BMP is left out.
            let kept = hex(pixels)
                .chunks(depth as usize)
                .flat_map(|p| p[..3.min(p.len())].to_vec())
                .collect();
            Pixels { height, width, values: kept }
        });
        (name.to_owned(), content, pixels)
    });
    cases.collect()
}

/// An image's bytes, three to a pixel.
#[derive(Debug, Clone, PartialEq)]
struct Pixels {
    height: u64,
    width: u64,
    values: Vec<u8>,
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// The pixels of an image, resized to the size given, which must be its own, and as they are kept
/// to be distorted.
fn decoded(content: &[u8], (width, height): (u64, u64)) -> Result<Pixels, String> {
    load_tensorflow();
    let range = PixelRange::Divide { mean: 0.0, std: 1.0 };
    let spec = PixelSpec::new(width as i32, height as i32, range);
    let decoder = Decoder::new(&spec);
    let resized = decoder.decode(content.to_vec())?;
    let whole = decoder.decode_full_size(content.to_vec()).unwrap();
    assert_eq!(whole.dims(), [height, width, 3]);
    assert!(whole.iter().map(|&value| f32::from(value)).eq(resized.iter().copied()));
    Ok(Pixels { height, width, values: whole.to_vec() })
}

#[test]
fn pixels_are_those_of_the_scripts_tensorflow() {
    let mut compared = 0;
    for (name, content, theirs) in script_pixels() {
        let Some(theirs) = theirs else { continue };
        // The script hands the colours of such a file to a network that wants three channels.
        if name == "bmp: 8 bits" {
            continue;
        }
        let ours = decoded(&content, (theirs.width, theirs.height));
        assert_eq!(ours.unwrap_or_else(|e| panic!("{name}: {e}")), theirs, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 51);
}

#[test]
fn a_gifs_first_frame_is_the_image_wherever_it_lies() {
    let cases = script_pixels();
    let case = |name: &str| cases.iter().find(|(n, ..)| n == name).unwrap();
    let frame = case("gif: smaller than the screen").2.clone().unwrap();
    for name in [
        "gif: at an offset",
        "gif: at an offset, transparent",
        "gif: beyond the screen",
        "gif: animated, first frame smaller",
    ] {
        let (_, content, theirs) = case(name);
        assert_eq!(*theirs, None, "{name}: the script's TensorFlow refuses it");
        assert_eq!(decoded(content, (4, 3)).unwrap(), frame, "{name}");
    }
}

#[test]
fn bmps_are_read_as_they_say_or_refused() {
    let cases = script_pixels();
    let case = |name: &str| cases.iter().find(|(n, ..)| n == name).unwrap();
    let plain = case("bmp: 32 bits").2.clone().unwrap();
    for name in ["bmp: 32 bits with masks", "bmp: 32 bits with masks in a fourth header"] {
        assert_eq!(decoded(&case(name).1, (7, 5)).unwrap(), plain, "{name}");
    }
    for (name, message) in [
        ("bmp: 24 bits without the last pixel", "cannot be decoded as BMP ("),
        ("bmp: 8 bits", "is a BMP with 8 bits per pixel, not 24 or 32; "),
        ("bmp: 8 bits, compressed", "is a BMP with 8 bits per pixel, not 24 or 32; "),
        ("bmp: 16 bits", "is a BMP with 16 bits per pixel, not 24 or 32; "),
        ("bmp: OS/2", "is a BMP with an OS/2 header; "),
        ("bmp: 32 bits with masks of another order", "is a BMP that is compressed or "),
    ] {
        let message_is = decoded(&case(name).1, (7, 5)).unwrap_err();
        assert!(message_is.starts_with(message), "{name}: {message_is}");
    }
}

#[test]
fn formats_are_named_from_one_table() {
    let names = ImageFormat::names();
    assert_eq!(names, "JPEG, PNG, GIF, BMP, TIFF, WebP or FITS");
    for format in ImageFormat::ALL {
        assert!(names.contains(&format.to_string()));
        for ending in format.endings() {
            assert_eq!(ImageFormat::stem(&format!("a.b.{ending}")), Some("a.b"));
            let name = format!("a.{}", ending.to_uppercase());
            assert_eq!(ImageFormat::of_name(name.as_ref()), Some(format));
        }
    }
    assert_eq!([ImageFormat::stem("jpg"), ImageFormat::stem("a.pb")], [None; 2]);
    assert_eq!(ImageFormat::of(b"RIFF\x24\0\0\0WAVEfmt "), Err(format!("is not a {names} image")));
    let help = Workspace::new().label_image(&["--help"]).expect_code(0).stdout;
    assert!(help.contains(&format!("The photograph: {names}")), "{help}");
    let workspace = Workspace::with_photos(20);
    let outcome = workspace.retrain(&["--output_graph=photos/graph.GIF"]).expect_code(2);
    outcome.says("--output_graph: photos/graph.GIF would be one of the photographs");
}

/// A file whose header claims that size.
fn png(width: u32, height: u32) -> Vec<u8> {
    let ihdr =
        [b"IHDR", &width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let checksum = crc32fast::hash(&ihdr).to_be_bytes();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &ihdr[..], &checksum, b"\0\0\0\0IDAT\x35\xaf\x06\x1e"].concat()
}

fn gif(screen: u16, frame: u16, frames: usize) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([screen.to_le_bytes(), screen.to_le_bytes()].concat());
    bytes.extend(b"\x80\0\0\0\0\0\xff\xff\xff");
    for _ in 0..frames {
        bytes.extend(b"\x2c\0\0\0\0");
        bytes.extend([frame.to_le_bytes(), frame.to_le_bytes()].concat());
        bytes.extend(b"\0\x02\x02\x4c\x01\0");
    }
    bytes.push(0x3b);
    bytes
}

fn bmp(width: i32, height: i32) -> Vec<u8> {
    let file = [b"BM", &1000u32.to_le_bytes()[..], &[0; 4], &54u32.to_le_bytes()].concat();
    let info = [
        &40u32.to_le_bytes()[..],
        &width.to_le_bytes(),
        &height.to_le_bytes(),
        &[1, 0, 24, 0],
        &[0; 24],
    ];
    [file, info.concat(), vec![0; 100]].concat()
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let whole = fs::read(golden("images/baseline.jpg")).unwrap();
    let at = whole.windows(2).position(|w| w == b"\xff\xc0").unwrap();
    let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
    [&whole[..at + 5], &size, &whole[at + 9..]].concat()
}

#[test]
fn decompression_bombs_are_refused_by_their_headers() {
    let start = std::time::Instant::now();
    for (bomb, size) in [
        (png(60_000, 60_000), "60000 × 60000"),
        (png(u32::MAX, 1), "4294967295 × 1"),
        (gif(65_535, 1, 1), "65535 × 65535"),
        (gif(1, 65_535, 1), "65535 × 65535"),
        (bmp(60_000, -60_000), "60000 × 60000"),
        (bmp(i32::MIN, 1), "2147483648 × 1"),
        (jpeg(65_535, 65_535), "65535 × 65535"),
    ] {
        let expected =
            format!("is {size} pixels, more than the 178956970 allowed; make it smaller");
        assert_eq!(means(bomb).unwrap_err(), expected);
    }
    // Only one frame is decoded, however many there are: a hundred thousand of 1000 × 1000 would
    // take 300 GB.
    let many = means(gif(1000, 1000, 100_000));
    assert!(many.is_ok() || many.unwrap_err().starts_with("cannot be decoded as GIF"));
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn damaged_images_are_refused_and_never_crash() {
    for name in json(&golden("images/means.json")).as_object().unwrap().keys() {
        let whole = fs::read(golden("images").join(name)).unwrap();
        for length in 0..whole.len().min(60) {
            // Cut off within its header, a file is never an image.
            let _: String = means(whole[..length].to_vec()).unwrap_err();
        }
        for i in (0..whole.len()).step_by(7) {
            let mut flipped = whole.clone();
            flipped[i] ^= 0xff;
            // Either result is fine, as long as it does not crash or give a picture of another
            // size.
            let _ = means(flipped);
        }
    }
    let noise: Vec<u8> =
        (0..3000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(means(noise).unwrap_err(), "is not a JPEG, PNG, GIF, BMP, TIFF, WebP or FITS image");
    let whole = fs::read(golden("images/baseline.jpg")).unwrap();
    assert!(
        means(whole[..whole.len() - 60].to_vec())
            .unwrap_err()
            .starts_with("cannot be decoded as JPEG (")
    );
}

#[test]
fn all_bad_files_are_listed_or_all_left_out() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    let dir = "photos/open cluster";
    for (name, content) in [
        ("zb.jpg", &b"\0\0\0\x18ftypavif\0\0\0\0"[..]),
        ("zc.jpg", b"<svg xmlns"),
        ("zd.jpg", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("ze.jpg", b"SIMPLE  =                    T"),
        ("zf.jpg", b"%PDF-1.4"),
        ("zg.jpg", b"<!DOCTYPE html><html>"),
        ("zh.jpg", b""),
        ("z [1] 'q' \"d\"\n.jpg", b"noise"),
    ] {
        workspace.write(&format!("{dir}/{name}"), content);
    }
    fs::write(workspace.path(dir).join(OsString::from_vec(b"z\xff.jpg".to_vec())), b"noise")
        .unwrap();
    fs::create_dir(workspace.path(&format!("{dir}/zi.jpg"))).unwrap();
    symlink("nowhere", workspace.path(&format!("{dir}/zj.jpg"))).unwrap();
    symlink("zk.jpg", workspace.path(&format!("{dir}/zk.jpg"))).unwrap();
    let pipe = workspace.path(&format!("{dir}/zl.jpg"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let huge = fs::File::create(workspace.path(&format!("{dir}/zm.jpg"))).unwrap();
    huge.set_len(1 << 40).unwrap();
    let reasons = [
        ("zb.jpg", "is AVIF, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS; convert it first"),
        ("zc.jpg", "is SVG, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS; convert it first"),
        ("zd.jpg", "is HEIC, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS; convert it first"),
        ("ze.jpg", "is not a FITS file, or cut off"),
        ("zf.jpg", "is PDF, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS; convert it first"),
        ("zg.jpg", "is HTML, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS; convert it first"),
        ("zh.jpg", "is empty"),
        ("z [1] 'q' \"d\"\\n.jpg", "is not a JPEG, PNG, GIF, BMP, TIFF, WebP or FITS image"),
        ("z\u{fffd}.jpg", "is not a JPEG, PNG, GIF, BMP, TIFF, WebP or FITS image"),
        ("zi.jpg", "is a directory"),
        ("zj.jpg", "cannot be read (No such file or directory (os error 2))"),
        ("zk.jpg", "cannot be read (Too many levels of symbolic links (os error 40))"),
        ("zl.jpg", "is a pipe, a socket or a device, not a file"),
        ("zm.jpg", "has 1099511627776 bytes, more than the 1073741824 allowed"),
    ];
    let outcome = workspace
        .retrain(&[])
        .expect_code(1)
        .says("14 images cannot be used; --on_bad_image=skip leaves them out\n");
    for (name, reason) in reasons {
        let line = format!("\nError during processing file {dir}/{name} ({reason})");
        assert!(outcome.stderr.contains(&line), "{line}\n{}", outcome.stderr);
    }
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph, "the earlier graph stays");
    let outcome = workspace.retrain(&["--on_bad_image=skip", "--print_mis"]).expect_code(0);
    let outcome = outcome.says("WARNING:retrain:14 images are left out\n");
    for (name, reason) in reasons {
        let line =
            format!("\nWARNING:retrain:Error during processing file {dir}/{name} ({reason})\n");
        assert!(outcome.stderr.contains(&line), "{line}\n{}", outcome.stderr);
    }
    // They are in no set: training and testing are the same without them.
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
    let misclassified = outcome.stderr.split("MISCLASSIFIED").nth(1).unwrap();
    assert!(!misclassified.contains("/z"), "{misclassified}");
    fs::remove_file(workspace.path(dir).join(OsString::from_vec(b"z\xff.jpg".to_vec()))).unwrap();
    assert!(files_under(&workspace.path("bottlenecks")).iter().all(|f| !f.contains("/z")));
}

#[test]
fn classes_of_bad_images_alone_are_named_and_two_good_ones_are_needed() {
    let workspace = Workspace::with_photos(20);
    for i in 0..20 {
        workspace.write(&format!("photos/dark cloud/{i}.jpg"), "noise");
    }
    let outcome = workspace.retrain(&["--on_bad_image=skip"]).expect_code(0);
    outcome.says(
        "WARNING:retrain:Label 'dark cloud' has no usable images: it is kept, but never learnt\n",
    );
    fs::remove_dir_all(workspace.path("photos/open cluster")).unwrap();
    // The same as with only one directory.
    let outcome = workspace.retrain(&["--on_bad_image=skip"]).expect_code(255);
    let message =
        "photos: fewer than two classes have usable images left; see the warnings above\n";
    outcome.says(&format!("ERROR:retrain:{message}"));
}

#[test]
fn label_image_refuses_bombs_too() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    for (name, bomb) in [
        ("bomb.gif", gif(1, 65_535, 1)),
        ("bomb.jpg", jpeg(65_535, 65_535)),
        ("bomb.png", png(60_000, 60_000)),
    ] {
        workspace.write(name, bomb);
        workspace
            .label_image(&[&format!("--image={name}")])
            .expect_code(1)
            .says("more than the 178956970 allowed");
    }
}

#[test]
fn distorted_runs_name_what_cannot_be_decoded() {
    let workspace = Workspace::with_photos(20);
    for i in 0..20 {
        workspace.write(&format!("photos/open cluster/o{i:05}.jpg"), b"%PDF-1.4");
    }
    let outcome = workspace.retrain(&["--flip_left_right"]).expect_code(1);
    outcome.says("(is PDF, not JPEG, PNG, GIF, BMP, TIFF, WebP or FITS; convert it first)");
}
