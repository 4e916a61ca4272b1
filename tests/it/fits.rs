//! FITS files as astropy reads them (RETRAIN_PEER_TF2 names a Python that has it): values,
//! intervals and stretches, cut-outs, coordinates.

use super::support::{Workspace, ask_peer, python};
use retrain::images::Raster;
use retrain::images::fits::{FitsSettings, Frame, Hdu, Interval, Stretch, Values, size};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// astropy's files, and its answers about them.
struct Astropy {
    workspace: Workspace,
    answer: Value,
}

impl Astropy {
    /// Asked once; `None` without a peer.
    fn get() -> Option<&'static Self> {
        static MADE: OnceLock<Option<Astropy>> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let python = python("RETRAIN_PEER_TF2")?;
            let workspace = Workspace::new();
            let answer = ask_peer(&python, "fits.py", &json!({ "dir": workspace.path("") }));
            Some(Self { workspace, answer })
        });
        made.as_ref()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.answer[name].as_array().unwrap()
    }

    fn content(&self, name: &Value) -> Vec<u8> {
        std::fs::read(self.workspace.path(name.as_str().unwrap())).unwrap()
    }

    fn values(&self, name: &Value) -> Vec<f64> {
        let bytes = self.content(name);
        bytes.chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }
}

/// Settings, from their texts.
fn settings(interval: &Value, stretch: &Value) -> FitsSettings {
    FitsSettings {
        interval: interval.as_str().unwrap().parse().unwrap(),
        stretch: stretch.as_str().unwrap().parse().unwrap(),
        ..FitsSettings::default()
    }
}

fn doubles(values: &Values) -> Vec<f64> {
    match values {
        Values::Single(values) => values.iter().map(|&value| value.into()).collect(),
        Values::Double(values) => values.clone(),
    }
}

/// Asserts that both are equal within `tolerance`, relative above 1, and NaN in the same places.
fn assert_alike(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let near = (a - b).abs() <= tolerance * b.abs().max(1.0);
        assert!(near || a == b || a.is_nan() && b.is_nan(), "{what}: {a}, not {b}, at {i}");
    }
}

