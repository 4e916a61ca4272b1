//! Runs on TensorFlow 2 SavedModels and on TF-Hub modules, each named by either setting: from a
//! directory, an archive and an address, and with photographs of every kind.

use super::fits_files::fits_file;
use super::http::{Reply, Server};
use super::loading::load_tensorflow;
use super::small_module::{FEATURES, SIDE, SmallModule, VariableKind, scale};
use super::small_saved_model::SmallSavedModel;
use super::support::{
    LABEL_IMAGE, OUTPUTS, Outcome, RETRAIN, Workspace, command, run, run_with_env, scores,
};
use flate2::write::GzEncoder;
use retrain::model::{OwnGraph, create_module_graph, create_own_graph};
use std::fs;
use std::path::{Path, PathBuf};

fn retrain(workspace: &Workspace, model: &str) -> Outcome {
    let flags = [
        "--image_dir=photos",
        model,
        "--how_many_training_steps=20",
        "--random_seed=1",
        "--checkpoint_path=checkpoint/head",
    ];
    let cache = workspace.path("cache");
    let env = [("TFHUB_CACHE_DIR", cache.to_str().unwrap()), ("NO_PROXY", "127.0.0.1")];
    run_with_env(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat(), &env)
}

/// The bottlenecks of a run, by photograph.
fn bottlenecks(workspace: &Workspace) -> Vec<String> {
    let dir = workspace.path("bottlenecks/open cluster");
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// A small model's archive.
fn archive() -> Vec<u8> {
    let workspace = Workspace::new();
    SmallSavedModel::new().write(&workspace.path("model"));
    pack(&workspace.path("model"), &workspace.path("model.tgz"));
    fs::read(workspace.path("model.tgz")).unwrap()
}

#[test]
fn either_setting_takes_a_directory_an_archive_and_an_address() {
    let archive = archive();
    let content = archive.clone();
    let server = Server::new(move |_, _| Reply::new("200 OK", content.clone()));
    let url = server.url("/flowers/1");
    let mut found = Vec::new();
    for setting in ["architecture", "tfhub_module"] {
        for model in ["./model", "model.tgz", &url] {
            let workspace = Workspace::with_photos(20);
            SmallSavedModel::new().write(&workspace.path("model"));
            workspace.write("model.tgz", &archive);
            let outcome = retrain(&workspace, &format!("--{setting}={model}")).expect_code(0);
            let outcome = outcome.says("INFO:tensorflow:Final test accuracy");
            let outcome = outcome.says("--input_tensor=images (the signature)");
            if setting == "tfhub_module" {
                outcome.says(&format!(
                    "INFO:retrain:{model} is a SavedModel of TensorFlow 2; more can be said about \
                     it with --architecture"
                ));
            }
            let labelled = workspace.label_image(&["--image=photos/open cluster/o00001.jpg"]);
            assert_eq!(scores(&labelled.expect_code(0).stdout).len(), 2);
            found.push(bottlenecks(&workspace));
        }
    }
    assert!(!found[0].is_empty());
    assert!(found.iter().all(|b| *b == found[0]), "the same features");
}

/// Packs a directory.
fn pack(dir: &Path, archive: &Path) {
    let file = fs::File::create(archive).unwrap();
    let mut tar = tar::Builder::new(GzEncoder::new(file, flate2::Compression::fast()));
    tar.append_dir_all(".", dir).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

#[test]
fn a_tf_hub_module_is_taken_as_an_architecture() {
    let workspace = Workspace::with_photos(20);
    SmallModule::new(VariableKind::Resource).write(&workspace.path("module"));
    let outcome = retrain(&workspace, "--architecture=./module").expect_code(0);
    outcome.says("INFO:retrain:./module is a TF-Hub module of the first format (--tfhub_module)");
    let flags =
        ["--graph=graph.pb", "--labels=labels.txt", "--image=photos/open cluster/o00001.jpg"];
    let labelled = run(LABEL_IMAGE, workspace.root(), &flags).expect_code(0);
    assert_eq!(scores(&labelled.stdout).len(), 2);
    load_tensorflow();
    let module =
        create_module_graph(workspace.path("module").to_str().unwrap(), Path::new("")).unwrap();
    let path = workspace.path("module");
    let own = OwnGraph { path, ..OwnGraph::default() };
    assert_eq!(create_own_graph(&own, Path::new("")).unwrap().content_hash, module.content_hash);
    let error = create_own_graph(&OwnGraph { input_mean: Some(1.0), ..own }, Path::new(""))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("`input_mean`: goes with no TF-Hub module, and "), "{error}");
}

#[test]
fn of_a_file_of_keras_the_command_that_exports_it_is_named() {
    let workspace = Workspace::with_photos(20);
    let zip = |first: &str| [&b"PK\x03\x04"[..], &[0; 26], first.as_bytes(), b"rest"].concat();
    workspace.write("flowers.keras", zip("metadata.json"));
    workspace.write("it's", zip("metadata.json"));
    workspace.write("old/flowers.h5", b"\x89HDF\r\n\x1a\nrest");
    for (file, word, dir) in [
        ("flowers.keras", "flowers.keras", "flowers"),
        ("old/flowers.h5", "old/flowers.h5", "old/flowers"),
        ("it's", "'it'\\''s'", "'it'\\''s_saved_model'"),
    ] {
        retrain(&workspace, &format!("--architecture={file}")).expect_code(2).says(&format!(
            "--architecture: {file}: is a model as Keras saves it; export it with\n  python -c \
             \"import keras, sys; keras.saving.load_model(sys.argv[1]).export(sys.argv[2])\" \
             {word} {dir}\nand give --architecture={dir}"
        ));
    }
    workspace.write("other.zip", zip("readme.txt"));
    let outcome = retrain(&workspace, "--architecture=other.zip");
    assert!(outcome.code != 0 && !outcome.stderr.contains("Keras"), "{}", outcome.stderr);
    fs::create_dir(workspace.path("empty")).unwrap();
    retrain(&workspace, "--architecture=./empty").expect_code(2).says(
        "--architecture: ./empty: is a directory without saved_model.pb; give a SavedModel's \
         directory, the path of a frozen GraphDef, or a model's name",
    );
}

/// Photographs as FITS files, grey and in floats.
fn with_fits() -> Workspace {
    let workspace = Workspace::with_photos(20);
    for class in ["globular cluster", "open cluster"] {
        for entry in fs::read_dir(workspace.path("photos").join(class)).unwrap() {
            let path = entry.unwrap().path();
            let photo = image::open(&path).unwrap().into_luma8();
            let values: Vec<f32> = photo.pixels().map(|p| f32::from(p.0[0]).powi(3)).collect();
            let (width, height) = (photo.width() as usize, photo.height() as usize);
            fs::write(path.with_extension("fits"), fits_file(&[width, height], &values)).unwrap();
            fs::remove_file(path).unwrap();
        }
    }
    SmallSavedModel::new().write(&workspace.path("model"));
    workspace
}

/// Runs the command for a shell that is printed below `title`.
fn run_printed(workspace: &Workspace, script: &str, title: &str) {
    let text = script.split(&format!("# {title}\n")).nth(1).unwrap().split("\n\n").next().unwrap();
    let programs = Path::new(LABEL_IMAGE).parent().unwrap();
    let path = [programs.into(), PathBuf::from("/usr/bin"), "/bin".into()];
    let path = std::env::join_paths(path).unwrap();
    let mut shell = command("sh", workspace.root(), &["-ec", text]);
    let output = shell.env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn fits_images_train_a_saved_model_and_other_programs_get_what_it_sees() {
    let workspace = with_fits();
    let flags = [
        "--architecture=./model",
        "--fits_interval=zscale",
        "--fits_stretch=asinh",
        "--saved_model_dir=served",
        "--print_commands",
    ];
    let script = workspace.retrain(&flags).expect_code(0).stdout;
    run_printed(&workspace, &script, "What the network sees, as PNGs for the programs below");
    let metadata = super::support::json(&workspace.path("graph.pb.json"));
    let tested = metadata["split"]["testing"][0].as_str().unwrap();
    let preview = format!("previews/{tested}.png");
    assert!(script.contains(&format!("--image='{preview}'")), "{script}");
    assert!(!script.contains("_int8"), "no photographs that TensorFlow decodes: {script}");

    // A feature is a pixel in -1 to 1, times its own number.
    let pixels = image::open(workspace.path(&preview)).unwrap().into_rgb8().into_raw();
    let (dir, file) = tested.strip_prefix("photos/").unwrap().split_once('/').unwrap();
    let cached = fs::read_dir(workspace.path("bottlenecks").join(dir)).unwrap();
    let mut cached = cached.map(|entry| entry.unwrap().path());
    let is_its = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(file);
    let cached = cached.find(is_its).unwrap();
    let features: Vec<f32> =
        fs::read_to_string(cached).unwrap().split(',').map(|x| x.parse().unwrap()).collect();
    assert_eq!((features.len(), pixels.len()), (FEATURES, SIDE * SIDE * 3));
    for ((feature, pixel), scale) in features.iter().zip(pixels).zip(scale()) {
        let seen = (f32::from(pixel) - 127.5) / 127.5 * scale;
        // A preview has whole numbers.
        assert!((feature - seen).abs() <= 0.51 / 127.5 * scale.abs(), "{feature} {seen}");
    }
    let image = |path: &str| {
        let labelled = workspace.label_image(&[&format!("--image={path}")]).expect_code(0);
        scores(&labelled.stdout)
    };
    for (of_fits, of_preview) in image(tested).iter().zip(image(&preview)) {
        assert_eq!(of_fits.0, of_preview.0);
        assert!((of_fits.1 - of_preview.1).abs() < 0.02, "{of_fits:?} {of_preview:?}");
    }
}

#[test]
fn of_what_only_label_image_reads_its_previews_are_named() {
    let workspace = Workspace::with_photos(20);
    let flags = ["--exif_orientation", "--saved_model_dir=served", "--print_commands"];
    let outcome = workspace.retrain(&flags).expect_code(0);
    let outcome = outcome.says(
        "WARNING:retrain:served: its signatures that take files read them as they are stored; \
         --exif_orientation is label_image's alone",
    );
    assert!(outcome.stdout.contains("label_image --graph=graph.pb --save_preview=previews"));
    assert!(outcome.stdout.contains("_int8"));
    let outcome = workspace.retrain(&["--print_commands"]).expect_code(0);
    assert!(!outcome.stdout.contains("previews"), "{}", outcome.stdout);
}
