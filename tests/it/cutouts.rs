//! Catalogues of sources in one frame: cut-outs take the place of photographs.

use super::fits_files::fits_file;
use super::support::{
    LABEL_IMAGE, OUTPUTS, Outcome, RETRAIN, Workspace, json, miniature_dir, python, run,
};
use retrain::images::fits::{Centre, FitsSettings, Frame, FrameFile, Region};
use retrain::images::{Photograph, Reading};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::sync::Arc;

/// A frame with its catalogues, made by astropy, and what astropy cuts out of it.
fn survey(workspace: &Workspace) -> Option<Value> {
    let python = python("RETRAIN_PEER_TF2")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/cutouts.py");
    let made = Command::new(python).arg(script).arg(workspace.root()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(serde_json::from_slice(&made.stdout).unwrap())
}

fn retrain(workspace: &Workspace, args: &[&str]) -> Outcome {
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let defaults = ["--architecture=miniature", "--random_seed=1", &model_dir];
    run(RETRAIN, workspace.root(), &[&defaults, &OUTPUTS[..], args].concat())
}

fn label_image(workspace: &Workspace, args: &[&str]) -> Outcome {
    run(LABEL_IMAGE, workspace.root(), &[&["--graph=graph.pb"], args].concat())
}

/// A frame with two kinds of sources, and a catalogue of its 24 in the columns of SExtractor.
pub(crate) fn made(workspace: &Workspace) {
    let (width, height) = (240, 160);
    let mut values = vec![10.0f32; width * height];
    let mut rows = String::from("NUMBER,X_IMAGE,Y_IMAGE,label\n");
    for source in 0..24 {
        let (x, y) = (20 + 40 * (source % 6), 20 + 40 * (source / 6));
        let reach = if source % 2 == 0 { 1 } else { 8 };
        for row in y - reach..=y + reach {
            for column in x - reach..=x + reach {
                values[row * width + column] = 500.0 + (row * column) as f32;
            }
        }
        let label = ["point", "extended"][source % 2];
        rows += &format!("{source},{},{},{label}\n", x + 1, y + 1);
    }
    workspace.write("frame.fits", fits_file(&[width, height], &values));
    workspace.write("sources.csv", rows);
}

#[test]
fn a_frame_and_its_catalogue_train_and_label() {
    let workspace = Workspace::new();
    made(&workspace);
    let frame = ["--cutouts=sources.csv", "--image=frame.fits", "--cutout_size=24"];
    let options = ["--fits_stretch=sqrt", "--optimizer=lbfgs", "--testing_percentage=20"];
    let options = [&options[..], &["--print_commands"]].concat();
    let outcome = retrain(&workspace, &[&frame[..], &options].concat()).expect_code(0);
    let preview = "label_image --graph=graph.pb --save_preview=previews --cutouts=sources.csv \
                   --image=frame.fits\n";
    assert!(outcome.stdout.contains(preview), "{}", outcome.stdout);
    let outcome = outcome
        .says(
            "sources.csv: x from 'X_IMAGE', y from 'Y_IMAGE', label; the first pixel's centre is 1",
        )
        .says("--cutouts=sources.csv --image=frame.fits");
    assert!(!outcome.stderr.contains("nearly black"), "{}", outcome.stderr);
    let metadata = json(&workspace.path("graph.pb.json"));
    assert_eq!(metadata["input"]["format_options"]["fits_stretch"], "sqrt");
    assert_eq!(metadata["settings"]["cutout_size"], 24);
    // The stretch is that of the metadata; the answers are keyed by the catalogue.
    let labelled = label_image(&workspace, &[&frame[..], &["--format=csv"]].concat());
    let labelled = labelled.expect_code(0);
    let lines: Vec<&str> = labelled.stdout.lines().collect();
    assert_eq!(lines.len(), 25);
    assert!(lines[0].starts_with("id,image,label,score"), "{}", lines[0]);
    let right = |line: &&&str| {
        let cells: Vec<&str> = line.split(',').collect();
        let source: usize = cells[0].parse().unwrap();
        assert_eq!(cells[1], format!("frame.fits#{source}"));
        cells[2] == ["point", "extended"][source % 2]
    };
    assert_eq!(lines[1..].iter().filter(right).count(), 24);
    let evaluated = label_image(&workspace, &[&frame[..], &["--evaluate"]].concat());
    assert!(evaluated.expect_code(0).stdout.contains("24 of 24"));
    // A second run finds all cut-outs in the cache; one at another place is another cut-out.
    let again = retrain(&workspace, &[&frame[..], &options].concat()).expect_code(0);
    assert!(!again.stderr.contains("bottlenecks computed"), "{}", again.stderr);
    let moved = fs::read_to_string(workspace.path("sources.csv")).unwrap();
    workspace.write("sources.csv", moved.replacen("0,21,21,", "0,23,21,", 1));
    let again = retrain(&workspace, &[&frame[..], &options].concat()).expect_code(0);
    again.says("1 bottleneck computed");
    // From the least to the greatest value, a line leaves most frames black.
    let linear = retrain(&workspace, &[&frame[..], &["--noreport"]].concat()).expect_code(0);
    linear.says("24 FITS images read with --fits_interval=minmax --fits_stretch=linear");
}

#[test]
fn what_cannot_be_cut_out_is_said_before_the_work_or_for_each_source() {
    let workspace = Workspace::new();
    made(&workspace);
    let frame = ["--cutouts=sources.csv", "--image=frame.fits"];
    let with = |more: &[&str]| retrain(&workspace, &[&frame[..], more].concat());
    with(&[]).expect_code(2).says("--cutout_size").says("no column for the size");
    with(&["--cutout_size=0"]).expect_code(2).says("must be from 1 to 4096 pixels, not 0");
    with(&["--cutout_size=24", "--image_list=x.csv"]).expect_code(2).says("exclude each other");
    let retrain = |args: &[&str]| retrain(&workspace, args);
    retrain(&["--cutouts=sources.csv"]).expect_code(2).says("the FITS file to cut out of");
    let no_frame = ["--cutouts=sources.csv", "--cutout_size=24", "--image=gone.fits"];
    retrain(&no_frame).says("gone.fits: there is no such file; give the FITS file");
    let no_fits = ["--cutouts=sources.csv", "--cutout_size=24", "--image=sources.csv"];
    retrain(&no_fits).says("sources.csv: is not a FITS file");
    retrain(&["--cutout_size=24"]).expect_code(2).says("needs --cutouts");
    workspace.write("sky.csv", "id,ra,dec,size,label\na,1,2,24,x\nb,1,2,24,y\n");
    let sky = retrain(&["--cutouts=sky.csv", "--image=frame.fits"]);
    sky.says("frame.fits#a").says("frame.fits has no WCS");
    for (rows, why) in [
        ("a,one,2,24,x", "line 2 has 'one' as x; it must be a number"),
        ("a,1,2,24.5,x", "line 2 has the size 24.5; it must be whole pixels"),
        ("a,1,2,24,x\na,9,2,24,x", "line 3 lists frame.fits#a with another place"),
        (",1,2,24,x", "line 2 has no id"),
        ("a,1,2,24,x\nb,-500,2,24,y", "lies outside of frame.fits: pixel (-500.0, 2.0)"),
    ] {
        workspace.write("bad.csv", format!("id,x,y,size,label\n{rows}\n"));
        let outcome = retrain(&["--cutouts=bad.csv", "--image=frame.fits"]);
        assert_ne!(outcome.code, 0);
        outcome.says(why);
    }
    // What is wrong with the columns of the pixels is not hidden by those of the sky.
    workspace.write("bad.csv", "id,x,X,y,ra,dec,size,label\na,1,1,2,10,20,24,x\n");
    let bad = ["--cutouts=bad.csv", "--image=frame.fits"];
    retrain(&bad).expect_code(255).says("bad.csv: has two columns called 'x'");
    retrain(&[&bad[..], &["--image_list_columns=ra=ra"]].concat()).says("ra, dec, size");
}

#[test]
fn a_cut_out_needs_no_choice_of_image_or_planes_any_more() {
    let workspace = Workspace::new();
    let values: Vec<f32> = (0..3 * 20 * 20).map(|i| i as f32).collect();
    let bytes = fits_file(&[20, 20, 3], &values);
    let path = workspace.write("cube.fits", &bytes);
    let reversed = FitsSettings { planes: "2,1,0".parse().ok(), ..FitsSettings::DEFAULT };
    let frame = Arc::new(FrameFile::new(&path, reversed.clone()));
    let region = Region { centre: Centre::Pixel(10.0, 10.0), size: 20 };
    let photograph = Photograph::cut_out(frame, "all", region);
    let (_, content) = photograph.read().unwrap();
    let reading = Reading { fits: reversed, ..Reading::DEFAULT };
    let whole = Frame::read(&bytes, &reading.fits).unwrap().raster();
    assert_eq!(Frame::read(&content, &reading.fits).unwrap().raster(), whole);
}

#[test]
fn cut_outs_are_those_of_astropy() {
    let workspace = Workspace::new();
    let Some(cut) = survey(&workspace) else { return };
    let settings = FitsSettings { stretch: "asinh".parse().unwrap(), ..FitsSettings::DEFAULT };
    let frame = FrameFile::new(workspace.path("frame.fits"), settings.clone());
    let mut catalogue = csv::Reader::from_path(workspace.path("catalogue.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = catalogue.records().map(Result::unwrap).collect();
    for source in cut.as_array().unwrap() {
        let row = rows.iter().find(|row| row[0] == *source["id"].as_str().unwrap()).unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let size: usize = row[5].parse().unwrap();
        let expected: Vec<i64> = source["pixels"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|pixel| pixel.as_i64().unwrap())
            .collect();
        for centre in [Centre::Pixel(number(1), number(2)), Centre::Sky(number(3), number(4))] {
            let content = frame.cutout(&Region { centre, size }).unwrap();
            let raster = Frame::read(&content, &settings).unwrap().raster();
            let grey = raster.pixels.chunks_exact(3).map(|pixel| i64::from(pixel[0]));
            assert_eq!(expected.len(), size * size);
            let farthest = grey.zip(&expected).map(|(made, wanted)| (made - wanted).abs()).max();
            // Where brightness is half-way between two levels, the last bit decides.
            assert!(farthest <= Some(1), "{}: {farthest:?}", &row[0]);
        }
    }
}

#[test]
fn a_survey_trains_on_pixels_and_labels_by_the_sky() {
    let workspace = Workspace::new();
    if survey(&workspace).is_none() {
        return;
    }
    let frame = ["--cutouts=catalogue.csv", "--image=frame.fits", "--fits_stretch=asinh"];
    retrain(&workspace, &[&frame[..], &["--optimizer=lbfgs"]].concat()).expect_code(0);
    let sky = ["--cutouts=sky.csv", "--image=frame.fits", "--evaluate", "--json"];
    let evaluated = label_image(&workspace, &sky).expect_code(0);
    let evaluated: Value = serde_json::from_str(&evaluated.stdout).unwrap();
    assert_eq!(evaluated["photographs"], 201);
    // Concentrated and scattered stars are easily told apart.
    assert!(evaluated["accuracy"].as_f64().unwrap() > 0.95, "{evaluated}");
}