#[test]
fn values_are_astropys() {
    let Some(astropy) = Astropy::get() else { return };
    for case in astropy.list("files") {
        let (name, content) = (case["file"].as_str().unwrap(), astropy.content(&case["file"]));
        let shape: Vec<u64> =
            case["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        let (&[height, width], planes) = (shape.last_chunk().unwrap(), shape.len() - 2);
        let default = FitsSettings::default();
        if planes == 1 && shape[0] == 30 {
            let why = Frame::read(&content, &default).unwrap_err();
            assert_eq!(why, "is a cube of 30 planes; choose one or three with `fits_planes`");
            continue;
        }
        let frame = Frame::read(&content, &default).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((frame.width as u64, frame.height as u64), (width, height), "{name}");
        assert_eq!(size(&content, &default), Ok((width, height)), "{name}");
        assert_alike(&doubles(&frame.values), &astropy.values(&case["values"]), 2e-7, name);
        let hdu = Hdu::Number(case["hdu"].as_u64().unwrap() as usize);
        let by_number = Frame::read(&content, &FitsSettings { hdu: Some(hdu), ..default });
        let (first, same) = (doubles(&frame.values), doubles(&by_number.unwrap().values));
        assert_alike(&first, &same, 0.0, name);
    }
    assert!(astropy.list("files").len() > 80);
}

#[test]
fn hdus_and_planes_are_chosen() {
    let Some(astropy) = Astropy::get() else { return };
    let read = |file: &str, hdu: Option<&str>, planes: Option<&str>| {
        let hdu = hdu.map(|hdu| hdu.parse().unwrap());
        let planes = planes.map(|planes| planes.parse().unwrap());
        let settings = FitsSettings { hdu, planes, ..FitsSettings::default() };
        let frame = Frame::read(&astropy.content(&file.into()), &settings)?;
        Ok::<_, String>(doubles(&frame.values))
    };
    let science = read("multi.fits", None, None).unwrap();
    for hdu in ["SCI", "sci", "3"] {
        assert_eq!(read("multi.fits", Some(hdu), None).unwrap(), science);
        assert_eq!(read("multi.fits.gz", Some(hdu), None).unwrap(), science);
    }
    let whole: Vec<f64> = science.iter().map(|value| value.trunc()).collect();
    assert_eq!(read("multi.fits", Some("DQ"), None).unwrap(), whole);
    let cube = read("cube.fits", None, None).unwrap();
    let planes: Vec<&[f64]> = cube.chunks(cube.len() / 3).collect();
    let turned = [planes[2], planes[1], planes[0]].concat();
    assert_eq!(read("cube.fits", None, Some("2,1,0")).unwrap(), turned);
    assert_eq!(read("cube.fits", None, Some("1")).unwrap(), planes[1]);
    let tiles = read("RICE_1_cube_tiles.fits", None, None).unwrap();
    let of_tiles = read("RICE_1_cube_tiles.fits", None, Some("1")).unwrap();
    assert_eq!(of_tiles, tiles[planes[0].len()..][..planes[0].len()]);
    let deep = read("cube30.fits", None, Some("29")).unwrap();
    let shallow = read("cube30.fits", None, Some("0")).unwrap();
    assert!(deep.iter().zip(&shallow).all(|(deep, shallow)| deep - shallow == 29.0));
    let list = "HDU 0 is empty, HDU 1 (EVENTS) is a table";
    for (file, hdu, planes, why) in [
        ("table.fits", None, None, format!("holds no image: {list}")),
        ("table.fits", Some("7"), None, format!("has no HDU 7 (`fits_hdu`): {list}")),
        ("table.fits", Some("SCI"), None, format!("has no HDU SCI (`fits_hdu`): {list}")),
        (
            "multi.fits",
            Some("events"),
            None,
            "has no image where `fits_hdu` points: HDU 1 is a table".into(),
        ),
        (
            "multi.fits",
            Some("2"),
            None,
            "has no image where `fits_hdu` points: HDU 2 has one axis".into(),
        ),
        (
            "cube30.fits",
            None,
            Some("30"),
            "has 30 planes, 0 to 29: no plane 30 (`fits_planes`)".into(),
        ),
        (
            "float32.fits",
            None,
            Some("2,1,0"),
            "has one plane, 0: no plane 2 (`fits_planes`)".into(),
        ),
    ] {
        assert_eq!(read(file, hdu, planes).unwrap_err(), why);
    }
}

#[test]
fn brightness_is_astropys() {
    let Some(astropy) = Astropy::get() else { return };
    for case in astropy.list("scaled") {
        let settings = settings(&case["interval"], &case["stretch"]);
        let frame = Frame::read(&astropy.content(&case["file"]), &settings).unwrap();
        let theirs = astropy.values(&case["values"]);
        let ours: Vec<f64> = frame.scaled().iter().map(|&value| value.into()).collect();
        assert_alike(&ours, &theirs, 1e-5, &case.to_string());
        // As 0 to 255, the first row at the top.
        let Raster { width, height, depth, pixels } = frame.raster();
        assert_eq!((width, height, depth), (frame.width, frame.height, 3));
        for (i, pixel) in pixels.chunks(3).enumerate() {
            let (x, y) = (i % width, height - 1 - i / width);
            for (colour, &level) in pixel.iter().enumerate() {
                let plane = if frame.planes() == 1 { 0 } else { colour };
                let theirs = theirs[(plane * height + y) * width + x];
                let wanted = if theirs.is_nan() { 0.0 } else { theirs * 255.0 };
                let off = (f64::from(level) - wanted).abs();
                assert!(off < 0.502, "{case}: {level}, not {wanted}, at {x}, {y}");
            }
        }
    }
    assert!(astropy.list("scaled").len() > 400);
}

#[test]
fn three_planes_are_composed_as_astropy_does() {
    let Some(astropy) = Astropy::get() else { return };
    let settings = settings(&"zscale".into(), &"asinh".into());
    let frame = Frame::read(&astropy.content(&"cube.fits".into()), &settings).unwrap();
    let theirs = astropy.values(&astropy.answer["rgb"]);
    let ours = frame.raster().pixels;
    assert_eq!(ours.len(), theirs.len());
    // It rounds down.
    let near = |(&a, b): (&u8, &f64)| (0.0..=1.0).contains(&(f64::from(a) - b));
    assert!(ours.iter().zip(&theirs).all(near));
}

#[test]
fn cutouts_are_astropys() {
    let Some(astropy) = Astropy::get() else { return };
    for case in astropy.list("cutouts") {
        let zscale = settings(&"zscale".into(), &"asinh".into());
        let frame = Frame::read(&astropy.content(&case["file"]), &zscale).unwrap();
        let [x, y] = [0, 1].map(|i| case["position"][i].as_f64().unwrap());
        let [width, height] = [0, 1].map(|i| case["size"][i].as_u64().unwrap() as usize);
        let cut = frame.cutout(x, y, width, height).unwrap();
        assert_eq!((cut.width, cut.height), (width, height));
        let theirs = astropy.values(&case["values"]);
        assert_alike(&doubles(&cut.values), &theirs, 2e-7, &case.to_string());
        // As bytes it gives the same pixels, and so does the file that astropy wrote.
        let again = Frame::read(&cut.to_fits(), &zscale).unwrap();
        assert_alike(&doubles(&again.values), &doubles(&cut.values), 0.0, &case.to_string());
        assert_eq!(again.raster(), cut.raster());
        let written = Frame::read(&astropy.content(&case["cut"]), &zscale).unwrap();
        let (ours, theirs) = (cut.raster().pixels, written.raster().pixels);
        assert!(ours.iter().zip(&theirs).all(|(a, b)| a.abs_diff(*b) <= 1), "{case}");
    }
}

#[test]
fn positions_are_at_the_pixels_that_astropy_says() {
    let Some(astropy) = Astropy::get() else { return };
    let mut largest = 0f64;
    for case in astropy.list("wcs") {
        let frame = Frame::read(
            &astropy.content(&case["file"]),
            &FitsSettings { hdu: None, ..FitsSettings::default() },
        );
        let frame = frame.unwrap();
        for point in case["points"].as_array().unwrap() {
            let [ra, dec, x, y] = [0, 1, 2, 3].map(|i| point[i].as_f64().unwrap());
            let pixel = frame.pixel(ra, dec).unwrap_or_else(|e| panic!("{}: {e}", case["header"]));
            let (our_x, our_y) = pixel.unwrap_or((f64::NAN, f64::NAN));
            let off = (our_x - x).hypot(our_y - y);
            assert!(off < 1e-5, "{}: ({our_x}, {our_y}), not {point}", case["header"]);
            largest = largest.max(off);
        }
    }
    println!("pixels agree to {largest:.1e}");
    assert!(astropy.list("wcs").len() > 40);
}

#[test]
fn settings_are_read_as_they_are_shown() {
    for interval in ["minmax", "percentile:99.5", "percentile:100", "zscale"] {
        assert_eq!(interval.parse::<Interval>().unwrap().to_string(), interval);
    }
    for stretch in
        ["linear", "sqrt", "log", "log:50", "asinh", "asinh:0.05", "sinh", "sinh:0.5", "histeq"]
    {
        assert_eq!(stretch.parse::<Stretch>().unwrap().to_string(), stretch);
    }
    assert_eq!("asinh:0.1".parse::<Stretch>().unwrap().to_string(), "asinh");
    assert_eq!("2, 1,0".parse::<retrain::images::fits::Planes>().unwrap().to_string(), "2,1,0");
    for wrong in ["", "percentile", "percentile:0", "percentile:101", "percentile:x", "max"] {
        assert!(wrong.parse::<Interval>().is_err(), "{wrong}");
    }
    for wrong in ["", "linear:2", "log:0", "log:-1", "asinh:0", "asinh:nan", "sinh:1e-9", "cube"] {
        assert!(wrong.parse::<Stretch>().is_err(), "{wrong}");
    }
    for wrong in ["", "1,2", "1,2,3,4", "-1", "a"] {
        assert!(wrong.parse::<retrain::images::fits::Planes>().is_err(), "{wrong}");
    }
}
